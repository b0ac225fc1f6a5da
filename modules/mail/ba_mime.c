/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_mime.h"

#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>

/* RFC 2047: an encoded word has at most 75 characters, so 45 bytes as base64. */
#define WORD_BYTES 45
/* Longest header value left alone: with its name it stays below 78 (RFC 5322, 2.1.1). */
#define PLAIN_HEADER_MAX 64
/* RFC 5321 allows 998; 76 is quoted-printable's own limit. */
#define LINE_7BIT_MAX 990
#define LINE_QP_MAX 76

/* RFC 5321 says 254, but an account may have one more: its mail server is to refuse it,
 * not we in front of whoever asks. */
#define ADDRESS_MAX BA_EMAIL_MAX

/* ---- headers */

/* Bytes of the UTF-8 text from p that fit into one encoded word; never cuts inside a
 * character, which would be shown as two broken ones. */
static apr_size_t word_bytes(const char *p)
{
    apr_size_t len = strlen(p);

    if (len <= WORD_BYTES) {
        return len;
    }
    len = WORD_BYTES;
    while (len > WORD_BYTES - 4 && (p[len] & 0xC0) == 0x80) {
        --len;
    }
    return len;
}

static const char *encoded_words(const char *text, apr_pool_t *pool)
{
    const char *out = "";

    while (*text) {
        apr_size_t len = word_bytes(text);
        char word[WORD_BYTES * 2];

        apr_base64_encode(word, text, (int)len);
        out = apr_pstrcat(pool, out, *out ? "\r\n " : "", "=?UTF-8?B?", word, "?=", NULL);
        text += len;
    }
    return out;
}

const char *ba_mime_header(const char *text, apr_pool_t *pool)
{
    int plain = strlen(text) <= PLAIN_HEADER_MAX && !strstr(text, "=?");

    for (const unsigned char *p = (const unsigned char *)text; *p; ++p) {
        if (*p < ' ' || *p == 0x7F) {
            return NULL;
        }
        if (*p > 0x7F) {
            plain = 0;
        }
    }
    return plain ? text : encoded_words(text, pool);
}

/* A display name: characters that mean something in an address list are quoted. */
static const char *phrase(const char *name, apr_pool_t *pool)
{
    const char *value = ba_mime_header(name, pool);

    if (value == name && strpbrk(name, "()<>[]:;@\\,.\"")) {
        value = strpbrk(name, "\\\"") ? encoded_words(name, pool)
                                      : apr_pstrcat(pool, "\"", name, "\"", NULL);
    }
    return value;
}

int ba_mime_is_address(const char *text)
{
    const char *at = strchr(text, '@');

    if (!at || at == text || !at[1] || *text == '.' || strlen(text) > ADDRESS_MAX) {
        return 0;
    }
    for (const char *p = text; *p; ++p) {
        const char *also = p < at ? "!#$%&'*+-/=?^_`{|}~." : at[1] == '[' ? "-.:[]" : "-.";

        if (p != at && !apr_isalnum(*p) && !strchr(also, *p)) {
            return 0;
        }
    }
    return 1;
}

/* ---- bodies */

/* True if text may travel as it is. */
static int is_7bit(const char *text)
{
    apr_size_t line = 0;

    for (const unsigned char *p = (const unsigned char *)text; *p; ++p) {
        line = *p == '\n' ? 0 : line + 1;
        if (line > LINE_7BIT_MAX || (*p < ' ' && *p != '\n' && *p != '\t') || *p > 0x7E) {
            return 0;
        }
    }
    return 1;
}

static const char *with_crlf(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(text) * 2 + 1);
    char *o = out;

    for (const char *p = text; *p; ++p) {
        if (*p == '\n') {
            *o++ = '\r';
        }
        *o++ = *p;
    }
    *o = '\0';
    return out;
}

/* Three characters, or one for what may stay; a blank may not end a line. */
static int must_be_quoted(const unsigned char *p)
{
    int blank = *p == ' ' || *p == '\t';

    return *p == '=' || *p > 0x7E || (*p < ' ' && !blank)
           || (blank && (p[1] == '\n' || p[1] == '\0'));
}

static const char *quoted_printable(const char *text, apr_pool_t *pool)
{
    /* each byte becomes three, and each line of 75 gets three more */
    char *out = apr_palloc(pool, strlen(text) * 4 + 4);
    char *o = out;
    int line = 0;

    for (const unsigned char *p = (const unsigned char *)text; *p; ++p) {
        int width = must_be_quoted(p) ? 3 : 1;

        if (*p == '\n') {
            o += apr_snprintf(o, 3, "\r\n");
            line = 0;
            continue;
        }
        if (line + width > LINE_QP_MAX - 1) {
            o += apr_snprintf(o, 4, "=\r\n");
            line = 0;
        }
        if (width == 3) {
            o += apr_snprintf(o, 4, "=%02X", *p);
        }
        else {
            *o++ = (char)*p;
        }
        line += width;
    }
    *o = '\0';
    return out;
}

static const char *encoded(const char *text, apr_pool_t *pool)
{
    return is_7bit(text) ? with_crlf(text, pool) : quoted_printable(text, pool);
}

apr_size_t ba_mime_encoded_length(const char *text, apr_pool_t *pool)
{
    return strlen(encoded(text, pool));
}

static const char *part(const char *type, const char *text, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "Content-Type: text/", type, "; charset=utf-8\r\n",
                       "Content-Transfer-Encoding: ",
                       is_7bit(text) ? "7bit" : "quoted-printable", "\r\n\r\n",
                       encoded(text, pool), NULL);
}

/* ---- the whole */

/* apr_rfc822_date() says GMT, which RFC 5322 calls obsolete. */
static const char *date_text(ba_time date, apr_pool_t *pool)
{
    char text[APR_RFC822_DATE_LEN];

    apr_rfc822_date(text, apr_time_from_msec(date));
    return apr_pstrcat(pool, apr_pstrmemdup(pool, text, strlen(text) - 3), "+0000", NULL);
}

const char *ba_mime_assemble(const ba_mime *m, const char **message, apr_pool_t *pool)
{
    const char *subject = ba_mime_header(m->subject, pool);
    const char *name = m->from_name ? phrase(m->from_name, pool) : NULL;
    const char *boundary = apr_pstrcat(pool, "=_", m->id, NULL);
    const char *out;

    if (!ba_mime_is_address(m->from) || !ba_mime_is_address(m->to)) {
        return "an address that cannot be written to";
    }
    if (!subject || (m->from_name && !name)) {
        return "a control character in a header";
    }
    out = apr_pstrcat(pool, "From: ", name ? name : "", name ? " <" : "", m->from,
                      name ? ">" : "", "\r\nTo: ", m->to, "\r\nSubject: ", subject,
                      "\r\nDate: ", date_text(m->date, pool), "\r\nMessage-ID: <", m->id,
                      strchr(m->from, '@'), ">\r\nAuto-Submitted: auto-generated\r\n"
                      "MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary=\"",
                      boundary, "\"\r\n\r\n--", boundary, "\r\n", part("plain", m->text, pool),
                      "\r\n--", boundary, "\r\n", part("html", m->html, pool), "\r\n--", boundary,
                      "--\r\n", NULL);
    if (strlen(out) > BA_MIME_MAX) {
        return "a message that is too long";
    }
    *message = out;
    return NULL;
}
