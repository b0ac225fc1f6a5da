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

/* In memory from malloc, which the caller wipes and frees. */
static char *fold(const char *text, apr_size_t len, size_t *folded)
{
    *folded = 0;
    return (char *)u8_casefold((const uint8_t *)text, len, NULL, UNINORM_NFKC, NULL, folded);
}

static int is_ascii(const char *text)
{
    while (*text && (signed char)*text > 0) {
        ++text;
    }
    return !*text;
}

/* Lists are long and mostly of ASCII, which is folded where it stands. */
static const char *fold_line(char *line, apr_pool_t *pool)
{
    const char *out = line;

    if (is_ascii(line)) {
        for (char *p = line; *p; ++p) {
            *p = (char)apr_tolower(*p);
        }
    }
    else {
        size_t len;
        char *text = fold(line, strlen(line), &len);

        out = text ? apr_pstrmemdup(pool, text, len) : NULL;
        free(text);
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
        const char *folded = fold_line(line, pool);

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

static int by_key(const void *key, const void *word)
{
    const ba_bytes *k = key;
    const char *w = *(const char *const *)word;
    int order = strncmp(k->data, w, k->len);

    return order ? order : -(w[k->len] != '\0');
}

int ba_words_have(const ba_words *words, ba_bytes text)
{
    size_t len;
    char *folded;
    ba_bytes key;
    int found;

    /* no line has a NUL */
    if (!words || !text.len || memchr(text.data, '\0', text.len)) {
        return 0;
    }
    folded = fold(text.data, text.len, &len);
    if (!folded) {
        return 1;
    }
    key = (ba_bytes){folded, len};
    found = bsearch(&key, words->sorted->elts, (size_t)words->sorted->nelts, sizeof(const char *), by_key)
            != NULL;
    explicit_bzero(folded, len);
    free(folded);
    return found;
}
