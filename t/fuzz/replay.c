/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* No byte string may crash a reader. The first byte of an input says which one
 * reads the rest:  j JSON, f form, c Cookie header, u URL, p stored password hash,
 * l Accept-Language and a text with values, 1 2 3 session_data as compact, jwt, jwe, s what a signature stands under in one.
 *
 * In `make check` this replays t/fuzz/corpus and some thousand mutations of it,
 * always the same ones; the build with sanitizers is what makes it worth it.
 * To search for more, by hand:
 *
 *   clang -g -fsanitize=fuzzer,address,undefined -DBA_LIBFUZZER -D_GNU_SOURCE -Isql \
 *       $(find modules -type d -printf '-I%p ') $(apr-1-config --includes --cppflags) \
 *       t/fuzz/replay.c modules/config/ba_settings.c \
 *       $(find modules/base modules/crypto modules/json modules/language modules/origin modules/session modules/token -name '*.c') \
 *       $(apu-1-config --link-ld --libs) $(apr-1-config --link-ld --libs) \
 *       -largon2 -lcrypto -ljansson -lunistring -o /tmp/replay
 *   mkdir -p /tmp/found && /tmp/replay -max_len=4096 /tmp/found t/fuzz/corpus
 */

#include "ba_cache_cookie.h"
#include "ba_cookie.h"
#include "ba_json.h"
#include "ba_jwe.h"
#include "ba_language.h"
#include "ba_mac.h"
#include "ba_origin.h"
#include "ba_password.h"
#include "ba_schema.h"
#include "ba_settings.h"
#include "ba_text.h"
#include "ba_url.h"

#include <apr_encode.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Values mean nothing here, but what comes out must be well formed. */
static void must(int truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

typedef struct body {
    const char *name, *email;
    ba_bytes password;
    int remember;
} body;

static const ba_field fields[] = {
    {"name", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(body, name)},
    {"email", BA_FIELD_EMAIL, BA_REQUIRED, offsetof(body, email)},
    {"password", BA_FIELD_BYTES, BA_REQUIRED | BA_NOT_EMPTY, offsetof(body, password)},
    {"rememberMe", BA_FIELD_BOOL, BA_OPTIONAL, offsetof(body, remember)},
    {0},
};
static const ba_schema schema = {fields, sizeof(body), 0, 1};

static void read_tree(const json_t *json, apr_pool_t *pool)
{
    const char *problem = NULL;
    const body *b;

    if (!json) {
        return;
    }
    must(ba_json_text(json, pool) != NULL, "what was read cannot be written");
    b = ba_schema_read(&schema, "body", json, &problem, pool);
    must(!b == !!problem, "neither a struct nor a problem");
    if (b) {
        must(ba_text_utf16_length(b->password.data, b->password.len) > 0, "an empty password");
    }
}

static const char *header(const ba_call *call, const char *name)
{
    return strcmp(name, "Cookie") ? NULL : call->baton;
}

static ba_settings *make_settings(apr_pool_t *pool)
{
    ba_settings *s = apr_pcalloc(pool, sizeof(*s));
    ba_bytes secret = {"0123456789abcdef0123456789abcdef", 32};

    s->secrets = apr_array_make(pool, 1, sizeof(ba_bytes));
    APR_ARRAY_PUSH(s->secrets, ba_bytes) = secret;
    s->trusted_origins = apr_array_make(pool, 4, sizeof(const char *));
    APR_ARRAY_PUSH(s->trusted_origins, const char *) = "https://*.x.example";
    APR_ARRAY_PUSH(s->trusted_origins, const char *) = "*.y.example:*";
    APR_ARRAY_PUSH(s->trusted_origins, const char *) = "myapp://home/cb";
    s->base_url = "http://auth.test";
    s->cookie_prefix = "better-auth";
    s->cookie_cache.max_age = 300;
    s->cookie_cache_version = "1";
    s->cookie_room = 65536;
    s->cache_keys = ba_jwe_keys(s->secrets, "better-auth-session", pool);
    ba_settings_finish(s, pool);
    return s;
}

static void read_cookies(ba_call *call)
{
    ba_cookie_get(call, "a");
    ba_cookie_get_signed(call, call->settings->session_cookie);
    ba_cookie_get_chunked(call, call->settings->data_cookie);
    ba_cookie_delete_chunked(call, call->settings->data_cookie);
    must(apr_table_elts(call->answer.cookies)->nelts <= 110, "too many cookies to delete");
}

#define TOKEN "abcdefghijklmnopqrstuvwxyzABCDEF"

/* What is read is written and read again. */
static void read_cache(ba_call *call, ba_settings *settings, ba_cache_form form, const char *value)
{
    const ba_session *session, *again;
    const ba_user *user;

    settings->cookie_cache.form = form;
    call->baton = apr_pstrcat(call->pool, settings->data_cookie, "=", value, NULL);
    if (ba_cache_cookie_read(call, TOKEN, &session, &user) == APR_SUCCESS) {
        const char *line;

        must(!strcmp(session->token, TOKEN), "a cache of another session");
        must(session->expires_at >= call->now, "a session that is over");
        ba_cache_cookie_write(call, session, user, 1);
        line = apr_table_get(call->answer.cookies, settings->data_cookie);
        if (line) { /* not in pieces */
            call->baton = (void *)(apr_uintptr_t)line;
            must(ba_cache_cookie_read(call, TOKEN, &again, &user) == APR_SUCCESS,
                 "what was written cannot be read");
            must(!strcmp(session->id, again->id), "another session came back");
        }
    }
}

/* The bytes of D, with a good signature. */
static const char *sign_cache(const ba_settings *s, ba_bytes d, apr_pool_t *pool)
{
    static const char expires[] = ",\"expiresAt\":1893456300000";
    int flags = APR_ENCODE_URL | APR_ENCODE_NOPADDING;
    apr_size_t len = d.len ? d.len - 1 : 0, tail = sizeof(expires) - 1;
    char *text = apr_palloc(pool, len + tail + 1);
    unsigned char mac[BA_MAC_BYTES];
    ba_bytes whole = {text, len + tail + 1};
    char *out;

    memcpy(text, d.data, len);
    memcpy(text + len, expires, tail);
    text[len + tail] = '}';
    ba_mac_bytes(APR_ARRAY_IDX(s->secrets, 0, ba_bytes), whole, mac);
    out = apr_palloc(pool, d.len + tail + 100);
    memcpy(out, "{\"session\":", 11);
    memcpy(out + 11, d.data, d.len);
    len = 11 + d.len;
    len += (apr_size_t)apr_snprintf(out + len, tail + 89, "%s,\"signature\":\"%s\"}", expires,
                                    apr_pencode_base64_binary(pool, mac, sizeof(mac), flags, NULL));
    return apr_pencode_base64(pool, out, (apr_ssize_t)len, flags, NULL);
}

static void read_url(const ba_call *call, const char *text)
{
    ba_url url;
    int count;

    if (ba_url_parse(text, &url, call->pool) == APR_SUCCESS) {
        const char *origin = ba_url_origin(&url, call->pool);

        must(!strpbrk(url.authority, "/?#\\@% \t\r\n"), "a delimiter in the authority");
        if (origin) {
            must(ba_url_parse(origin, &url, call->pool) == APR_SUCCESS, "an origin is no URL");
            must(!strcmp(ba_url_origin(&url, call->pool), origin), "an origin is not its own");
        }
    }
    if (ba_url_safe_path(text)) {
        must(text[0] == '/' && text[1] != '/' && !strpbrk(text, "\\\r\n\t"), "an unsafe path");
    }
    ba_origin_redirect_allowed(call, text);
    ba_text_query_param(text, "callbackURL", &count, call->pool);
    ba_text_html(text, call->pool);
}

/* Only forms that cost little are checked against a password: within our caps a
 * mutated hash may still cost seconds. */
static int is_cheap(const char *stored)
{
    unsigned m, t;

    if (stored[0] == '$') {
        return sscanf(stored, "$argon2id$v=19$m=%u,t=%u,", &m, &t) != 2 ? !strncmp(stored, "$argon", 6)
                                                                       : m <= 1024 && t <= 3;
    }
    return strlen(stored) != 161;
}

static void read_hash(const char *stored, apr_pool_t *pool)
{
    static const ba_hash_params argon2 = {BA_HASH_ARGON2ID, 19456, 2, 1};
    static const ba_hash_params scrypt = {BA_HASH_SCRYPT, 0, 0, 0};
    static const ba_bytes guess = {"guess", 5};

    ba_password_outdated(&argon2, stored);
    ba_password_outdated(&scrypt, stored);
    if (is_cheap(stored)) {
        must(ba_password_verify(stored, guess, pool) != BA_PASSWORD_GOOD, "guessed");
    }
}

static void read_languages(const char *text, apr_pool_t *pool)
{
    static const char *const codes[] = {"en", "de", "pt-br"};
    apr_array_header_t *all = apr_array_make(pool, 3, sizeof(const ba_language *));
    apr_table_t *values = apr_table_make(pool, 1);

    for (int i = 0; i < 3; ++i) {
        APR_ARRAY_PUSH(all, const ba_language *) = ba_language_create(codes[i], NULL, pool);
    }
    must(ba_language_accepted(all, text) != NULL, "no language");
    apr_table_setn(values, "a", "{a}");
    must(ba_language_fill(text, values, pool) != NULL, "no text");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ba_call_ops ops = {.header = header};
    static int ready;
    apr_pool_t *pool;
    ba_call *call;
    ba_settings *settings;
    ba_bytes rest;
    char *text;

    if (size == 0) {
        return 0;
    }
    if (!ready) {
        apr_initialize();
        ready = 1;
    }
    apr_pool_create(&pool, NULL);
    call = ba_call_create(1893456000000, pool);
    settings = make_settings(pool);
    call->settings = settings;
    call->ops = &ops;
    /* a block of its own, exactly as long: that is where reading too far shows */
    text = malloc(size);
    must(text != NULL, "out of memory");
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    call->baton = text;
    rest.data = text;
    rest.len = size - 1;
    switch (data[0]) {
    case 'j':
        read_tree(ba_json_parse(rest, pool), pool);
        break;
    case 'f':
        read_tree(ba_json_from_form(rest, pool), pool);
        break;
    case 'c':
        read_cookies(call);
        break;
    case 'u':
        read_url(call, text);
        break;
    case 'l':
        read_languages(text, pool);
        break;
    case '1':
    case '2':
    case '3':
        read_cache(call, settings, (ba_cache_form)(data[0] - '0'), text);
        break;
    case 's':
        read_cache(call, settings, BA_CACHE_COMPACT, sign_cache(settings, rest, pool));
        break;
    case 'p':
        read_hash(text, pool);
        break;
    default:
        break;
    }
    apr_pool_destroy(pool);
    free(text);
    return 0;
}

#ifndef BA_LIBFUZZER

enum { MUTATIONS = 1000, LONGEST = 4096 };

/* xorshift: the same numbers on every machine. */
static uint32_t next_random(void)
{
    static uint32_t state = 2463534242u;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static size_t below(size_t n)
{
    return n ? next_random() % n : 0;
}

/* Changes a few bytes behind the first, the one that names the reader. */
static size_t mutate(uint8_t *data, size_t size)
{
    static const char pieces[] = "\"\\/{}[]:;,=&%.@$?# \t\n\r\xff\xc2\xe2\xf0\xed\x80ud8" "0%00+";

    for (size_t n = 1 + below(4); n > 0; --n) {
        size_t at = 1 + below(size - 1), len;

        switch (below(6)) {
        case 0:
            data[at] = (uint8_t)next_random();
            break;
        case 1:
            data[at] = (uint8_t)pieces[below(sizeof(pieces))];
            break;
        case 2:
            data[at] = (uint8_t)(data[at] ^ (1u << below(8)));
            break;
        case 3: /* cut */
            size = at + 1;
            break;
        case 4: /* take something out */
            len = below(size - at);
            memmove(data + at, data + at + len, size - at - len);
            size -= len;
            break;
        default: /* say something twice */
            len = below(size - at);
            if (size + len <= LONGEST) {
                memmove(data + at + len, data + at, size - at);
                size += len;
            }
            break;
        }
        if (size < 2) {
            break;
        }
    }
    return size;
}

static int replay(const char *file, int *runs)
{
    uint8_t seed[LONGEST], data[LONGEST];
    FILE *in = fopen(file, "rb");
    size_t size;

    if (!in) {
        return 0;
    }
    size = fread(seed, 1, sizeof(seed), in);
    fclose(in);
    LLVMFuzzerTestOneInput(seed, size);
    for (size_t cut = 1; cut < size; ++cut) {
        LLVMFuzzerTestOneInput(seed, cut); /* every beginning */
    }
    for (int i = 0; i < MUTATIONS && size > 1; ++i) {
        memcpy(data, seed, size);
        LLVMFuzzerTestOneInput(data, mutate(data, size));
        ++*runs;
    }
    return 1;
}

int main(void)
{
    const char *source = getenv("BA_SRCDIR");
    apr_pool_t *pool;
    apr_finfo_t entry;
    apr_dir_t *dir;
    const char *corpus;
    int n = 0, runs = 0, bad = 0;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    corpus = apr_pstrcat(pool, source ? source : BA_SRCDIR, "/t/fuzz/corpus", NULL);
    if (apr_dir_open(&dir, corpus, pool) != APR_SUCCESS) {
        printf("Bail out! no %s\n", corpus);
        return 1;
    }
    while (apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (entry.name[0] != '.') {
            int good = replay(apr_pstrcat(pool, corpus, "/", entry.name, NULL), &runs);

            printf("%sok %d - %s\n", good ? "" : "not ", ++n, entry.name);
            fflush(stdout); /* a crash shall show how far we came */
            bad += !good;
        }
    }
    printf("# %d mutations\n1..%d\n", runs, n);
    apr_pool_destroy(pool);
    apr_terminate();
    return bad || n == 0;
}

#endif
