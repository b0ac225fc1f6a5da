/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>
#include <unistr.h>

static const char hex_digits[] = "0123456789ABCDEF";

/* The bytes that encodeURIComponent leaves as they are. */
static int is_plain(unsigned char c)
{
    return c < 0x80 && (apr_isalnum(c) || (c && strchr("-_.!~*'()", c)));
}

const char *ba_text_url_encode(const char *text, apr_pool_t *pool)
{
    const unsigned char *p = (const unsigned char *)text;
    char *out, *o;

    while (is_plain(*p)) {
        ++p;
    }
    if (!*p) {
        return text;
    }
    out = o = apr_palloc(pool, strlen(text) * 3 + 1);
    for (p = (const unsigned char *)text; *p; ++p) {
        if (is_plain(*p)) {
            *o++ = (char)*p;
        }
        else {
            *o++ = '%';
            *o++ = hex_digits[*p >> 4];
            *o++ = hex_digits[*p & 15];
        }
    }
    *o = '\0';
    return out;
}

const char *ba_text_form_encode(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(text) * 3 + 1);
    char *o = out;

    for (const unsigned char *p = (const unsigned char *)text; *p; ++p) {
        if (*p == ' ') {
            *o++ = '+';
        }
        else if (*p < 0x80 && (apr_isalnum(*p) || strchr("*-._", *p))) {
            *o++ = (char)*p;
        }
        else {
            *o++ = '%';
            *o++ = hex_digits[*p >> 4];
            *o++ = hex_digits[*p & 15];
        }
    }
    *o = '\0';
    return out;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

char *ba_text_url_decode(const char *text, apr_size_t text_len, int plus, apr_size_t *len,
                         apr_pool_t *pool)
{
    char *out = apr_palloc(pool, text_len + 1);
    char *o = out;

    for (apr_size_t i = 0; i < text_len; ++i) {
        if (text[i] != '%' && text[i] != '+') {
            *o++ = text[i];
        }
        else if (text[i] == '%' && i + 2 < text_len && hex_value(text[i + 1]) >= 0
                 && hex_value(text[i + 2]) >= 0) {
            *o++ = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        }
        else {
            *o++ = plus && text[i] == '+' ? ' ' : text[i];
        }
    }
    *o = '\0';
    *len = (apr_size_t)(o - out);
    return out;
}

char *ba_text_lower(const char *text, apr_pool_t *pool)
{
    char *out = apr_pstrdup(pool, text);

    for (char *p = out; *p; ++p) {
        if (*p >= 'A' && *p <= 'Z') {
            *p = (char)(*p - 'A' + 'a');
        }
    }
    return out;
}

/* Browsers and Node replace by "maximal subpart", and a password must hash alike on
 * both servers; libunistring replaces longer runs at once.
 *
 * Length of the sequence that begins at s, or of as much of it as could begin a
 * valid one (the "maximal subpart" of the Unicode standard); 0 if nothing could. */
static apr_size_t sequence(const uint8_t *s, apr_size_t n)
{
    uint8_t lo = 0x80, hi = 0xBF; /* of the second byte, then of the others */
    apr_size_t want, i;

    if (*s < 0x80) {
        return 1;
    }
    if (*s < 0xC2 || *s > 0xF4) {
        return 0;
    }
    want = *s < 0xE0 ? 2 : *s < 0xF0 ? 3 : 4;
    lo = *s == 0xE0 ? 0xA0 : *s == 0xF0 ? 0x90 : lo;
    hi = *s == 0xED ? 0x9F : *s == 0xF4 ? 0x8F : hi;
    for (i = 1; i < want && i < n && s[i] >= lo && s[i] <= hi; ++i) {
        lo = 0x80;
        hi = 0xBF;
    }
    return i;
}

int ba_text_is_utf8(const char *text, apr_size_t len)
{
    return u8_check((const uint8_t *)text, len) == NULL;
}

char *ba_text_repair_utf8(const char *text, apr_size_t len, apr_size_t *out_len, apr_pool_t *pool)
{
    const uint8_t *s = (const uint8_t *)text;
    char *out;
    apr_size_t o = 0;

    if (ba_text_is_utf8(text, len)) {
        *out_len = len;
        return apr_pstrmemdup(pool, text, len);
    }
    /* each invalid byte can become the three bytes of U+FFFD */
    out = apr_palloc(pool, len * 3 + 1);
    for (apr_size_t i = 0; i < len;) {
        apr_size_t used = sequence(s + i, len - i);

        if (used && u8_check(s + i, used) == NULL) {
            memcpy(out + o, s + i, used);
            o += used;
        }
        else {
            memcpy(out + o, "\xEF\xBF\xBD", 3);
            o += 3;
        }
        i += used ? used : 1;
    }
    out[o] = '\0';
    *out_len = o;
    return out;
}

apr_size_t ba_text_utf16_length(const char *text, apr_size_t len)
{
    apr_size_t units = 0;

    for (apr_size_t i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)text[i];

        if ((c & 0xC0) != 0x80) {
            units += c >= 0xF0 ? 2 : 1; /* four bytes: a surrogate pair */
        }
    }
    return units;
}

apr_size_t ba_text_length(const char *text)
{
    return u8_mbsnlen((const uint8_t *)text, strlen(text));
}

const char *ba_text_cut(const char *text, apr_size_t max, apr_pool_t *pool)
{
    apr_size_t points = 0;

    for (const char *p = text; *p; ++p) {
        if (((unsigned char)*p & 0xC0) != 0x80 && points++ == max) {
            return apr_pstrmemdup(pool, text, (apr_size_t)(p - text));
        }
    }
    return text;
}

const char *ba_text_from_latin1(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(text) * 2 + 1);
    char *o = out;

    for (const unsigned char *p = (const unsigned char *)text; *p; ++p) {
        if (*p < 0x80) {
            *o++ = (char)*p;
        }
        else {
            *o++ = (char)(0xC0 | (*p >> 6));
            *o++ = (char)(0x80 | (*p & 0x3F));
        }
    }
    *o = '\0';
    return out;
}

const char *ba_text_iso_date(ba_time t, apr_pool_t *pool)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, apr_time_from_msec(t));
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", e.tm_year + 1900,
                        e.tm_mon + 1, e.tm_mday, e.tm_hour, e.tm_min, e.tm_sec,
                        (int)(e.tm_usec / 1000));
}

/* The number that these n digits write. */
static int digits(const char *text, int n)
{
    int value = 0;

    while (n-- > 0) {
        value = value * 10 + (*text++ - '0');
    }
    return value;
}

/* Five of them in each row of a session, where apr_date_checkmask() takes too long. */
static int is_date(const char *text)
{
    for (const char *m = "0000-00-00T00:00:00"; *m; ++m, ++text) {
        int good = *m == '0'   ? apr_isdigit(*text)
                   : *m == 'T' ? *text == 'T' || *text == ' '
                               : *text == *m;

        if (!good) {
            return 0;
        }
    }
    return 1;
}

apr_status_t ba_text_parse_date(const char *text, ba_time *t)
{
    apr_time_exp_t e = {0};
    apr_time_t value;
    int month, ms = 0;

    if (!is_date(text)) {
        return APR_EINVAL;
    }
    month = digits(text + 5, 2);
    e.tm_year = digits(text, 4) - 1900;
    e.tm_mon = month - 1;
    e.tm_mday = digits(text + 8, 2);
    e.tm_hour = digits(text + 11, 2);
    e.tm_min = digits(text + 14, 2);
    e.tm_sec = digits(text + 17, 2);
    text += 19;
    if (*text == '.') {
        int scale = 100;

        for (++text; apr_isdigit(*text); ++text, scale /= 10) {
            ms += (*text - '0') * scale;
        }
    }
    if (*text == 'Z') {
        ++text;
    }
    if (*text || month < 1 || month > 12 || e.tm_mday < 1 || e.tm_mday > 31 || e.tm_hour > 23
        || e.tm_min > 59 || e.tm_sec > 59) {
        return APR_EINVAL;
    }
    if (apr_time_exp_gmt_get(&value, &e) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    *t = apr_time_as_msec(value) + ms;
    return APR_SUCCESS;
}

const char *ba_text_html(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(text) * 6 + 1);
    char *o = out;

    for (; *text; ++text) {
        const char *entity = *text == '&'    ? "&amp;"
                             : *text == '<'  ? "&lt;"
                             : *text == '>'  ? "&gt;"
                             : *text == '"'  ? "&quot;"
                             : *text == '\'' ? "&#39;"
                                             : NULL;

        if (entity) {
            apr_size_t n = strlen(entity);

            memcpy(o, entity, n);
            o += n;
        }
        else {
            *o++ = *text;
        }
    }
    *o = '\0';
    return out;
}

const char *ba_text_query_param(const char *query, const char *name, int *count, apr_pool_t *pool)
{
    const char *found = NULL;
    int n = 0;

    for (const char *p = query; p && *p;) {
        const char *end = strchr(p, '&');
        apr_size_t part = end ? (apr_size_t)(end - p) : strlen(p);
        const char *eq = memchr(p, '=', part);
        apr_size_t name_len = eq ? (apr_size_t)(eq - p) : part;
        apr_size_t len;

        if (!strcmp(ba_text_url_decode(p, name_len, 1, &len, pool), name)) {
            if (n++ == 0) {
                found = "";
                if (eq) {
                    found = ba_text_url_decode(eq + 1, part - name_len - 1, 1, &len, pool);
                    found = ba_text_repair_utf8(found, len, &len, pool);
                }
            }
        }
        p = end ? end + 1 : NULL;
    }
    if (count) {
        *count = n;
    }
    return found;
}

/* Iterative with one point of return, so that no pattern makes it slow. */
int ba_text_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;

    while (*text) {
        const char *literal = *pattern == '\\' && pattern[1] ? pattern + 1 : pattern;

        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        }
        else if ((*pattern == '?' && *text != '/') || (*literal == *text && *pattern != '?')) {
            pattern = literal + 1;
            ++text;
        }
        else if (star && *resume != '/' && *resume != '\\') {
            pattern = star;
            text = ++resume;
        }
        else {
            return 0;
        }
    }
    while (*pattern == '*') {
        ++pattern;
    }
    return !*pattern;
}
