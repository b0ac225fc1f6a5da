/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_schema.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

static const char *type_name(const json_t *json)
{
    if (!json) {
        return "undefined";
    }
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_NULL:
        return "null";
    default:
        return "number";
    }
}

static int local_char(char c)
{
    return apr_isalnum(c) || strchr("_'+-", c);
}

int ba_schema_email(const char *text)
{
    const char *at = strchr(text, '@');
    const char *label, *dot;

    if (!at || at == text || at[-1] == '.' || at[-1] == '\'' || *text == '.') {
        return 0;
    }
    for (const char *p = text; p < at; ++p) {
        if (*p == '.' ? p[1] == '.' : !(*p && local_char(*p))) {
            return 0;
        }
    }
    /* one or more labels that start alphanumeric, then letters only */
    for (label = at + 1; (dot = strchr(label, '.')) != NULL; label = dot + 1) {
        if (!apr_isalnum(*label)) {
            return 0;
        }
        for (const char *p = label; p < dot; ++p) {
            if (!apr_isalnum(*p) && *p != '-') {
                return 0;
            }
        }
    }
    if (label == at + 1 || strlen(label) < 2) {
        return 0;
    }
    for (; *label; ++label) {
        if (!apr_isalpha(*label)) {
            return 0;
        }
    }
    return 1;
}

/* What is wrong with a string value, or NULL. */
static const char *check_text(const ba_field *field, const json_t *value)
{
    apr_size_t len = json_string_length(value);
    const char *text = json_string_value(value);

    if (field->kind != BA_FIELD_BYTES && strlen(text) != len) {
        return "Invalid input"; /* C strings and the database stop at NUL */
    }
    if (field->kind == BA_FIELD_EMAIL && !ba_schema_email(text)) {
        return "Invalid email address";
    }
    if ((field->rules & BA_NOT_EMPTY) && len == 0) {
        return "Too small: expected string to have >=1 characters";
    }
    return NULL;
}

/* Stores the value; returns what is wrong with it, or NULL. */
static const char *read_field(const ba_field *field, const json_t *value, void *out,
                              apr_pool_t *pool)
{
    char *slot = (char *)out + field->offset;
    int is_bool = field->kind == BA_FIELD_BOOL;
    const char *problem = NULL;

    if (field->kind == BA_FIELD_ANY || field->kind == BA_FIELD_WHOLE) {
        *(const json_t **)(void *)slot = value;
        return NULL;
    }
    if (is_bool) {
        *(int *)(void *)slot = json_is_boolean(value) ? json_is_true(value) : -1;
    }
    if (!value && !(field->rules & BA_REQUIRED)) {
        return NULL;
    }
    if (is_bool ? !json_is_boolean(value) : !json_is_string(value)) {
        return apr_psprintf(pool, "Invalid input: expected %s, received %s",
                            is_bool ? "boolean" : "string", type_name(value));
    }
    if (!is_bool && !(problem = check_text(field, value))) {
        ba_bytes bytes = {json_string_value(value), json_string_length(value)};

        if (field->kind == BA_FIELD_BYTES) {
            *(ba_bytes *)(void *)slot = bytes;
        }
        else {
            *(const char **)(void *)slot = bytes.data;
        }
    }
    return problem;
}

void *ba_schema_read(const ba_schema *schema, const char *where, const json_t *body,
                     const char **problem, apr_pool_t *pool)
{
    void *out = apr_pcalloc(pool, schema->size);
    const char *wrong = NULL;

    if (!json_is_object(body) && !(schema->optional && !body)) {
        *problem = apr_psprintf(pool, "[%s] Invalid input: expected %s, received %s", where,
                                schema->record == BA_RECORD ? "record" : "object", type_name(body));
        if (schema->record == BA_OBJECT_AND_RECORD) {
            *problem = apr_psprintf(pool, "%s; [body] Invalid input: expected record, received %s",
                                    *problem, type_name(body));
        }
        return NULL;
    }
    for (const ba_field *field = schema->fields; field->name; ++field) {
        const json_t *value
            = field->kind == BA_FIELD_WHOLE ? body : json_object_get(body, field->name);
        const char *text = read_field(field, value, out, pool);

        if (text) {
            wrong = apr_pstrcat(pool, wrong ? wrong : "", wrong ? "; [" : "[", where, ".",
                                field->name, "] ", text, NULL);
        }
    }
    *problem = wrong;
    return wrong ? NULL : out;
}
