/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Ends what goes on for hours once the session that was let into it is over: websockets
 * and other upgraded connections, and event streams. A thread in each child looks at the
 * revocation counters, asks the database when they or the clock say so, and shuts the
 * client's connection down, below TLS. It is no watchdog of mod_watchdog's, since those
 * stop when a graceful restart begins, and a child goes on for as long as its last
 * connection does.
 *
 * Not over HTTP/2: a stream has no connection of its own, and the others on it may be
 * somebody else's. */

#ifndef BA_TUNNELS_H
#define BA_TUNNELS_H

#include <httpd.h>

struct ba_call;

/* After the sites have been made. */
int ba_tunnels_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

void ba_tunnels_child_init(apr_pool_t *pchild, server_rec *s);

/* For fixups: watches a request that may stay open, until its pool goes; once per chain
 * of requests. call has found a session. Anything but OK: it cannot be watched, so it
 * must not be opened; logged. */
int ba_tunnels_watch(request_rec *r, const struct ba_call *call);

#endif
