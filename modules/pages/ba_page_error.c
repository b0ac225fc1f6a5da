/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Errors as people read them: a sentence of the language file, at the field it is about. */

#include "ba_page.h"

#include "ba_schema.h"
#include "ba_url.h"

#include <apr_strings.h>
#include <string.h>

void ba_page_fault(const ba_page_view *v, const char *field, const char *text)
{
    apr_table_t *row = ba_page_add_row(v, "errors");

    ba_page_set(v, field ? apr_pstrcat(v->r->pool, "error-", field, NULL) : "error", text);
    apr_table_setn(row, "error-field", field ? field : "");
    apr_table_setn(row, "error-text", text);
}

/* ---- what the API says */

/* Errors about a field of this kind; and those without a code that the client reads. */
static const struct {
    const ba_error *error;
    ba_page_kind kind; /* BA_TEXT_FIELD: the form as a whole */
    const char *key;    /* NULL: its code */
} about[] = {
    {&ba_err_invalid_email, BA_EMAIL_FIELD, NULL},
    {&ba_err_user_exists, BA_EMAIL_FIELD, NULL},
    {&ba_err_same_email, BA_EMAIL_FIELD, "SAME_EMAIL"},
    {&ba_err_password_short, BA_NEW_PASSWORD_FIELD, NULL},
    {&ba_err_password_long, BA_NEW_PASSWORD_FIELD, NULL},
    {&ba_err_password_listed, BA_NEW_PASSWORD_FIELD, NULL},
    {&ba_err_invalid_password, BA_PASSWORD_FIELD, NULL},
    {&ba_err_too_many, BA_TEXT_FIELD, "TOO_MANY_REQUESTS"},
    {&ba_err_no_fields, BA_TEXT_FIELD, "NO_FIELDS"},
    {&ba_err_change_email_no_mail, BA_TEXT_FIELD, "VERIFICATION_EMAIL_NOT_ENABLED"},
};

static const char *field_of_kind(const ba_page_view *v, ba_page_kind kind)
{
    for (const ba_page_field *f = v->row->fields; f && f->name && kind != BA_TEXT_FIELD; ++f) {
        if (f->kind == kind) {
            return f->name;
        }
    }
    /* a sign-in has but one password */
    return kind == BA_NEW_PASSWORD_FIELD ? field_of_kind(v, BA_PASSWORD_FIELD) : NULL;
}

/* "[body.name] Invalid input …" names the field; so does "company is required". */
static const char *named_field(const ba_page_view *v, const char *message)
{
    const ba_page_field *f = v->row->fields;
    const apr_array_header_t *columns = v->settings->columns.user;
    apr_size_t len;

    if (message && !strncmp(message, "[body.", 6)) {
        message += 6;
    }
    len = message ? strcspn(message, "] ") : 0;
    for (; f && f->name; ++f) {
        if (strlen(f->name) == len && !strncmp(f->name, message, len)
            && f->kind != BA_HIDDEN_FIELD) {
            return f->name;
        }
    }
    for (int i = 0; len && columns && i < columns->nelts; ++i) {
        const char *name = APR_ARRAY_IDX(columns, i, ba_column).name;

        if (strlen(name) == len && !strncmp(name, message, len)) {
            return name;
        }
    }
    return NULL;
}

/* What another module objects to it says itself; a file of languages may know better. */
static const char *sentence(const ba_page_view *v, const ba_error *error, const char *key)
{
    const char *text = ba_page_text(v, apr_pstrcat(v->r->pool, "error-", key, NULL));

    if (error == v->call->vetoed && error->message != ba_err_sign_in_refused.message
        && (!*text || error->code == ba_err_sign_in_refused.code)) {
        return error->message;
    }
    return *text ? text : ba_page_text(v, "error-OTHER");
}

void ba_page_explain(const ba_page_view *v, const ba_error *error)
{
    const char *key = error->code ? error->code : "OTHER";
    const char *field = NULL;

    for (apr_size_t i = 0; i < sizeof(about) / sizeof(about[0]); ++i) {
        if (about[i].error == error) {
            key = about[i].key ? about[i].key : key;
            field = field_of_kind(v, about[i].kind);
        }
    }
    if (error == &ba_err_validation || error == &ba_err_missing_field) {
        field = named_field(v, v->call->answer.message);
    }
    ba_page_set(v, "error-code", key);
    ba_page_set(v, "wait",
                ba_language_span(v->page->language, v->call->answer.retry_after, v->r->pool));
    ba_page_fault(v, field, sentence(v, error, key));
}

/* ---- what we can tell ourselves, all at once */

static int is_blank(const char *text)
{
    return !text[strspn(text, " \t")];
}

static int is_web_address(const ba_page_view *v, const char *text)
{
    ba_url url;

    return ba_url_parse(text, &url, v->r->pool) == APR_SUCCESS && ba_url_origin(&url, v->r->pool);
}

/* The key of what is wrong with a field, NULL: nothing. */
static const char *problem_with(const ba_page_view *v, const ba_page_field *field)
{
    const char *text = ba_page_typed(v, field->name);

    switch (field->kind) {
    case BA_NEEDED_FIELD:
        return is_blank(text) ? apr_pstrcat(v->r->pool, "missing-", field->name, NULL) : NULL;
    case BA_PASSWORD_FIELD:
    case BA_NEW_PASSWORD_FIELD:
        /* a NUL inside is not for us to judge */
        return json_string_length(json_object_get(v->form, field->name))
                   ? NULL
                   : apr_pstrcat(v->r->pool, "missing-", field->name, NULL);
    case BA_EMAIL_FIELD:
        return ba_schema_email(text) ? NULL : "error-INVALID_EMAIL";
    case BA_URL_FIELD:
        return *text && !is_web_address(v, text) ? "error-INVALID_URL" : NULL;
    default:
        return NULL;
    }
}

int ba_page_check_fields(const ba_page_view *v)
{
    int wrong = 0;

    for (const ba_page_field *f = v->row->fields; f && f->name; ++f) {
        const char *key = problem_with(v, f);

        if (key) {
            ba_page_fault(v, f->name, ba_page_text(v, key));
            wrong = 1;
        }
    }
    return wrong;
}
