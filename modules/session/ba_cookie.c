/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_cookie.h"

#include "ba_settings.h"
#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* Longest line and most pieces that Better Auth writes; browsers keep that much. */
#define LINE_LENGTH 4050
#define PIECES 100
#define LEN_OF_99 3 /* ".99": room is the same for all pieces */

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
    if (!memchr(value, '%', len)) {
        return apr_pstrmemdup(pool, value, len);
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

apr_status_t ba_cookie_open(const ba_call *call, const char *name, const char **value,
                            unsigned char mac[BA_MAC_BYTES])
{
    const char *text = ba_cookie_get(call, name);

    *value = NULL;
    return text ? ba_mac_open(call->settings->secrets, text, value, mac, call->pool) : APR_NOTFOUND;
}

static const char *attributes(const ba_call *call, apr_int64_t max_age)
{
    const char *flags = call->settings->cookie_flags;

    return max_age == BA_COOKIE_BROWSER
               ? flags
               : apr_psprintf(call->pool, "; Max-Age=%" APR_INT64_T_FMT "%s", max_age, flags);
}

/* Puts the line into the answer. */
static void set_line(ba_call *call, const char *name, const char *value, apr_int64_t max_age)
{
    ba_call_set_cookie(call, name, apr_pstrcat(call->pool, name, "=", value,
                                               attributes(call, max_age), NULL));
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

/* ---- values in pieces */

/* The N of "name.N" with 0 <= N < PIECES, spelled as we would; else -1. */
static int piece_number(const pair *p, const char *name, apr_size_t len)
{
    const char *digits = p->name + len + 1;
    int n;

    if (p->name_len < len + 2 || p->name_len > len + 3 || memcmp(p->name, name, len)
        || p->name[len] != '.' || !apr_isdigit(digits[0])) {
        return -1;
    }
    n = digits[0] - '0';
    if (p->name_len == len + 3) {
        n = n && apr_isdigit(digits[1]) ? n * 10 + digits[1] - '0' : -1;
    }
    return n;
}

static const char *piece_name(const ba_call *call, const char *name, int n)
{
    return apr_psprintf(call->pool, "%s.%d", name, n);
}

static int is_ours(const ba_settings *s, const pair *p)
{
    const char *const names[] = {s->session_cookie, s->remember_cookie, s->data_cookie};
    apr_size_t data_len = strlen(s->data_cookie);

    for (int i = 0; i < 3; ++i) {
        if (strlen(names[i]) == p->name_len && !memcmp(names[i], p->name, p->name_len)) {
            return 1;
        }
    }
    return p->name_len > data_len && p->name[data_len] == '.'
           && !memcmp(p->name, s->data_cookie, data_len);
}

const char *ba_cookie_others(const ba_call *call)
{
    const char *header = ba_call_header(call, "Cookie");
    char *out, *end;

    if (!header) {
        return NULL;
    }
    /* a blank after each ";" at most */
    out = end = apr_palloc(call->pool, 2 * strlen(header) + 1);
    for (const char *rest = header; *rest;) {
        apr_size_t len = strcspn(rest, ";");
        pair p = {rest, len, NULL, 0};
        const char *eq;

        trim(&p.name, &p.name_len);
        p.value = p.name;
        p.value_len = p.name_len;
        eq = memchr(p.name, '=', p.name_len);
        p.name_len = eq ? (apr_size_t)(eq - p.name) : p.name_len;
        trim(&p.name, &p.name_len);
        if (p.value_len && !is_ours(call->settings, &p)) {
            if (end > out) {
                memcpy(end, "; ", 2);
                end += 2;
            }
            memcpy(end, p.value, p.value_len);
            end += p.value_len;
        }
        rest += len + (rest[len] == ';');
    }
    *end = '\0';
    return end > out ? out : NULL;
}

const char *ba_cookie_get_chunked(const ba_call *call, const char *name)
{
    const char *header = ba_call_header(call, "Cookie");
    apr_size_t len = strlen(name), total = 0;
    const char *whole = NULL;
    int named = 0;
    pair p, pieces[PIECES];
    char seen[PIECES] = {0};
    char *out, *end;

    while (!whole && (header = next_pair(header, &p)) != NULL) {
        int n;

        if (p.name_len == len && !memcmp(p.name, name, len)) {
            if (!named && p.value_len) {
                whole = p.value_len > BA_COOKIE_TOTAL_MAX ? "" : decode(&p, call->pool);
            }
            named = 1;
        }
        else if ((n = piece_number(&p, name, len)) >= 0 && !seen[n]) {
            seen[n] = 1;
            pieces[n] = p;
            total += p.value_len;
        }
    }
    if (whole || total == 0 || total > BA_COOKIE_TOTAL_MAX) {
        return whole ? whole : memchr(seen, 1, PIECES) ? "" : NULL;
    }
    out = end = apr_palloc(call->pool, total + 1);
    for (int n = 0; n < PIECES; ++n) {
        if (seen[n]) {
            const char *value = decode(&pieces[n], call->pool);
            apr_size_t value_len = strlen(value);

            memcpy(end, value, value_len);
            end += value_len;
        }
    }
    *end = '\0';
    return out;
}

int ba_cookie_set_chunked(ba_call *call, const char *name, const char *value, apr_int64_t max_age)
{
    apr_size_t len = strlen(value);
    apr_size_t fixed = strlen(name) + LEN_OF_99 + 1 + strlen(attributes(call, max_age));
    apr_size_t room = fixed < LINE_LENGTH ? LINE_LENGTH - fixed : 0;

    ba_cookie_delete_chunked(call, name);
    if (len > BA_COOKIE_TOTAL_MAX || len > call->settings->cookie_room || len > room * PIECES) {
        return 0;
    }
    if (len <= room) {
        set_line(call, name, value, max_age);
        return 1;
    }
    for (int n = 0; len; ++n) {
        apr_size_t part = len < room ? len : room;

        set_line(call, piece_name(call, name, n), apr_pstrmemdup(call->pool, value, part), max_age);
        value += part;
        len -= part;
    }
    return 1;
}

void ba_cookie_delete_chunks(ba_call *call, const char *name)
{
    const char *header = ba_call_header(call, "Cookie");
    apr_size_t len = strlen(name);
    const char *set = piece_name(call, name, 0);
    pair p;

    for (int n = 1; apr_table_get(call->answer.cookies, set); ++n) {
        apr_table_unset(call->answer.cookies, set);
        set = piece_name(call, name, n);
    }
    while ((header = next_pair(header, &p)) != NULL) {
        if (piece_number(&p, name, len) >= 0) {
            ba_cookie_delete(call, apr_pstrmemdup(call->pool, p.name, p.name_len));
        }
    }
}

void ba_cookie_delete_chunked(ba_call *call, const char *name)
{
    const char *header = ba_call_header(call, "Cookie");

    /* nearly always there is none */
    if (apr_is_empty_table(call->answer.cookies) && (!header || !strstr(header, name))) {
        return;
    }
    apr_table_unset(call->answer.cookies, name);
    if (ba_cookie_get(call, name)) {
        ba_cookie_delete(call, name);
    }
    ba_cookie_delete_chunks(call, name);
}
