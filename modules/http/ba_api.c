/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_api.h"

#include "ba_httpd.h"
#include "ba_limit.h"
#include "ba_module.h"
#include "ba_mount.h"
#include "ba_settings.h"
#include "ba_routes.h"
#include "ba_task.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <string.h>

/* Fills call->body; 0 when the call has its answer. */
static int read_body(request_rec *r, ba_call *call)
{
    switch (ba_httpd_read_body(r, &call->body)) {
    case APR_SUCCESS:
        return 1;
    case APR_ENOSPC:
        /* what is left of the body must not be read as the next request */
        r->connection->keepalive = AP_CONN_CLOSE;
        ba_call_fail(call, &ba_err_too_large);
        return 0;
    default:
        r->connection->keepalive = AP_CONN_CLOSE;
        ba_call_fail(call, &ba_err_bad_json);
        return 0;
    }
}

/* A browser's question whether a request to come would be allowed. */
static int answer_preflight(request_rec *r)
{
    r->status = HTTP_NO_CONTENT;
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Methods", "GET, POST");
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Headers",
                   "content-type, authorization");
    apr_table_setn(r->err_headers_out, "Access-Control-Max-Age", "600");
    return OK;
}

/* What of the path names the endpoint; NULL if it is not below the mount. */
static const char *endpoint_of(request_rec *r, const ba_settings *settings)
{
    const char *path = ba_mount_below(r->uri, settings->base_path);
    apr_size_t len = path ? strlen(path) : 0;

    return settings->skip_trailing_slash && len > 1 && path[len - 1] == '/'
               ? apr_pstrmemdup(r->pool, path, len - 1)
               : path;
}

/* As upstream: before anything else is looked at. */
static void answer_disabled(ba_call *call)
{
    call->answer.status = HTTP_NOT_FOUND;
    call->answer.type = "text/plain;charset=UTF-8";
    call->answer.body = "Not Found";
}

int ba_api_handler(request_rec *r)
{
    const ba_site *site = ba_httpd_site(r->server);
    apr_time_t begun = apr_time_now();
    const ba_route *route;
    ba_call *call;
    const char *path;

    if (!r->handler || strcmp(r->handler, BA_HANDLER_API)) {
        return DECLINED;
    }
    if (!site) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0103: the handler betterauth needs BetterAuthSecret in this server");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    path = endpoint_of(r, site->settings);
    /* HEAD has no route of its own: upstream answers 404 too */
    route = path ? ba_route_find(r->header_only ? "HEAD" : r->method, path) : NULL;
    call = ba_httpd_call(r, r->method, path);
    if (ba_httpd_allow_origin(r) && r->method_number == M_OPTIONS
        && apr_table_get(r->headers_in, "Access-Control-Request-Method")) {
        return answer_preflight(r);
    }
    if (path
        && (ba_route_disabled(site->settings, path)
            || (route && ba_route_disabled(site->settings, route->path)))) {
        answer_disabled(call);
    }
    else if (!ba_limit_request(call, path ? ba_route_endpoint(path) : NULL)) {
        /* it has its answer */
    }
    else if (!route) {
        ba_call_fail(call, &ba_err_not_found);
    }
    else if (!strcmp(route->method, "GET") || read_body(r, call)) {
        ba_route_serve(call, route, apr_table_get(r->headers_in, "Content-Type"));
    }
    /* it may have held a password */
    if (call->body.len) {
        explicit_bzero((void *)(apr_uintptr_t)call->body.data, call->body.len);
    }
    if (call->mail_waiting) {
        ba_task_poke();
    }
    ba_httpd_count(call, route, begun);
    return ba_httpd_answer(r, call);
}
