/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_origin.h"

#include "ba_settings.h"
#include "ba_text.h"
#include "ba_url.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

/* A pattern "scheme:[//authority][/path]" for schemes without an origin. */
static int app_scheme_matches(const char *pattern, const ba_url *url, apr_pool_t *pool)
{
    const char *colon = strchr(pattern, ':');
    const char *rest, *slash;
    apr_size_t n;

    if (!colon || strncasecmp(pattern, url->scheme, strlen(url->scheme))
        || (apr_size_t)(colon - pattern) != strlen(url->scheme)) {
        return 0;
    }
    rest = colon + 1;
    if (!strncmp(rest, "//", 2)) {
        rest += 2;
        n = strcspn(rest, "/");
        if (n && strcasecmp(apr_pstrmemdup(pool, rest, n), url->authority)) {
            return 0;
        }
        rest += n;
    }
    /* below the path on whole segments; nothing that climbs out again */
    slash = *rest == '/' && rest[1] ? rest : NULL;
    if (slash) {
        n = strlen(slash);
        if (strchr(url->path, '%') || strstr(url->path, "..") || strncmp(url->path, slash, n)
            || (url->path[n] && url->path[n] != '/' && slash[n - 1] != '/')) {
            return 0;
        }
    }
    return 1;
}

static int pattern_matches(const char *pattern, const ba_url *url, const char *origin,
                           const char *value, apr_pool_t *pool)
{
    if (strpbrk(pattern, "*?")) {
        return strstr(pattern, "://") ? ba_text_glob(pattern, origin ? origin : value)
                                      : ba_text_glob(pattern, url->authority);
    }
    return origin ? !strcmp(pattern, origin) : app_scheme_matches(pattern, url, pool);
}

int ba_origin_trusted(const ba_call *call, const char *value)
{
    const ba_settings *settings = call->settings;
    const char *origin;
    ba_url url;

    if (ba_url_parse(value, &url, call->pool) != APR_SUCCESS) {
        return 0;
    }
    origin = ba_url_origin(&url, call->pool);
    if (origin && !strcmp(origin, settings->origin)) {
        return 1;
    }
    for (int i = 0; settings->trusted_origins && i < settings->trusted_origins->nelts; ++i) {
        if (pattern_matches(APR_ARRAY_IDX(settings->trusted_origins, i, const char *), &url, origin,
                            value, call->pool)) {
            return 1;
        }
    }
    return 0;
}

int ba_origin_redirect_allowed(const ba_call *call, const char *url)
{
    return *url == '/' ? ba_url_safe_path(url) : ba_origin_trusted(call, url);
}

static int blank(const char *text)
{
    return !text || text[strspn(text, " \t")] == '\0';
}

/* A Referer up to its path: what follows is anybody's text. */
static const char *referer_origin(const ba_call *call)
{
    const char *referer = ba_call_header(call, "Referer");
    const char *host = referer ? strstr(referer, "://") : NULL;

    return host ? apr_pstrmemdup(call->pool, referer,
                                 (apr_size_t)(host - referer) + 3 + strcspn(host + 3, "/?#\\"))
                : referer;
}

static const char *claimed_origin(const ba_call *call)
{
    const char *origin = ba_call_header(call, "Origin");
    const char *site = ba_call_header(call, "Sec-Fetch-Site");

    if (blank(origin)) {
        origin = referer_origin(call);
    }
    else if (!strcmp(origin, "null") && site && !strcmp(site, "same-origin")) {
        origin = call->ops->origin(call);
    }
    return origin;
}

static const ba_error *check_origin(const ba_call *call)
{
    const char *origin = claimed_origin(call);

    if (blank(origin) || !strcmp(origin, "null")) {
        return &ba_err_missing_origin;
    }
    return ba_origin_trusted(call, origin) ? NULL : &ba_err_invalid_origin;
}

const ba_error *ba_origin_check(const ba_call *call)
{
    /* without cookies there is nothing to ride on */
    return ba_call_header(call, "Cookie") ? check_origin(call) : NULL;
}

const ba_error *ba_origin_check_form(const ba_call *call)
{
    const char *site = ba_call_header(call, "Sec-Fetch-Site");
    const char *mode = ba_call_header(call, "Sec-Fetch-Mode");
    const char *dest = ba_call_header(call, "Sec-Fetch-Dest");

    if (ba_call_header(call, "Cookie")) {
        return check_origin(call);
    }
    if (!blank(site) && !blank(mode) && !strcmp(site, "cross-site") && !strcmp(mode, "navigate")) {
        return &ba_err_cross_site;
    }
    if (!blank(site) || !blank(mode) || !blank(dest) || !blank(ba_call_header(call, "Origin"))
        || !blank(ba_call_header(call, "Referer"))) {
        return check_origin(call);
    }
    return NULL;
}
