/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#ifndef BA_CLIENT_H
#define BA_CLIENT_H

#include <httpd.h>

/* Has the client of a request gone? Looks, and neither waits nor reads.
 *
 * HTTP/1, with TLS or without: its connection was reset, or it has closed its side.
 * A client that closes only its sending side and goes on listening looks the same, so who
 * asks should still answer. HTTP/2: its stream was reset, or the connection is over, as
 * far as mod_http2 has noticed, which watches the connection meanwhile. Behind a proxy the
 * client is the proxy, which may or may not pass on that its own has gone. */
int ba_client_gone(request_rec *r);

#endif
