/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* httpd -t -D DUMP_BETTERAUTH_CTL: what betterauthctl has to know of a configuration,
 * which so has one reader. One JSON object, through descriptor 3, which must be a pipe:
 * it names the database with its password, so it is for a program that the operator has
 * started, and not for a terminal or a log. Nobody learns what they could not read
 * themselves, since they run httpd with their own rights. */

#ifndef BA_DUMP_CTL_H
#define BA_DUMP_CTL_H

#include <httpd.h>

/* A test_config hook. */
void ba_dump_ctl_test(apr_pool_t *pconf, server_rec *main);

#endif
