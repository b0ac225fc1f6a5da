/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_input.h"

#include <apr_strings.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* All numbers come as doubles; an integer column wants no point. */
static const char *number_text(double n, apr_pool_t *pool)
{
    char text[32];

    snprintf(text, sizeof(text),
             fabs(n) < 9007199254740992.0 && (double)(apr_int64_t)n == n ? "%.0f" : "%.17g", n);
    return apr_pstrdup(pool, text);
}

/* A value in the form of ba_extra; NULL if it is of another type. Text is read too,
 * since that is all a form has. */
static const char *read_value(const ba_column *c, const json_t *value, apr_pool_t *pool)
{
    const char *text = json_string_value(value);

    if (text) {
        return strlen(text) == json_string_length(value) ? ba_column_value(c->type, text, pool)
                                                         : NULL;
    }
    if (c->type == BA_COLUMN_BOOLEAN && json_is_boolean(value)) {
        return json_is_true(value) ? "1" : "0";
    }
    if (c->type == BA_COLUMN_NUMBER && json_is_number(value)) {
        return number_text(json_number_value(value), pool);
    }
    return NULL;
}

static int fail(ba_call *call, const ba_error *error, const ba_column *c, const char *text)
{
    ba_call_fail_with(call, error, apr_pstrcat(call->pool, c->name, text, NULL));
    return 0;
}

static int fail_type(ba_call *call, const ba_column *c)
{
    ba_call_fail_with(call, &ba_err_validation,
                      apr_psprintf(call->pool, "[body.%s] Invalid input: expected %s", c->name,
                                   ba_column_types[c->type]));
    return 0;
}

/* A value that the client sent. */
static int take(ba_call *call, const ba_column *c, const json_t *value, const char **out)
{
    if (json_is_null(value)) {
        *out = NULL;
        return c->required ? fail_type(call, c) : 1;
    }
    *out = read_value(c, value, call->pool);
    return *out ? 1 : fail_type(call, c);
}

int ba_input_create(ba_call *call, const apr_array_header_t *columns, const json_t *body,
                    const ba_extra **out)
{
    ba_extra *extra = ba_extra_fallback(columns, call->pool);

    *out = extra;
    for (int i = 0; extra && i < columns->nelts; ++i) {
        const ba_column *c = &APR_ARRAY_IDX(columns, i, ba_column);
        const json_t *value = json_object_get(body, c->name);

        /* a column with a fallback is never NULL for want of a value */
        if (!value || (c->required && json_is_null(value))) {
            if (c->required && !c->fallback) {
                return fail(call, &ba_err_missing_field, c, " is required");
            }
        }
        else if (c->readonly) {
            if ((!c->fallback || c->refused) && !ba_json_falsy(value)) {
                return fail(call, &ba_err_field_not_allowed, c, " is not allowed to be set");
            }
        }
        else if (!take(call, c, value, &extra->values[i])) {
            return 0;
        }
    }
    return 1;
}

int ba_input_update(ba_call *call, const apr_array_header_t *columns, const json_t *body,
                    const ba_extra **out)
{
    ba_extra *extra = ba_extra_create(columns, call->pool);

    *out = extra;
    for (int i = 0; extra && i < columns->nelts; ++i) {
        const ba_column *c = &APR_ARRAY_IDX(columns, i, ba_column);
        const json_t *value = json_object_get(body, c->name);

        if (!value) {
            continue;
        }
        if (c->readonly) {
            if (!ba_json_falsy(value)) {
                return fail(call, &ba_err_field_not_allowed, c, " is not allowed to be set");
            }
            continue;
        }
        if (!take(call, c, value, &extra->values[i])) {
            return 0;
        }
        extra->given[i] = 1;
    }
    return 1;
}
