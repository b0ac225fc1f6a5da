/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_client.h"

#include <apr_portable.h>
#include <http_core.h>
#include <poll.h>

#ifndef POLLRDHUP
#define POLLRDHUP 0 /* then only a reset is seen */
#endif

int ba_client_gone(request_rec *r)
{
    conn_rec *c = r->connection;
    struct pollfd look = {-1, POLLRDHUP, 0};
    apr_socket_t *socket;

    /* a stream of HTTP/2 has no socket, but a dummy of mod_http2's */
    if (c->aborted || c->master) {
        return c->aborted;
    }
    socket = ap_get_conn_socket(c);
    if (!socket || apr_os_sock_get(&look.fd, socket) != APR_SUCCESS) {
        return 0;
    }
    /* not a peek by recv(): behind unread data, such as TLS' farewell, it sees no end */
    return poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR));
}
