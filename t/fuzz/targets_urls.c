/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* URLs, origins, and the patterns of those that are trusted. */

#include "fuzz.h"

#include "ba_origin.h"
#include "ba_text.h"
#include "ba_url.h"

#include <apr_strings.h>

static void read_url(fuzz *f)
{
    const ba_call *call = f->call;
    const char *text = f->text, *origin;
    int count, allowed = ba_origin_redirect_allowed(call, text);
    ba_url url;

    if (ba_url_parse(text, &url, f->pool) == APR_SUCCESS) {
        fuzz_must(!strpbrk(url.authority, "/?#\\@% \t\r\n"), "a delimiter in the authority");
        origin = ba_url_origin(&url, f->pool);
        if (origin) {
            fuzz_must(ba_url_parse(origin, &url, f->pool) == APR_SUCCESS, "an origin is no URL");
            fuzz_must(!strcmp(ba_url_origin(&url, f->pool), origin), "an origin is not its own");
        }
    }
    if (ba_url_safe_path(text)) {
        fuzz_must(text[0] == '/' && text[1] != '/' && !strpbrk(text, "\\\r\n\t"), "an unsafe path");
    }
    if (allowed) {
        const char *base = *text == '/' ? f->settings->origin : "";
        const char *longer = ba_url_append(text, "error", "A b", f->pool);
        const char *other = ba_url_set(f->settings->origin, text, "token", "A b", f->pool);

        fuzz_must(ba_origin_redirect_allowed(call, longer), "a parameter leads elsewhere");
        fuzz_must(!strncmp(other, base, strlen(base))
                      && ba_origin_redirect_allowed(call, other + strlen(base)),
                  "a parameter that is set leads elsewhere");
    }
    ba_text_query_param(text, "callbackURL", &count, f->pool);
    ba_text_html(text, f->pool);
    ba_text_form_encode(text, f->pool);
}

static int ends(const char *text, const char *end)
{
    apr_size_t len = strlen(text), n = strlen(end);

    return len >= n && !strcmp(text + len - n, end);
}

/* What the patterns of targets.c mean, said in another way. */
static int is_friend(fuzz *f, const char *origin)
{
    const char *lower = ba_text_lower(origin, f->pool);
    const char *host = strstr(lower, "://");

    if (!host) {
        return 0;
    }
    host = apr_pstrmemdup(f->pool, host + 3, strcspn(host + 3, "/?#"));
    return !strncmp(lower, "http://auth.test", 16) || !strncmp(lower, "myapp://home", 12)
           || (!strncmp(lower, "https://", 8) && (ends(host, ".x.example") || ends(host, ".x.example:443")))
           || strstr(host, ".y.example:");
}

/* The headers that say where a request comes from, a line each. */
static void read_origin(fuzz *f)
{
    const char *origin = fuzz_line(f);
    const ba_error *error;

    fuzz_header(f, "Origin", origin);
    fuzz_header(f, "Referer", fuzz_line(f));
    fuzz_header(f, "Sec-Fetch-Site", fuzz_line(f));
    fuzz_header(f, "Sec-Fetch-Mode", fuzz_line(f));
    fuzz_header(f, "Sec-Fetch-Dest", fuzz_line(f));
    ba_origin_check_form(f->call);
    fuzz_header(f, "Cookie", "a=b");
    error = ba_origin_check(f->call);
    fuzz_must(error == ba_origin_check_form(f->call), "with a cookie both rules are one");
    if (!error && origin[strspn(origin, " \t")] && strcmp(origin, "null")) {
        fuzz_must(is_friend(f, origin), "a stranger");
    }
}

/* A pattern, and an origin below it. */
static void read_pattern(fuzz *f)
{
    const char *pattern = fuzz_line(f), *value = fuzz_line(f);
    int trusted;
    ba_url url;

    apr_array_clear(f->settings->trusted_origins = apr_array_make(f->pool, 1, sizeof(const char *)));
    APR_ARRAY_PUSH(f->settings->trusted_origins, const char *) = pattern;
    trusted = ba_origin_trusted(f->call, value);
    if (!trusted) {
        return;
    }
    fuzz_must(ba_url_parse(value, &url, f->pool) == APR_SUCCESS, "not read and trusted");
    if (!strpbrk(pattern, "*?") && ba_url_origin(&url, f->pool)) {
        const char *origin = ba_url_origin(&url, f->pool);

        fuzz_must(!strcmp(origin, pattern) || !strcmp(origin, f->settings->origin),
                  "another origin than the one that is named");
    }
}

const fuzz_target fuzz_urls[] = {
    {"url", read_url}, {"origin", read_origin}, {"pattern", read_pattern}, {0},
};
