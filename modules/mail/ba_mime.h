/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Assembles one mail (RFC 5322, 2045, 2047): a plain text and the same as HTML.
 * The result is ASCII, its lines end with CRLF, and no value can add a header. */

#ifndef BA_MIME_H
#define BA_MIME_H

#include "ba_types.h"

/* Fits a TEXT column of MySQL. What each body may have of it, encoded, leaves room for headers. */
#define BA_MIME_MAX 60000
#define BA_MIME_TEXT_MAX 16000
#define BA_MIME_HTML_MAX 40000

typedef struct ba_mime {
    const char *id;        /* of the mail: A-Za-z0-9 */
    const char *from_name; /* NULL: none */
    const char *from;
    const char *to;
    const char *subject;
    const char *text; /* UTF-8, lines end with LF, like the next */
    const char *html;
    ba_time date;
} ba_mime;

/* NULL, or the problem in words that name no value. */
const char *ba_mime_assemble(const ba_mime *mime, const char **message, apr_pool_t *pool);

/* Bytes of a body as it will travel: quoted-printable makes three of each beyond ASCII. */
apr_size_t ba_mime_encoded_length(const char *text, apr_pool_t *pool);

/* The value of a header that holds text: as it is if short and ASCII, else as encoded
 * words. NULL: a control character is in it. */
const char *ba_mime_header(const char *text, apr_pool_t *pool);

/* True for an address that every mail server reads alike: no quoting, no comment, no
 * list, ASCII. */
int ba_mime_is_address(const char *text);

#endif
