/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Require betterauth email-verified | fresh [AGE] | email PATTERN … */

#ifndef BA_REQUIRE_H
#define BA_REQUIRE_H

#include <httpd.h>

void ba_require_register(apr_pool_t *pool);

/* True if a "fresh" line has said no to r for somebody who is signed in: entering the
 * password again would help. */
int ba_require_wants_fresh(const request_rec *r);

#endif
