/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "fuzz.h"

#include "ba_jwe.h"

#include <apr_general.h>
#include <strings.h>

const fuzz_target *const fuzz_groups[] = {fuzz_cookies, fuzz_texts, fuzz_urls,  fuzz_hashes,
                                          fuzz_tokens,  fuzz_mails, fuzz_imports, NULL};

const fuzz_target *fuzz_find(const char *name)
{
    for (int g = 0; fuzz_groups[g]; ++g) {
        for (const fuzz_target *t = fuzz_groups[g]; t->name; ++t) {
            if (!strcmp(t->name, name)) {
                return t;
            }
        }
    }
    return NULL;
}

void fuzz_must(int truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

char *fuzz_line(fuzz *f)
{
    char *line = f->rest;
    char *end = strchr(line, '\n');

    f->rest = end ? end + 1 : line + strlen(line);
    if (end) {
        *end = '\0';
    }
    return line;
}

void fuzz_header(fuzz *f, const char *name, const char *value)
{
    fuzz_must(f->header_count < FUZZ_HEADERS, "too many headers");
    f->headers[f->header_count].name = name;
    f->headers[f->header_count++].value = value;
}

static const char *header(const ba_call *call, const char *name)
{
    const fuzz *f = call->baton;

    for (int i = f->header_count - 1; i >= 0; --i) {
        if (!strcasecmp(f->headers[i].name, name)) {
            return f->headers[i].value;
        }
    }
    return NULL;
}

static const char *origin(const ba_call *call)
{
    return call->settings->origin;
}

static const ba_settings *make_settings(apr_pool_t *pool)
{
    static const ba_column user[] = {{"nick", "nick", BA_COLUMN_STRING, .fallback = "none"},
                                     {"age", "age", BA_COLUMN_NUMBER, .required = 0},
                                     {"vip", "vip", BA_COLUMN_BOOLEAN, .required = 0},
                                     {"born", "born", BA_COLUMN_DATE, .required = 0}};
    ba_settings *s = apr_pcalloc(pool, sizeof(*s));
    ba_bytes secret = {"0123456789abcdef0123456789abcdef", 32};

    s->secrets = apr_array_make(pool, 1, sizeof(ba_bytes));
    APR_ARRAY_PUSH(s->secrets, ba_bytes) = secret;
    s->trusted_origins = apr_array_make(pool, 4, sizeof(const char *));
    APR_ARRAY_PUSH(s->trusted_origins, const char *) = "https://*.x.example";
    APR_ARRAY_PUSH(s->trusted_origins, const char *) = "*.y.example:*";
    APR_ARRAY_PUSH(s->trusted_origins, const char *) = "myapp://home/cb";
    s->fields.user = apr_array_make(pool, 4, sizeof(ba_column));
    for (int i = 0; i < 4; ++i) {
        APR_ARRAY_PUSH(s->fields.user, ba_column) = user[i];
    }
    s->admin = 1;
    s->base_url = "http://auth.test";
    s->cookie_prefix = "better-auth";
    s->cookie_attributes.path = "/";
    s->cookie_cache.max_age = 300;
    s->cookie_cache_version = "1";
    s->cookie_room = 65536;
    s->bearer = BA_BEARER_ON;
    s->verify_expires_in = 3600;
    s->cache_keys = ba_jwe_keys(s->secrets, "better-auth-session", pool);
    ba_settings_finish(s, pool);
    return s;
}

void fuzz_run(const fuzz_target *target, const uint8_t *data, size_t size)
{
    static const ba_call_ops ops = {.header = header, .origin = origin};
    static const ba_settings *fresh;
    static apr_pool_t *pool;
    static ba_settings settings;
    fuzz f = {0};

    if (!fresh) {
        apr_pool_t *forever;

        apr_initialize();
        apr_pool_create(&forever, NULL);
        apr_pool_create(&pool, NULL);
        fresh = make_settings(forever);
    }
    settings = *fresh;
    f.pool = pool;
    f.settings = &settings;
    f.call = ba_call_create(FUZZ_NOW, pool);
    f.call->settings = &settings;
    f.call->ops = &ops;
    f.call->baton = &f;
    /* exactly as long: that is where reading too far shows */
    f.rest = f.text = malloc(size + 1);
    fuzz_must(f.text != NULL, "out of memory");
    memcpy(f.text, data, size);
    f.text[size] = '\0';
    f.data = (ba_bytes){(const char *)data, size};
    target->read(&f);
    free(f.text);
    apr_pool_clear(pool);
}
