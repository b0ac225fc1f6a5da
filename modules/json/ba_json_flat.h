/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Reads the plain kind of JSON object that we and Better Auth sign, without building a tree
 * of it: for where each request brings one. What is not of that kind is left to
 * ba_json_parse(), which reads everything. */

#ifndef BA_JSON_FLAT_H
#define BA_JSON_FLAT_H

#include "ba_types.h"

typedef enum {
    BA_FLAT_ABSENT,
    BA_FLAT_TEXT,
    BA_FLAT_NUMBER, /* whole, not negative */
    BA_FLAT_TRUE,
    BA_FLAT_FALSE,
    BA_FLAT_NULL
} ba_flat_kind;

/* A member to look for; kind, text and len are filled in. */
typedef struct ba_flat {
    const char *object; /* the member of the outer object that holds it; NULL: itself */
    const char *key;
    ba_flat_kind kind;
    char *text; /* of text and numbers; ends with NUL, where it stood */
    apr_size_t len;
} ba_flat;

/* Fills what members ask for; others are skipped. 0, and text is as it was: it is not one
 * object of texts, numbers, true, false, null and objects of such, without blanks and
 * backslashes, in UTF-8, or it names a member twice. */
int ba_json_flat(char *text, apr_size_t len, ba_flat *members, int n);

#endif
