/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_asked.h"

#include "ba_httpd.h"
#include "ba_mount.h"
#include "ba_origin.h"
#include "ba_url.h"

#include <apr_strings.h>
#include <http_log.h>
#include <string.h>

int ba_asked(request_rec *r)
{
    return ba_httpd_site(r->server) && ba_mount_is_forward(r);
}

int ba_asked_fetches(request_rec *r)
{
    const char *method = NULL;

    if (ba_asked(r)) {
        method = apr_table_get(r->headers_in, "X-Original-Method");
        method = method ? method : apr_table_get(r->headers_in, "X-Forwarded-Method");
    }
    return method ? !strcmp(method, "GET") || !strcmp(method, "HEAD") : r->method_number == M_GET;
}

static const char *absolute(const request_rec *r, const char *path)
{
    const char *own = ba_httpd_site(r->server)->settings->origin;
    const char *proto = apr_table_get(r->headers_in, "X-Forwarded-Proto");
    const char *host = apr_table_get(r->headers_in, "X-Forwarded-Host");

    if (!host) {
        host = apr_table_get(r->headers_in, "Host");
    }
    if (!proto) {
        proto = apr_pstrmemdup(r->pool, own, strcspn(own, ":"));
    }
    return host && *path == '/' ? apr_pstrcat(r->pool, proto, "://", host, path, NULL) : NULL;
}

/* The query goes first: it is written by the proxy's configuration, while a header may
 * have come through a proxy that does not set it. */
static const char *told_url(const request_rec *r, int *redirects)
{
    const char *text;

    *redirects = 1;
    if (r->args && !strncmp(r->args, "uri=", 4)) {
        return absolute(r, r->args + 4); /* to its end, and not escaped */
    }
    text = apr_table_get(r->headers_in, "X-Original-URL");
    if (text) {
        *redirects = 0; /* nginx takes 401 and 403 alone */
        return text;
    }
    text = apr_table_get(r->headers_in, "X-Forwarded-Uri");
    if (text) {
        return absolute(r, text);
    }
    *redirects = 0;
    return NULL;
}

static int may_return_to(request_rec *r, const char *text)
{
    ba_url url;

    return ba_url_parse(text, &url, r->pool) == APR_SUCCESS && ba_url_origin(&url, r->pool)
           && ba_origin_trusted(ba_httpd_request(r)->call, text);
}

const char *ba_asked_url(request_rec *r, int *redirects)
{
    const char *text = told_url(r, redirects);
    const char *host = text ? strstr(text, "://") : NULL;
    apr_size_t lengths[3];

    if (!host) {
        return NULL;
    }
    /* what is too long, or read differently by some, comes back without its query, or
     * to the first page */
    lengths[0] = strlen(text);
    lengths[1] = strcspn(text, "?#");
    lengths[2] = (apr_size_t)(host - text) + 3 + strcspn(host + 3, "/?#");
    for (int i = 0; i < 3; ++i) {
        const char *part = apr_pstrmemdup(r->pool, text, lengths[i]);

        if (lengths[i] <= BA_RETURN_MAX && may_return_to(r, part)) {
            return part;
        }
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "BA0165: a proxy asked about an origin that BetterAuthTrustedOrigins does not "
                  "name: nobody is sent to sign-in");
    return NULL;
}
