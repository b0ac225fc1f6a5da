/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_column.h"

#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ba_column_types[] = {"string", "number", "boolean", "date", NULL};

ba_extra *ba_extra_create(const apr_array_header_t *columns, apr_pool_t *pool)
{
    ba_extra *extra;
    apr_size_t n;

    if (!columns) {
        return NULL;
    }
    n = (apr_size_t)columns->nelts;
    extra = apr_palloc(pool, sizeof(*extra));
    extra->columns = columns;
    extra->values = apr_pcalloc(pool, n * sizeof(*extra->values));
    extra->given = apr_pcalloc(pool, n);
    return extra;
}

ba_extra *ba_extra_fallback(const apr_array_header_t *columns, apr_pool_t *pool)
{
    ba_extra *extra = ba_extra_create(columns, pool);

    for (int i = 0; extra && i < columns->nelts; ++i) {
        extra->values[i] = APR_ARRAY_IDX(columns, i, ba_column).fallback;
    }
    return extra;
}

const ba_extra *ba_extra_merge(const ba_extra *base, const ba_extra *change, apr_pool_t *pool)
{
    ba_extra *extra;

    if (!base || !change) {
        return base;
    }
    extra = ba_extra_create(base->columns, pool);
    for (int i = 0; i < base->columns->nelts; ++i) {
        extra->values[i] = change->given[i] ? change->values[i] : base->values[i];
    }
    return extra;
}

int ba_extra_any(const ba_extra *extra)
{
    return extra && memchr(extra->given, 1, (apr_size_t)extra->columns->nelts) != NULL;
}

/* What JSON takes for a number, and a double holds. */
static const char *number(const char *text)
{
    const char *p = text + (*text == '-');
    char *end;

    if (!apr_isdigit(*p) || (*p == '0' && apr_isdigit(p[1])) || strpbrk(p, "xX")) {
        return NULL;
    }
    return isfinite(strtod(text, &end)) && !*end && apr_isdigit(end[-1]) ? text : NULL;
}

static const char *boolean(const char *text)
{
    static const char *const words[] = {"1", "true", "on", "0", "false", "off"};

    for (int i = 0; i < 6; ++i) {
        if (!strcmp(text, words[i])) {
            return i < 3 ? "1" : "0";
        }
    }
    return NULL;
}

const char *ba_column_value(ba_column_type type, const char *text, apr_pool_t *pool)
{
    ba_time t;

    switch (type) {
    case BA_COLUMN_STRING:
        return ba_text_length(text) <= BA_COLUMN_TEXT_MAX ? text : NULL;
    case BA_COLUMN_NUMBER:
        return number(text);
    case BA_COLUMN_BOOLEAN:
        return boolean(text);
    default:
        return ba_text_parse_date(text, &t) == APR_SUCCESS ? ba_text_iso_date(t, pool) : NULL;
    }
}

const char *ba_columns_key(const ba_columns *columns, apr_pool_t *pool)
{
    const apr_array_header_t *tables[] = {columns->user, columns->session};
    const char *key = "";

    for (int t = 0; t < 2; ++t) {
        key = apr_pstrcat(pool, key, " ", NULL);
        for (int i = 0; tables[t] && i < tables[t]->nelts; ++i) {
            const ba_column *c = &APR_ARRAY_IDX(tables[t], i, ba_column);

            key = apr_psprintf(pool, "%s%s:%d,", key, c->column, (int)c->type);
        }
    }
    return key;
}
