/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_words.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

struct ba_words {
    apr_array_header_t *sorted; /* of const char *, folded */
};

static int is_ascii(ba_bytes text)
{
    apr_size_t i = 0;

    while (i < text.len && (signed char)text.data[i] > 0) {
        ++i;
    }
    return i == text.len;
}

/* A copy in one form; NULL: no memory. The library leaves copies of its own behind, so what
 * it is not needed for does not go there. */
static char *fold(ba_bytes text, apr_size_t *len, apr_pool_t *pool)
{
    char *out, *folded;

    *len = text.len;
    if (is_ascii(text)) {
        out = apr_pstrmemdup(pool, text.data, text.len);
        for (char *p = out; *p; ++p) {
            *p = (char)apr_tolower(*p);
        }
        return out;
    }
    folded = (char *)u8_casefold((const uint8_t *)text.data, text.len, NULL, UNINORM_NFKC, NULL, len);
    out = folded ? apr_pstrmemdup(pool, folded, *len) : NULL;
    if (folded) {
        explicit_bzero(folded, *len);
        free(folded);
    }
    return out;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

ba_words *ba_words_create(char *lines, apr_pool_t *pool)
{
    ba_words *words = apr_palloc(pool, sizeof(*words));
    char *state;

    words->sorted = apr_array_make(pool, 4096, sizeof(const char *));
    for (char *line = apr_strtok(lines, "\r\n", &state); line; line = apr_strtok(NULL, "\r\n", &state)) {
        apr_size_t len;
        const char *folded = fold((ba_bytes){line, strlen(line)}, &len, pool);

        if (folded) {
            APR_ARRAY_PUSH(words->sorted, const char *) = folded;
        }
    }
    qsort(words->sorted->elts, (size_t)words->sorted->nelts, sizeof(const char *), by_text);
    return words;
}

int ba_words_count(const ba_words *words)
{
    return words->sorted->nelts;
}

int ba_words_have(const ba_words *words, ba_bytes text, apr_pool_t *pool)
{
    apr_size_t len;
    char *folded;
    int found;

    /* no line has a NUL */
    if (!words || !text.len || memchr(text.data, '\0', text.len)) {
        return 0;
    }
    folded = fold(text, &len, pool);
    if (!folded) {
        return 1;
    }
    found = bsearch(&folded, words->sorted->elts, (size_t)words->sorted->nelts, sizeof(const char *),
                    by_text)
            != NULL;
    explicit_bzero(folded, len);
    return found;
}
