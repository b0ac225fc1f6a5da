/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_httpd.h"

#include "ba_json.h"
#include "ba_meter.h"
#include "ba_origin.h"
#include "ba_routes.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <string.h>
#include <strings.h>

/* Is this a Set-Cookie line of a cookie that the call sets? */
static int sets_again(const ba_call *call, const char *line)
{
    apr_size_t len = strcspn(line, "=");
    const char *name = apr_pstrmemdup(call->pool, line, len);

    return apr_table_get(call->answer.cookies, name) != NULL;
}

/* A call that asks twice sets a cookie twice; one line is to go out. */
static void forget_older(request_rec *r, const ba_call *call)
{
    const apr_array_header_t *rows = apr_table_elts(apr_table_clone(r->pool, r->err_headers_out));
    const apr_table_entry_t *row = (const apr_table_entry_t *)rows->elts;

    apr_table_unset(r->err_headers_out, "Set-Cookie");
    for (int i = 0; i < rows->nelts; ++i) {
        if (!strcasecmp(row[i].key, "Set-Cookie") && !sets_again(call, row[i].val)) {
            apr_table_addn(r->err_headers_out, "Set-Cookie", row[i].val);
        }
    }
}

void ba_httpd_send_cookies(request_rec *r, const ba_call *call)
{
    const apr_array_header_t *rows = apr_table_elts(call->answer.cookies);
    const apr_table_entry_t *row = (const apr_table_entry_t *)rows->elts;

    if (rows->nelts && apr_table_get(r->err_headers_out, "Set-Cookie")) {
        forget_older(r, call);
    }
    for (int i = 0; i < rows->nelts; ++i) {
        /* err_headers_out: also with errors, redirects and 304 */
        apr_table_addn(r->err_headers_out, "Set-Cookie", row[i].val);
    }
}

const char *ba_httpd_header_value(const char *text, apr_pool_t *pool)
{
    const unsigned char *p = (const unsigned char *)text;
    char *out, *o;

    while (*p > ' ' && *p < 0x7F) {
        ++p;
    }
    if (!*p) {
        return text;
    }
    out = o = apr_palloc(pool, strlen(text) * 3 + 1);
    for (p = (const unsigned char *)text; *p; ++p) {
        if (*p > ' ' && *p < 0x7F) {
            *o++ = (char)*p;
        }
        else {
            o += apr_snprintf(o, 4, "%%%02X", *p);
        }
    }
    *o = '\0';
    return out;
}

void ba_httpd_retry_after(request_rec *r, const ba_call *call)
{
    const char *seconds = apr_itoa(r->pool, call->answer.retry_after);

    apr_table_setn(r->err_headers_out, "Retry-After", seconds);
    if (call->answer.error == &ba_err_too_many) {
        /* what Better Auth's client reads */
        apr_table_setn(r->err_headers_out, "X-Retry-After", seconds);
    }
}

static void set_common_headers(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "Pragma", "no-cache");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
}

int ba_httpd_allow_origin(request_rec *r)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");
    const ba_call *call = origin ? ba_httpd_request(r)->call : NULL;

    if (!origin || !strcmp(origin, call->settings->origin) || !ba_origin_trusted(call, origin)) {
        return 0;
    }
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin", origin);
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Credentials", "true");
    apr_table_setn(r->err_headers_out, "Access-Control-Expose-Headers", "X-Retry-After, Retry-After");
    apr_table_mergen(r->err_headers_out, "Vary", "Origin");
    return 1;
}

static void add_headers(request_rec *r, const apr_table_t *headers)
{
    const apr_array_header_t *rows = apr_table_elts(headers);
    const apr_table_entry_t *row = (const apr_table_entry_t *)rows->elts;

    for (int i = 0; i < rows->nelts; ++i) {
        apr_table_mergen(r->err_headers_out, row[i].key, row[i].val);
    }
}

int ba_httpd_answer(request_rec *r, ba_call *call)
{
    const ba_answer *a = &call->answer;
    const char *body = a->body;
    const char *type = a->type;

    if (a->error && a->message) {
        body = ba_json_error(a->message, a->error->code, r->pool);
        type = "application/json";
    }
    r->status = a->status;
    set_common_headers(r);
    ba_httpd_send_cookies(r, call);
    if (a->headers) {
        add_headers(r, a->headers);
    }
    if (a->location) {
        apr_table_setn(r->headers_out, "Location", ba_httpd_header_value(a->location, r->pool));
    }
    if (a->retry_after) {
        ba_httpd_retry_after(r, call);
    }
    if (type) {
        ap_set_content_type(r, type);
    }
    ap_set_content_length(r, body ? (apr_off_t)strlen(body) : 0);
    if (body && !r->header_only) {
        ap_rputs(body, r);
    }
    return OK;
}

void ba_httpd_count(const ba_call *call, const ba_route *route, apr_time_t since)
{
    ba_meter_answer(call->meter, ba_route_number(route), call->answer.status,
                    apr_time_now() - since);
}

int ba_httpd_error(request_rec *r, const ba_error *error)
{
    ba_call *call = ba_call_create(0, r->pool);

    ba_call_fail(call, error);
    ba_httpd_answer(r, call);
    return DONE;
}
