/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What we make of URLs: a line of hexadecimal in, a line of JSON out, for t/fuzz/url.mjs, which
 * asks Node about the same text. */

#include "ba_json.h"
#include "ba_origin.h"
#include "ba_settings.h"
#include "ba_url.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 65536 };

/* 0: the line is not what url.mjs writes. */
static int read_text(char *line, char *text)
{
    apr_size_t n = strcspn(line, "\n");

    for (apr_size_t i = 0; i + 1 < n; i += 2) {
        char pair[3] = {line[i], line[i + 1], '\0'};

        *text = (char)strtol(pair, NULL, 16);
        if (!*text++) {
            return 0;
        }
    }
    *text = '\0';
    return n % 2 == 0;
}

static ba_settings *make_settings(apr_pool_t *pool)
{
    ba_settings *s = apr_pcalloc(pool, sizeof(*s));

    s->base_url = "http://auth.test";
    s->cookie_prefix = "better-auth";
    s->cookie_attributes.path = "/";
    s->trusted_origins = apr_array_make(pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(s->trusted_origins, const char *) = "https://*.x.example";
    APR_ARRAY_PUSH(s->trusted_origins, const char *) = "myapp://";
    ba_settings_finish(s, pool);
    return s;
}

static void set(json_t *json, const char *name, const char *text)
{
    json_object_set_new(json, name, text ? json_string(text) : json_null());
}

static void answer(const ba_call *call, const char *text)
{
    apr_pool_t *pool = call->pool;
    json_t *json = ba_json_object(pool);
    ba_url url;

    if (ba_url_parse(text, &url, pool) == APR_SUCCESS) {
        set(json, "scheme", url.scheme);
        set(json, "authority", url.authority);
        set(json, "origin", ba_url_origin(&url, pool));
    }
    json_object_set_new(json, "safe", json_boolean(ba_url_safe_path(text)));
    if (ba_origin_redirect_allowed(call, text)) {
        set(json, "append", ba_url_append(text, "error", "a b", pool));
        set(json, "set", ba_url_set(call->settings->origin, text, "token", "a b", pool));
    }
    puts(ba_json_text(json, pool));
}

int main(void)
{
    static char line[2 * LONGEST + 2], text[LONGEST + 1];
    apr_pool_t *forever, *pool;
    const ba_settings *settings;

    apr_initialize();
    apr_pool_create(&forever, NULL);
    apr_pool_create(&pool, NULL);
    settings = make_settings(forever);
    while (fgets(line, sizeof(line), stdin)) {
        ba_call *call = ba_call_create(0, pool);

        call->settings = settings;
        if (!read_text(line, text)) {
            return 1;
        }
        answer(call, text);
        apr_pool_clear(pool);
    }
    apr_terminate();
    return 0;
}
