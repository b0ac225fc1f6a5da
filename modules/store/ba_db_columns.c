/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_db_int.h"

#include <apr_strings.h>
#include <string.h>

/* alias.`column`, or without alias */
static const char *quoted(const ba_column *c, const char *alias, char quote, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s%s%c%s%c", alias, *alias ? "." : "", quote, c->column, quote);
}

/* What a SELECT says for a column; a TEXT is cut, and a date is text. */
static const char *selected(const ba_column *c, const char *name, int mysql, apr_pool_t *pool)
{
    if (c->type == BA_COLUMN_STRING) {
        return apr_psprintf(pool, mysql ? "CAST(LEFT(%s, %d) AS CHAR(%d))" : "substr(%s, 1, %d)",
                            name, BA_COLUMN_TEXT_MAX, BA_COLUMN_TEXT_MAX);
    }
    return mysql && c->type == BA_COLUMN_DATE ? apr_psprintf(pool, "CAST(%s AS CHAR(23))", name)
                                              : name;
}

/* What a mark stands for: for each column, with a comma before it. */
static const char *meaning(const char *mark, const ba_columns *all, int mysql, apr_pool_t *pool)
{
    int is_user = !strncmp(mark, "user", 4);
    const apr_array_header_t *columns = is_user ? all->user : all->session;
    const char *what = mark + (is_user ? 4 : 7);
    const char *alias = *what == ':' ? what + 1 : "";
    const char *out = "";

    for (int i = 0; columns && i < columns->nelts; ++i) {
        const ba_column *c = &APR_ARRAY_IDX(columns, i, ba_column);
        const char *name = quoted(c, alias, mysql ? '`' : '"', pool);

        switch (*what) {
        case ':':
            out = apr_pstrcat(pool, out, ", ", selected(c, name, mysql, pool), NULL);
            break;
        case '+':
            out = apr_pstrcat(pool, out, ", ", name, NULL);
            break;
        case '?':
            out = apr_pstrcat(pool, out, ", %s", NULL);
            break;
        default:
            out = apr_pstrcat(pool, out, ", ", name, " = CASE WHEN %s = 'keep' THEN ", name,
                              " ELSE %s END", NULL);
            break;
        }
    }
    return out;
}

const char *ba_db_expand(const char *sql, const ba_columns *columns, int mysql, apr_pool_t *pool)
{
    const char *out = "", *mark, *end;

    while ((mark = strstr(sql, "/*")) != NULL && (end = strstr(mark, "*/")) != NULL) {
        const char *before = apr_pstrmemdup(pool, sql, (apr_size_t)(mark - sql));
        const char *name = apr_pstrmemdup(pool, mark + 2, (apr_size_t)(end - mark) - 2);

        out = apr_pstrcat(pool, out, before, meaning(name, columns, mysql, pool), NULL);
        sql = end + 2;
    }
    return apr_pstrcat(pool, out, sql, NULL);
}
