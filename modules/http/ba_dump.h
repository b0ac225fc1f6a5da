/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* apachectl -t -D DUMP_BETTERAUTH: what the configuration comes to. */

#ifndef BA_DUMP_H
#define BA_DUMP_H

#include <httpd.h>

/* Hook test_config: prints each server's settings and guarded locations to stdout, if asked
 * for. Never a secret. docs/dump.md describes the output, t/access/dump.t holds it. */
void ba_dump_test(apr_pool_t *pconf, server_rec *main);

#endif
