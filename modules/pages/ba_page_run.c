/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* From a form to an endpoint of the API: a page is no second way to it. */

#include "ba_page.h"

#include "ba_limit.h"
#include "ba_routes.h"
#include "ba_task.h"

#include <string.h>

/* A page's own word for what the API calls otherwise. */
static const char *body_name(const ba_page_field *field)
{
    return strcmp(field->name, "remember") ? field->name : "rememberMe";
}

static void add_field(const ba_page_view *v, json_t *body, const ba_page_field *field)
{
    json_t *value = json_object_get(v->form, field->name);
    const char *text = ba_page_typed(v, field->name);

    if (field->kind == BA_CHECK_FIELD) {
        json_object_set_new(body, body_name(field), json_boolean(*text));
    }
    else if (field->kind == BA_URL_FIELD && !*text) {
        json_object_set_new(body, field->name, json_null());
    }
    else if (value) {
        json_object_set(body, field->name, value);
    }
}

json_t *ba_page_body(const ba_page_view *v)
{
    json_t *body = ba_json_object(v->r->pool);
    const apr_array_header_t *columns
        = !strcmp(v->row->endpoint, "/sign-up/email") ? v->settings->columns.user : NULL;

    for (const ba_page_field *f = v->row->fields; f && f->name; ++f) {
        add_field(v, body, f);
    }
    for (int i = 0; columns && i < columns->nelts; ++i) {
        const char *name = APR_ARRAY_IDX(columns, i, ba_column).name;
        json_t *value = json_object_get(v->form, name);

        if (value) {
            json_object_set(body, name, value);
        }
    }
    return body;
}

json_t *ba_page_way(const ba_page_view *v, const char *path)
{
    const char *url = ba_page_link(v, path, "callback-query");

    return json_string(strlen(url) > BA_URL_FIELD_MAX ? ba_page_link(v, path, NULL) : url);
}

void ba_page_call(ba_page_view *v, const char *method, const char *path, const json_t *body,
                  const char *query)
{
    ba_call *call = v->call;
    const ba_route *route = ba_route_find(method, path);
    apr_time_t begun = apr_time_now();

    call->answer.status = 0;
    call->answer.error = NULL;
    call->answer.message = call->answer.body = call->answer.type = call->answer.location = NULL;
    call->path = path;
    call->query = query;
    ba_route_run(call, route, body);
    ba_httpd_count(call, route, begun);
    call->query = NULL;
    if (call->mail_waiting) {
        ba_task_poke();
    }
}

void ba_page_run(ba_page_view *v)
{
    json_t *body = ba_page_body(v);

    /* where a mailed link leads, and from there on */
    if (v->row->audience == BA_FOR_GUESTS) {
        json_object_set_new(body, "callbackURL", ba_page_way(v, "/sign-in"));
    }
    ba_page_call(v, "POST", v->row->endpoint, body, NULL);
}
