/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Texts that are refused, such as passwords that everybody guesses. They are compared whole,
 * in the Unicode form that passwords are hashed in, and without regard to case. */

#ifndef BA_WORDS_H
#define BA_WORDS_H

#include "ba_types.h"

#include <apr_pools.h>

typedef struct ba_words ba_words;

/* Of the lines of a text, which is written to; empty ones count for nothing. */
ba_words *ba_words_create(char *lines, apr_pool_t *pool);

int ba_words_count(const ba_words *words);

/* Is it among them? Wipes its copy of it; without memory it is. words may be NULL: none. */
int ba_words_have(const ba_words *words, ba_bytes text, apr_pool_t *pool);

#endif
