/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The words of pages and mails: one file for each language, "key = text" in each line,
 * UTF-8; and which language a visitor reads. {name} in a text stands for a value. */

#ifndef BA_LANGUAGE_H
#define BA_LANGUAGE_H

#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_tables.h>

typedef struct ba_language {
    const char *code;                   /* "de", "pt-br": lower case, as the file is named */
    apr_hash_t *texts;
    const struct ba_language *fallback; /* has what this one lacks; NULL: nobody */
} ba_language;

/* A language without texts. */
ba_language *ba_language_create(const char *code, const ba_language *fallback, apr_pool_t *pool);

/* Adds the lines of a file; they go over those that are there. APR_EINVAL: *problem
 * says "FILE, line N: …", and nothing is added from there on. Else what opening or
 * reading it gave. */
apr_status_t ba_language_read(ba_language *language, const char *path, const char **problem,
                              apr_pool_t *pool);

/* The text of a key, NULL if there is none. */
const char *ba_language_text(const ba_language *language, const char *key);

/* text with {name} replaced by the values; a name without value stays as it is. What a
 * value holds is not looked at again. */
const char *ba_language_fill(const char *text, const apr_table_t *values, apr_pool_t *pool);

/* "1 hour", "45 seconds", in the largest unit that tells it whole; past 90 seconds
 * rounded up to minutes. */
const char *ba_language_span(const ba_language *language, apr_int64_t seconds, apr_pool_t *pool);

/* The one of languages (of const ba_language *, the first one is for those who read
 * none) that an Accept-Language header, NULL if there is none, asks for most. */
const ba_language *ba_language_accepted(const apr_array_header_t *languages, const char *header);

/* The one of this code, NULL if it is not among them. */
const ba_language *ba_language_find(const apr_array_header_t *languages, const char *code);

#endif
