/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_cookie.h"

#include "ba_mac.h"
#include "ba_settings.h"
#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* One name=value of a Cookie header; both point into it. */
typedef struct pair {
    const char *name;
    apr_size_t name_len;
    const char *value;
    apr_size_t value_len;
} pair;

static void trim(const char **text, apr_size_t *len)
{
    while (*len && (**text == ' ' || **text == '\t')) {
        ++*text;
        --*len;
    }
    while (*len && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t')) {
        --*len;
    }
}

/* Reads the next pair; returns where to go on, NULL at the end. */
static const char *next_pair(const char *header, pair *p)
{
    while (header && *header) {
        apr_size_t part = strcspn(header, ";");
        const char *eq = memchr(header, '=', part);
        const char *next = header[part] ? header + part + 1 : header + part;

        if (eq) {
            p->name = header;
            p->name_len = (apr_size_t)(eq - header);
            p->value = eq + 1;
            p->value_len = part - p->name_len - 1;
            trim(&p->name, &p->name_len);
            trim(&p->value, &p->value_len);
            return next;
        }
        header = next;
    }
    return NULL;
}

static const char *decode(const pair *p, apr_pool_t *pool)
{
    const char *value = p->value;
    apr_size_t len = p->value_len;
    apr_size_t decoded_len;
    const char *decoded;

    if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
        ++value;
        len -= 2;
    }
    decoded = ba_text_url_decode(value, len, 0, &decoded_len, pool);
    /* a NUL would cut it short: then it is not what was signed */
    return strlen(decoded) == decoded_len ? decoded : apr_pstrmemdup(pool, value, len);
}

const char *ba_cookie_get(const ba_call *call, const char *name)
{
    const char *header = ba_call_header(call, "Cookie");
    apr_size_t len = strlen(name);
    pair p;

    while ((header = next_pair(header, &p)) != NULL) {
        if (p.name_len == len && !memcmp(p.name, name, len)) {
            return decode(&p, call->pool);
        }
    }
    return NULL;
}

const char *ba_cookie_get_signed(const ba_call *call, const char *name)
{
    const char *value = ba_cookie_get(call, name);

    return value ? ba_mac_verify(call->settings->secrets, value, call->pool) : NULL;
}

/* Puts the line into the answer. */
static void set_line(ba_call *call, const char *name, const char *value, apr_int64_t max_age)
{
    const char *age = "";

    if (max_age != BA_COOKIE_BROWSER) {
        age = apr_psprintf(call->pool, "; Max-Age=%" APR_INT64_T_FMT, max_age);
    }
    ba_call_set_cookie(call, name, apr_pstrcat(call->pool, name, "=", value, age,
                                               call->settings->cookie_flags, NULL));
}

apr_status_t ba_cookie_set_signed(ba_call *call, const char *name, const char *value,
                                  apr_int64_t max_age)
{
    ba_bytes secret = APR_ARRAY_IDX(call->settings->secrets, 0, ba_bytes);
    const char *mac = ba_mac_sign(secret, value, call->pool);

    if (!mac) {
        return APR_EGENERAL;
    }
    value = apr_pstrcat(call->pool, value, ".", mac, NULL);
    set_line(call, name, ba_text_url_encode(value, call->pool), max_age);
    return APR_SUCCESS;
}

void ba_cookie_delete(ba_call *call, const char *name)
{
    set_line(call, name, "", 0);
}

void ba_cookie_delete_chunks(ba_call *call, const char *name)
{
    const char *header = ba_call_header(call, "Cookie");
    apr_size_t len = strlen(name);
    pair p;

    while ((header = next_pair(header, &p)) != NULL) {
        if (p.name_len > len + 1 && p.name_len <= len + 3 && !memcmp(p.name, name, len)
            && p.name[len] == '.' && apr_isdigit(p.name[len + 1])
            && apr_isdigit(p.name[p.name_len - 1])) {
            ba_cookie_delete(call, apr_pstrmemdup(call->pool, p.name, p.name_len));
        }
    }
}
