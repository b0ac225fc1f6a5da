/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* AuthType Basic with AuthBasicProvider betterauth: programs that send address and
 * password with each request, such as git, curl and WebDAV clients. mod_auth_basic asks
 * and challenges; we compare. */

#ifndef BA_BASIC_H
#define BA_BASIC_H

#include <httpd.h>

/* The provider. */
void ba_basic_register(apr_pool_t *pool);

/* A check_authn hook that asks mod_auth_basic's, and turns its 500 into what it was: 503,
 * or 429 with the time to wait. */
int ba_basic_authn(request_rec *r);

#endif
