/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_page.h"

#include "ba_text.h"
#include "ba_url.h"

#include <apr_strings.h>
#include <string.h>

void ba_page_set(const ba_page_view *v, const char *name, const char *value)
{
    apr_table_setn(v->page->values, name, value ? value : "");
}

const char *ba_page_get(const ba_page_view *v, const char *name)
{
    const char *value = apr_table_get(v->page->values, name);

    return value ? value : "";
}

apr_table_t *ba_page_add_row(const ba_page_view *v, const char *list)
{
    apr_table_t *row = apr_table_make(v->r->pool, 6);
    apr_array_header_t *rows = apr_hash_get(v->page->lists, list, APR_HASH_KEY_STRING);

    if (!rows) {
        rows = apr_array_make(v->r->pool, 4, sizeof(apr_table_t *));
        apr_hash_set(v->page->lists, list, APR_HASH_KEY_STRING, rows);
    }
    APR_ARRAY_PUSH(rows, apr_table_t *) = row;
    return row;
}

const char *ba_page_text(const ba_page_view *v, const char *key)
{
    const char *text = ba_language_text(v->page->language, key);

    return text ? ba_language_fill(text, v->page->values, v->r->pool) : "";
}

const char *ba_page_typed(const ba_page_view *v, const char *field)
{
    const char *text = v->form ? json_string_value(json_object_get(v->form, field)) : NULL;

    return text ? text : "";
}

const char *ba_page_asked(const ba_page_view *v, const char *name)
{
    return ba_text_query_param(v->r->args, name, NULL, v->r->pool);
}

const char *ba_page_link(const ba_page_view *v, const char *path, const char *query)
{
    return apr_pstrcat(v->r->pool, v->settings->pages_path, path,
                       query ? ba_page_get(v, query) : "", NULL);
}

/* ---- what all pages have */

/* Only what this site holds itself: no page loads anything from elsewhere. */
static const char *own_image(const ba_page_view *v, const char *image)
{
    ba_url url;
    const char *origin;

    if (!image || (*image == '/' && ba_url_safe_path(image))) {
        return image;
    }
    origin = ba_url_parse(image, &url, v->r->pool) == APR_SUCCESS ? ba_url_origin(&url, v->r->pool)
                                                                 : NULL;
    return origin && !strcmp(origin, v->settings->origin) ? image : NULL;
}

/* offers-sign-up and so on: "1" for the pages that are there */
static void set_offers(const ba_page_view *v)
{
    for (const ba_page_row *row = ba_page_rows; row->name; ++row) {
        char *name = apr_pstrcat(v->r->pool, "offers", row->name, NULL);

        for (char *p = name; *p; ++p) {
            if (*p == '/') {
                *p = '-';
            }
        }
        ba_page_set(v, name, ba_page_offered(v->settings, row) ? "1" : "");
    }
}

static void set_languages(const ba_page_view *v)
{
    const apr_array_header_t *all = ba_httpd_site(v->r->server)->languages;
    const char *direction = ba_page_text(v, "direction");

    ba_page_set(v, "lang", v->page->language->code);
    ba_page_set(v, "dir", strcmp(direction, "rtl") ? "ltr" : "rtl");
    apr_hash_set(v->page->lists, "languages", APR_HASH_KEY_STRING, NULL);
    for (int i = 0; all->nelts > 1 && i < all->nelts; ++i) {
        const ba_language *language = APR_ARRAY_IDX(all, i, const ba_language *);
        const char *name = ba_language_text(language, "language");
        apr_table_t *row = ba_page_add_row(v, "languages");

        apr_table_setn(row, "code", language->code);
        apr_table_setn(row, "language", name ? name : language->code);
        apr_table_setn(row, "current", language == v->page->language ? "1" : "");
    }
}

static void set_queries(const ba_page_view *v)
{
    apr_pool_t *pool = v->r->pool;
    const char *way
        = apr_pstrcat(pool, "callbackURL=", ba_text_url_encode(v->callback, pool), NULL);

    ba_page_set(v, "callback-url", v->callback);
    ba_page_set(v, "callback-query",
                strcmp(v->callback, "/") ? apr_pstrcat(pool, "?", way, NULL) : "");
    ba_page_set(v, "again-query", apr_pstrcat(pool, "?again=1&", way, NULL));
    ba_page_set(v, "other-query", apr_pstrcat(pool, "?other=1&", way, NULL));
}

static const char *with_parameter(const ba_page_view *v, const char *query, const char *name,
                                  const char *value)
{
    return apr_pstrcat(v->r->pool, query, *query ? "&" : "?", name, "=",
                       ba_text_url_encode(value, v->r->pool), NULL);
}

/* Where the menu of languages leads back to. A refused form stands at an address without a
 * query: what the page was opened with is among its fields, and nothing else of them counts. */
static const char *way_here(const ba_page_view *v)
{
    static const char *const flags[] = {"again", "other"};
    const char *uri = v->r->unparsed_uri;
    const char *query = ba_page_get(v, "callback-query");
    const ba_page_field *field = v->row ? v->row->fields : NULL;

    if (!v->form || !v->row) {
        return ba_url_safe_path(uri) ? uri : "";
    }
    for (int i = 0; i < 2; ++i) {
        if (*ba_page_typed(v, flags[i])) {
            query = with_parameter(v, query, flags[i], "1");
        }
    }
    for (; field && field->name; ++field) {
        if (field->kind == BA_HIDDEN_FIELD) {
            query = with_parameter(v, query, field->name, ba_page_typed(v, field->name));
        }
    }
    return apr_pstrcat(v->r->pool, v->settings->pages_path, v->row->name, query, NULL);
}

static void set_typed(const ba_page_view *v)
{
    const ba_page_field *field = v->row ? v->row->fields : NULL;
    const apr_array_header_t *columns = v->settings->columns.user;

    for (; field && field->name; ++field) {
        const char *text = ba_page_typed(v, field->name);

        ba_page_set(v, field->name,
                    field->kind == BA_PASSWORD_FIELD || field->kind == BA_NEW_PASSWORD_FIELD ? ""
                    : field->kind == BA_CHECK_FIELD ? !v->form || *text ? "checked" : ""
                                                    : text);
        ba_page_set(v, apr_pstrcat(v->r->pool, "error-", field->name, NULL), "");
    }
    for (int i = 0; columns && i < columns->nelts; ++i) {
        const char *name = APR_ARRAY_IDX(columns, i, ba_column).name;

        /* a column may be called as a value of ours is: that one counts */
        if (!apr_table_get(v->page->values, name)) {
            ba_page_set(v, name, ba_page_typed(v, name));
            ba_page_set(v, apr_pstrcat(v->r->pool, "error-", name, NULL), "");
        }
    }
}

void ba_page_set_values(ba_page_view *v)
{
    const ba_settings *s = v->settings;
    const ba_user *user = v->known ? v->call->user : NULL;
    apr_pool_t *pool = v->r->pool;

    ba_page_set(v, "pages", s->pages_path);
    ba_page_set(v, "site", s->app_name);
    ba_page_set(v, "logo", s->brand.logo);
    ba_page_set(v, "style", s->brand.style);
    ba_page_set(v, "terms", s->brand.terms);
    ba_page_set(v, "privacy", s->brand.privacy);
    ba_page_set(v, "help", s->brand.help);
    ba_page_set(v, "color", s->brand.colored ? "1" : "");
    ba_page_set(v, "message", "");
    ba_page_set(v, "notice", "");
    ba_page_set(v, "error", "");
    ba_page_set(v, "error-code", "");
    ba_page_set(v, "user-id", user ? user->id : "");
    ba_page_set(v, "user-name", user ? user->name : "");
    ba_page_set(v, "user-email", user ? user->email : "");
    ba_page_set(v, "user-image", user ? own_image(v, user->image) : "");
    ba_page_set(v, "user-verified", user && user->email_verified ? "1" : "");
    ba_page_set(v, "password-min", apr_itoa(pool, (int)s->password_length.min));
    ba_page_set(v, "password-max", apr_itoa(pool, (int)s->password_length.max));
    ba_page_set(v, "mail", s->mailer.kind != BA_MAILER_OFF ? "1" : "");
    set_offers(v);
    set_languages(v);
    set_queries(v);
    ba_page_set(v, "here", way_here(v));
    set_typed(v);
}
