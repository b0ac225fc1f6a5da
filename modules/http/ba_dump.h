/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* apachectl -t -D DUMP_BETTERAUTH: what the configuration comes to. */

#ifndef BA_DUMP_H
#define BA_DUMP_H

#include <httpd.h>
#include <http_config.h>

/* Hook test_config: prints each server's settings and guarded locations to stdout, if asked
 * for. Never a secret. docs/dump.md describes the output, t/access/dump.t holds it. */
void ba_dump_test(apr_pool_t *pconf, server_rec *main);

/* The <VirtualHost> node of a server; NULL: the main one. */
const ap_directive_t *ba_dump_host(const server_rec *s);

/* The last directive of that name in force in a virtual host (NULL: the main server),
 * outside of all sections; NULL: none. */
const ap_directive_t *ba_dump_written(const ap_directive_t *host, const char *name,
                                      apr_pool_t *pool);

#endif
