/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_json.h"

#include "ba_column.h"
#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Strings of a request may be passwords. */
static void wipe(json_t *json)
{
    const char *key;
    json_t *value;
    size_t i;

    switch (json_typeof(json)) {
    case JSON_STRING:
        explicit_bzero((char *)(apr_uintptr_t)json_string_value(json), json_string_length(json));
        break;
    case JSON_ARRAY:
        json_array_foreach(json, i, value)
        {
            wipe(value);
        }
        break;
    case JSON_OBJECT:
        json_object_foreach(json, key, value)
        {
            wipe(value);
        }
        break;
    default:
        break;
    }
}

static apr_status_t discard(void *data)
{
    json_t *json = data;

    wipe(json);
    json_decref(json);
    return APR_SUCCESS;
}

static json_t *own(json_t *json, apr_pool_t *pool)
{
    if (json) {
        apr_pool_cleanup_register(pool, json, discard, apr_pool_cleanup_null);
    }
    return json;
}

static void free_wiped(void *memory)
{
    explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void ba_json_wipe_freed(void)
{
    json_malloc_t take;
    json_free_t give;

    json_get_alloc_funcs(&take, &give);
    if (take == malloc && give == free) {
        json_set_alloc_funcs(malloc, free_wiped);
    }
}

/* The value of \uXXXX at p, or -1. */
static long unicode_escape(const char *p, const char *end)
{
    char digits[5];
    char *stop;
    long value;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u' || !apr_isxdigit(p[2])) {
        return -1;
    }
    memcpy(digits, p + 2, 4);
    digits[4] = '\0';
    value = strtol(digits, &stop, 16);
    return *stop ? -1 : value;
}

/* jansson refuses a lone surrogate escape; JavaScript reads it and writes U+FFFD
 * when it encodes the string (security.md PW-3). */
static void replace_lone_surrogates(char *text, apr_size_t len)
{
    const char *end = text + len;

    for (char *p = text; p < end && (p = memchr(p, '\\', (apr_size_t)(end - p))) != NULL;) {
        long unit = unicode_escape(p, end);

        if (unit < 0) {
            p += 2;
        }
        else if (unit < 0xD800 || unit > 0xDFFF) {
            p += 6;
        }
        else {
            long low = unit <= 0xDBFF ? unicode_escape(p + 6, end) : -1;

            if (low >= 0xDC00 && low <= 0xDFFF) {
                p += 12;
            }
            else {
                memcpy(p + 2, "fffd", 4);
                p += 6;
            }
        }
    }
}

json_t *ba_json_parse(ba_bytes text, apr_pool_t *pool)
{
    json_t *json;
    char *copy;
    apr_size_t len;

    if (text.len >= 3 && !memcmp(text.data, "\xEF\xBB\xBF", 3)) {
        text.data += 3;
        text.len -= 3;
    }
    copy = ba_text_repair_utf8(text.data, text.len, &len, pool);
    replace_lone_surrogates(copy, len);
    json = json_loadb(copy, len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    explicit_bzero(copy, len);
    return own(json, pool);
}

/* Decoded and valid UTF-8; the caller wipes it. */
static ba_bytes form_text(const char *text, apr_size_t len, apr_pool_t *pool)
{
    apr_size_t raw_len, out_len;
    char *raw = ba_text_url_decode(text, len, 1, &raw_len, pool);
    ba_bytes out;

    out.data = ba_text_repair_utf8(raw, raw_len, &out_len, pool);
    out.len = out_len;
    explicit_bzero(raw, raw_len);
    return out;
}

/* Sets name, or adds to what it has. 0: no memory. */
static int add_value(json_t *json, const char *name, json_t *value, int repeat)
{
    json_t *earlier = json_object_get(json, name);

    if (earlier && repeat) {
        if (!json_is_array(earlier)) {
            json_t *list = json_array();

            if (json_array_append(list, earlier) || json_object_set(json, name, list)) {
                json_decref(list);
                json_decref(value);
                return 0;
            }
            json_decref(list);
            earlier = list;
        }
        return !json_array_append_new(earlier, value);
    }
    if (earlier) {
        wipe(earlier);
    }
    return !json_object_set_new(json, name, value);
}

static json_t *from_pairs(ba_bytes form, int repeat, apr_pool_t *pool)
{
    json_t *json = ba_json_object(pool);

    for (apr_size_t i = 0; json && i < form.len;) {
        const char *part = form.data + i;
        const char *end = memchr(part, '&', form.len - i);
        apr_size_t len = end ? (apr_size_t)(end - part) : form.len - i;
        const char *eq = memchr(part, '=', len);
        apr_size_t name_len = eq ? (apr_size_t)(eq - part) : len;
        ba_bytes name = form_text(part, name_len, pool);

        /* a name with NUL is nobody's field */
        if (len && strlen(name.data) == name.len) {
            ba_bytes value = eq ? form_text(eq + 1, len - name_len - 1, pool) : (ba_bytes){"", 0};

            /* what lacks a field would say something else */
            if (!add_value(json, name.data, json_stringn(value.data, value.len), repeat)) {
                json = NULL;
            }
            if (eq) {
                explicit_bzero((char *)(apr_uintptr_t)value.data, value.len);
            }
        }
        i += len + 1;
    }
    return json;
}

json_t *ba_json_from_form(ba_bytes form, apr_pool_t *pool)
{
    return from_pairs(form, 0, pool);
}

json_t *ba_json_from_query(const char *query, apr_pool_t *pool)
{
    ba_bytes text = {query ? query : "", query ? strlen(query) : 0};

    return from_pairs(text, 1, pool);
}

int ba_json_falsy(const json_t *value)
{
    return !value || json_is_null(value) || json_is_false(value)
           || (json_is_number(value) && json_number_value(value) == 0.0)
           || (json_is_string(value) && json_string_length(value) == 0);
}

json_t *ba_json_object(apr_pool_t *pool)
{
    return own(json_object(), pool);
}

json_t *ba_json_array(apr_pool_t *pool)
{
    return own(json_array(), pool);
}

/* jansson writes the digits of an escape in upper case, JSON.stringify in lower. */
static void lower_escapes(char *text)
{
    while ((text = strchr(text, '\\')) != NULL) {
        for (int i = 2; text[1] == 'u' && i < 6; ++i) {
            text[i] = (char)apr_tolower(text[i]);
        }
        text += 2;
    }
}

const char *ba_json_text(const json_t *json, apr_pool_t *pool)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    char *out = NULL;

    if (text) {
        out = apr_pstrdup(pool, text);
        free(text);
        lower_escapes(out);
    }
    return out;
}

const char *ba_json_error(const char *message, const char *code, apr_pool_t *pool)
{
    json_t *json = ba_json_object(pool);

    json_object_set_new(json, "message", json_string(message));
    if (code) {
        json_object_set_new(json, "code", json_string(code));
    }
    return ba_json_text(json, pool);
}

static void set_text(json_t *json, const char *key, const char *text)
{
    json_object_set_new(json, key, text ? json_string(text) : json_null());
}

static void set_date(json_t *json, const char *key, ba_time t, apr_pool_t *pool)
{
    set_text(json, key, ba_text_iso_date(t, pool));
}

/* As JavaScript has numbers: a double, written without a point where it has none. */
static json_t *number(const char *text)
{
    double n = strtod(text, NULL);

    return fabs(n) < 9007199254740992.0 && (double)(json_int_t)n == n ? json_integer((json_int_t)n)
                                                                      : json_real(n);
}

/* The operator's own columns, either the hidden ones or the others. */
static void set_extra(json_t *json, const ba_extra *extra, int hidden)
{
    for (int i = 0; extra && i < extra->columns->nelts; ++i) {
        const ba_column *c = &APR_ARRAY_IDX(extra->columns, i, ba_column);
        const char *value = extra->values[i];

        if (!c->hidden != !hidden) {
            continue;
        }
        if (!value || c->type == BA_COLUMN_STRING || c->type == BA_COLUMN_DATE) {
            set_text(json, c->name, value);
        }
        else {
            json_object_set_new(json, c->name,
                                c->type == BA_COLUMN_NUMBER ? number(value)
                                                            : json_boolean(*value == '1'));
        }
    }
}

json_t *ba_json_user(const ba_user *user, apr_pool_t *pool)
{
    json_t *json = ba_json_object(pool);

    set_text(json, "name", user->name);
    set_text(json, "email", user->email);
    json_object_set_new(json, "emailVerified", json_boolean(user->email_verified));
    set_text(json, "image", user->image);
    set_date(json, "createdAt", user->created_at, pool);
    set_date(json, "updatedAt", user->updated_at, pool);
    set_extra(json, user->extra, 0);
    set_text(json, "id", user->id);
    return json;
}

void ba_json_add_hidden(json_t *json, const ba_user *user)
{
    set_extra(json, user->extra, 1);
}

json_t *ba_json_session(const ba_session *session, apr_pool_t *pool)
{
    json_t *json = ba_json_object(pool);

    set_date(json, "expiresAt", session->expires_at, pool);
    set_text(json, "token", session->token);
    set_date(json, "createdAt", session->created_at, pool);
    set_date(json, "updatedAt", session->updated_at, pool);
    set_text(json, "ipAddress", session->ip_address);
    set_text(json, "userAgent", session->user_agent);
    set_text(json, "userId", session->user_id);
    set_extra(json, session->extra, 0);
    set_text(json, "id", session->id);
    return json;
}

json_t *ba_json_account(const ba_account *account, apr_pool_t *pool)
{
    json_t *json = ba_json_object(pool);
    json_t *scopes = json_array();
    char *scope = apr_pstrdup(pool, account->scope ? account->scope : "");
    char *state, *word;

    for (word = apr_strtok(scope, ",", &state); word; word = apr_strtok(NULL, ",", &state)) {
        apr_size_t len;

        word += strspn(word, " ");
        for (len = strlen(word); len && word[len - 1] == ' '; --len) {
        }
        if (len) {
            json_array_append_new(scopes, json_stringn(word, len));
        }
    }
    set_text(json, "accountId", account->account_id);
    set_text(json, "providerId", account->provider_id);
    set_text(json, "userId", account->user_id);
    set_date(json, "createdAt", account->created_at, pool);
    set_date(json, "updatedAt", account->updated_at, pool);
    set_text(json, "id", account->id);
    json_object_set_new(json, "scopes", scopes);
    return json;
}
