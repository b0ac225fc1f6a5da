/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_language.h"

#include "ba_text.h"

#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

/* Bytes of a line: text is short. */
#define LINE_LENGTH_MAX 2048

ba_language *ba_language_create(const char *code, const ba_language *fallback, apr_pool_t *pool)
{
    ba_language *language = apr_pcalloc(pool, sizeof(*language));

    language->code = code;
    language->texts = apr_hash_make(pool);
    language->fallback = fallback;
    return language;
}

/* ---- a file */

static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && apr_isspace(end[-1])) {
        *--end = '\0';
    }
    return text + strspn(text, " \t");
}

/* NULL, or what is wrong with the line. */
static const char *read_line(ba_language *language, char *line, apr_pool_t *pool)
{
    char *text = trim(line), *key, *equals;
    apr_size_t len;

    if (!*text || *text == '#') {
        return NULL;
    }
    if (strcmp(text, ba_text_repair_utf8(text, strlen(text), &len, pool))) {
        return "not UTF-8";
    }
    equals = strchr(text, '=');
    if (!equals) {
        return "no \"=\" between key and text";
    }
    *equals = '\0';
    key = trim(text);
    if (!*key || key[strcspn(key, " \t{}")]) {
        return "the key must be one word";
    }
    apr_hash_set(language->texts, apr_pstrdup(pool, key), APR_HASH_KEY_STRING,
                 apr_pstrdup(pool, trim(equals + 1)));
    return NULL;
}

apr_status_t ba_language_read(ba_language *language, const char *path, const char **problem,
                              apr_pool_t *pool)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* that some editors write */
    char line[LINE_LENGTH_MAX];
    const char *error = NULL;
    apr_file_t *file;
    int n = 0;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BUFFERED, 0, pool);

    *problem = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while (!error && (rv = apr_file_gets(line, sizeof(line), file)) == APR_SUCCESS) {
        char *text = ++n == 1 && !strncmp(line, mark, 3) ? line + 3 : line;

        error = strlen(line) == sizeof(line) - 1 ? "the line is too long"
                                                 : read_line(language, text, pool);
    }
    apr_file_close(file);
    if (error) {
        *problem = apr_psprintf(pool, "%s, line %d: %s", path, n, error);
        return APR_EINVAL;
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* ---- texts */

const char *ba_language_text(const ba_language *language, const char *key)
{
    const char *text = NULL;

    for (; language && !text; language = language->fallback) {
        text = apr_hash_get(language->texts, key, APR_HASH_KEY_STRING);
    }
    return text;
}

const char *ba_language_fill(const char *text, const apr_table_t *values, apr_pool_t *pool)
{
    const char *out = "", *open, *close;

    while ((open = strchr(text, '{')) != NULL && (close = strchr(open, '}')) != NULL) {
        const char *name = apr_pstrmemdup(pool, open + 1, (apr_size_t)(close - open) - 1);
        const char *value = apr_table_get(values, name);

        out = apr_pstrcat(pool, out, apr_pstrmemdup(pool, text, (apr_size_t)(open - text)),
                          value ? value : apr_pstrcat(pool, "{", name, "}", NULL), NULL);
        text = close + 1;
    }
    return apr_pstrcat(pool, out, text, NULL);
}

/* A language has texts for one, for two and for a few, if it speaks so. */
static const char *count_text(const ba_language *language, const char *unit, apr_int64_t n,
                              apr_pool_t *pool)
{
    const char *suffix = n == 1 ? "-one" : n == 2 ? "-two" : n <= 10 ? "-few" : "";
    const char *text = NULL;

    if (*suffix && language) {
        text = apr_hash_get(language->texts, apr_pstrcat(pool, unit, suffix, NULL),
                            APR_HASH_KEY_STRING);
    }
    return text ? text : ba_language_text(language, unit);
}

const char *ba_language_span(const ba_language *language, apr_int64_t seconds, apr_pool_t *pool)
{
    static const struct {
        apr_int64_t seconds;
        const char *key;
    } units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
    apr_table_t *values = apr_table_make(pool, 1);
    const char *text;
    apr_int64_t n;
    int i = 0;

    if (seconds > 90 && seconds % 60) {
        seconds += 60 - seconds % 60;
    }
    /* "24 hours" rather than "1 day" */
    while (i < 3
           && (seconds < units[i].seconds || seconds % units[i].seconds
               || (i == 0 && seconds < 2 * units[i].seconds))) {
        ++i;
    }
    n = seconds / units[i].seconds;
    apr_table_setn(values, "n", apr_psprintf(pool, "%" APR_INT64_T_FMT, n));
    text = count_text(language, units[i].key, n, pool);
    return ba_language_fill(text ? text : "{n}", values, pool);
}

/* ---- who reads what */

/* How well a range of the header ("de", "de-AT", "*") means the code: 0 not at all. */
static int fits(const char *range, apr_size_t len, const char *code)
{
    apr_size_t code_len = strlen(code);

    if (len == 1 && *range == '*') {
        return 1;
    }
    if (len == code_len && !strncasecmp(range, code, len)) {
        return 3;
    }
    /* who reads de-AT reads de, and the other way round */
    return (len > code_len && range[code_len] == '-' && !strncasecmp(range, code, code_len))
                   || (code_len > len && code[len] == '-' && !strncasecmp(range, code, len))
               ? 2
               : 0;
}

/* Of "q=0.8" in thousandths; all else counts as nothing said. */
static int quality_of(const char *parameters)
{
    int quality = 0, digits = 0;

    parameters += strspn(parameters, "; \t");
    if (strncasecmp(parameters, "q=", 2)) {
        return 1000;
    }
    parameters += 2;
    if (*parameters != '0') {
        return 1000;
    }
    for (parameters += parameters[1] == '.' ? 2 : 1; digits < 3; ++digits) {
        quality = quality * 10 + (apr_isdigit(*parameters) ? *parameters++ - '0' : 0);
    }
    return quality;
}

/* What the header makes of one language: the closest range says. */
static int quality_for(const char *code, const char *header)
{
    int closest = 0, quality = 0;

    while (*header) {
        apr_size_t all, len;
        int fit;

        header += strspn(header, ", \t");
        all = strcspn(header, ",");
        len = strcspn(header, ",; \t");
        fit = len ? fits(header, len, code) : 0;
        if (fit > closest) {
            closest = fit;
            quality = memchr(header, ';', all) ? quality_of(header + strcspn(header, ";")) : 1000;
        }
        header += all;
    }
    return quality;
}

const ba_language *ba_language_accepted(const apr_array_header_t *languages, const char *header)
{
    const ba_language *best = NULL;
    int best_quality = 0;

    for (int i = 0; header && i < languages->nelts; ++i) {
        const ba_language *language = APR_ARRAY_IDX(languages, i, const ba_language *);
        int quality = quality_for(language->code, header);

        if (quality > best_quality) {
            best = language;
            best_quality = quality;
        }
    }
    return best ? best : APR_ARRAY_IDX(languages, 0, const ba_language *);
}

const ba_language *ba_language_find(const apr_array_header_t *languages, const char *code)
{
    for (int i = 0; code && i < languages->nelts; ++i) {
        const ba_language *language = APR_ARRAY_IDX(languages, i, const ba_language *);

        if (!strcasecmp(language->code, code)) {
            return language;
        }
    }
    return NULL;
}
