/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* ok and error (http-api 5.6). */

#include "ba_routes_int.h"
#include "ba_settings.h"
#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

static void ok(ba_call *call, const void *body)
{
    (void)body;
    ba_call_ok(call, "{\"ok\":true}");
}

static int valid_code(const char *code)
{
    for (const char *p = code; *p; ++p) {
        if (!apr_isalnum(*p) && !strchr("'_-", *p)) {
            return 0;
        }
    }
    return *code != '\0';
}

/* url with query behind its own, before the fragment. */
static const char *with_query(const char *url, const char *query, apr_pool_t *pool)
{
    apr_size_t len = strcspn(url, "#");
    const char *own = memchr(url, '?', len);
    const char *joint = !own ? "?" : own + 1 == url + len || url[len - 1] == '&' ? "" : "&";

    return apr_pstrcat(pool, apr_pstrmemdup(pool, url, len), joint, query, url + len, NULL);
}

/* Where failed redirects land: on to BetterAuthErrorURL with the reason. */
static void error(ba_call *call, const void *body)
{
    const char *code = ba_text_query_param(call->query, "error", NULL, call->pool);
    const char *text = ba_text_query_param(call->query, "error_description", NULL, call->pool);
    const char *to = call->settings->error_url;
    const char *query;

    (void)body;
    query = apr_pstrcat(
        call->pool, "error=", ba_text_form_encode(code && valid_code(code) ? code : "UNKNOWN", call->pool),
        text && *text ? "&error_description=" : "", text && *text ? ba_text_form_encode(text, call->pool) : "",
        NULL);
    call->answer.status = 302;
    call->answer.location = with_query(to ? to : "/", query, call->pool);
}

static const ba_route routes[] = {
    {"GET", "/ok", BA_ANYONE, 0, NULL, ok, NULL},
    {"GET", "/error", BA_ANYONE, 0, NULL, error, NULL},
    {0},
};

const ba_feature ba_service_routes = {.name = "service", .routes = routes};
