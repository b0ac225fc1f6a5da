/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Between request_rec and ba_call: what a server has at hand, a call made of a
 * request, an answer written to it. */

#ifndef BA_HTTPD_H
#define BA_HTTPD_H

#include "ba_call.h"
#include "ba_settings.h"

#include <httpd.h>

/* What one server (virtual host) needs while it runs. */
typedef struct ba_site {
    const ba_settings *settings;
    struct ba_store *store;
    struct ba_gate *gate;
    struct ba_limit *limit; /* NULL: nothing is limited */
    struct ba_meter *meter; /* NULL: nothing is counted */
    struct ba_audit_log *audit; /* NULL: none */
    const struct ba_db *db;
    struct ba_session_cache *session_cache; /* NULL: none */
    struct ba_revocations *revocations;
    int has_pages; /* are our pages mounted? */
    const apr_array_header_t *forwards; /* const char *: paths that other proxies may ask */
    const apr_array_header_t *languages; /* of const ba_language *, at least one */
    apr_uint32_t mail_faults; /* documents at fault that have been logged */
} ba_site;

/* What we keep with the first request of a chain. */
typedef struct ba_request {
    ba_call *call;
    struct ba_page *page; /* the page being shown, NULL elsewhere */
    const struct ba_language *language; /* the visitor's, once somebody has asked */
    ba_call *basic; /* what came of address and password (ba_basic.h), NULL: not asked */
    const char *basic_pair; /* those that were compared */
    const char *cookie; /* these headers as sent, once they are no longer in headers_in */
    const char *authorization;
    const request_rec *told; /* which of the chain was told last who it is */
    int watched; /* ends with its session (ba_tunnels.h) */
} ba_request;

/* Makes the sites: base URL, database, hash gate, counters. */
int ba_httpd_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);
void ba_httpd_child_init(apr_pool_t *pchild, server_rec *s);

/* scheme://ServerName[:port], as a client has to write it; NULL: there is no name. */
const char *ba_httpd_base_url(server_rec *s, apr_pool_t *pool);

/* NULL where BetterAuthSecret is not set. */
ba_site *ba_httpd_site(const server_rec *s);

/* The first request of a chain of sub-requests and internal redirects. */
request_rec *ba_httpd_first(request_rec *r);

/* Our part of the chain r belongs to; made on first use. The server must have a
 * site. One call per chain, so that everybody in it has one answer to "who is
 * this?", asked once. */
ba_request *ba_httpd_request(request_rec *r);

/* The same for those that only look: NULL if nobody has asked for it yet. */
ba_request *ba_httpd_request_made(request_rec *r);

/* The language that whoever has sent the request reads. */
const struct ba_language *ba_httpd_language(request_rec *r);

/* A call of its own for an endpoint, with method and path. */
ba_call *ba_httpd_call(request_rec *r, const char *method, const char *path);

/* Reads the body up to BA_BODY_MAX. APR_ENOSPC: larger. */
apr_status_t ba_httpd_read_body(request_rec *r, ba_bytes *body);

/* Hands the call's cookies to the client, whatever the response becomes. */
void ba_httpd_send_cookies(request_rec *r, const ba_call *call);

/* Says how long to wait: call->answer.retry_after, which is not 0. */
void ba_httpd_retry_after(request_rec *r, const ba_call *call);
/* Lets the scripts of other trusted origins read the answer, with cookies; upstream
 * leaves that to whoever is in front (http-api 6.6). True for such an origin. */
int ba_httpd_allow_origin(request_rec *r);

/* Writes the answer: status, headers, cookies, body. Returns OK. */
int ba_httpd_answer(request_rec *r, ba_call *call);

/* Counts the call's answer and the time it took since then; route NULL: no endpoint. */
void ba_httpd_count(const ba_call *call, const struct ba_route *route, apr_time_t since);

/* Writes an error row as JSON, for code that has no call. Returns DONE. */
int ba_httpd_error(request_rec *r, const ba_error *error);

/* Percent-encodes what may not stand in a header. */
const char *ba_httpd_header_value(const char *text, apr_pool_t *pool);

#endif
