/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_audit.h"
#include "ba_routes_int.h"

#include "ba_origin.h"
#include "ba_session.h"
#include "ba_settings.h"
#include "ba_text.h"

#include <apr_atomic.h>
#include <apr_strings.h>
#include <string.h>

/* A new feature is one line here and one file beside this one. */
static const ba_feature *const features[] = {
    &ba_email_password,
    &ba_session_routes,
    &ba_account_routes,
    &ba_reset_routes,
    &ba_email_routes,
    &ba_change_email,
    &ba_delete_routes,
    &ba_service_routes,
    &ba_bearer,
    &ba_admin_routes,
    NULL,
};

const ba_feature *const *ba_route_features(void)
{
    return features;
}

void ba_route_answer_status(ba_call *call)
{
    ba_call_ok(call, "{\"status\":true}");
}

const char *ba_route_segment(const ba_call *call)
{
    const char *slash = strrchr(call->path, '/');

    return slash ? slash + 1 : "";
}

static int path_is(const char *pattern, const char *path, apr_size_t len)
{
    const char *segment = strstr(pattern, "/:");
    apr_size_t front = segment ? (apr_size_t)(segment - pattern) + 1 : len;

    return !strncmp(pattern, path, front)
           && (segment ? len > front && !memchr(path + front, '/', len - front) : !pattern[len]);
}

const ba_route *ba_route_find(const char *method, const char *path)
{
    for (const ba_feature *const *f = features; *f; ++f) {
        for (const ba_route *row = (*f)->routes; row->method; ++row) {
            if (!strcmp(row->method, method) && path_is(row->path, path, strlen(path))) {
                return row;
            }
        }
    }
    return NULL;
}

const char *ba_route_endpoint(const char *path)
{
    apr_size_t len = strlen(path);

    while (len && path[len - 1] == '/') {
        --len;
    }
    for (const ba_feature *const *f = features; *f; ++f) {
        for (const ba_route *row = (*f)->routes; row->method; ++row) {
            if (path_is(row->path, path, len)) {
                return row->path;
            }
        }
    }
    return NULL;
}

const ba_route *ba_route_at(int number)
{
    for (const ba_feature *const *f = features; *f; ++f) {
        for (const ba_route *row = (*f)->routes; row->method; ++row) {
            if (number-- == 0) {
                return row;
            }
        }
    }
    return NULL;
}

int ba_route_number(const ba_route *route)
{
    int number = 0;

    for (const ba_feature *const *f = features; route && *f; ++f) {
        for (const ba_route *row = (*f)->routes; row->method; ++row, ++number) {
            if (row == route) {
                return number;
            }
        }
    }
    return -1;
}

int ba_route_fits(const char *glob)
{
    for (const ba_feature *const *f = features; *f; ++f) {
        for (const ba_route *row = (*f)->routes; row->method; ++row) {
            if (ba_text_glob(glob, row->path)) {
                return 1;
            }
        }
    }
    return 0;
}

int ba_route_disabled(const ba_settings *settings, const char *path)
{
    const apr_array_header_t *disabled = settings->disabled_paths;
    apr_size_t len = strlen(path);

    while (len && path[len - 1] == '/') {
        --len;
    }
    for (int i = 0; disabled && i < disabled->nelts; ++i) {
        const char *name = APR_ARRAY_IDX(disabled, i, const char *);

        if (strlen(name) == len && !memcmp(name, path, len)) {
            return 1;
        }
    }
    return 0;
}

/* URL fields of any non-GET body, in the order upstream looks at them
 * (http-api 6.3). */
static const struct {
    const char *field;
    const char *label;
    const ba_error *error;
} url_fields[] = {
    {"callbackURL", "callbackURL", &ba_err_callback_url},
    {"redirectTo", "redirectURL", &ba_err_redirect_url},
    {"errorCallbackURL", "errorCallbackURL", &ba_err_error_callback_url},
    {"newUserCallbackURL", "newUserCallbackURL", &ba_err_new_user_callback_url},
};

/* A URL field; NULL if it is absent. *is_text is 0 for anything but one string.
 * Only callbackURL, the first field, may stand in the query instead. */
static const char *read_url(const ba_call *call, const json_t *body, int field, int *is_text)
{
    const json_t *value = json_object_get(body, url_fields[field].field);
    const char *url;
    int count = 0;

    if (ba_json_falsy(value)) {
        url = field == 0 && call->query
                  ? ba_text_query_param(call->query, "callbackURL", &count, call->pool)
                  : NULL;
        *is_text = count <= 1;
        return url && *url ? url : NULL;
    }
    *is_text = json_is_string(value);
    url = json_string_value(value);
    /* with a NUL inside it is not a URL */
    return url && strlen(url) == json_string_length(value) ? url : "";
}

/* 1 if all URL fields are absent or trusted; else the call has its answer. */
static int check_urls(ba_call *call, const json_t *body)
{
    for (int i = 0; i < (int)(sizeof(url_fields) / sizeof(url_fields[0])); ++i) {
        int is_text;
        const char *url = read_url(call, body, i, &is_text);

        if (!is_text) {
            ba_call_fail_with(call, &ba_err_url_type,
                              apr_psprintf(call->pool, "Invalid %s: expected a string",
                                           url_fields[i].label));
            return 0;
        }
        if (url && (strlen(url) > BA_URL_FIELD_MAX || !ba_origin_redirect_allowed(call, url))) {
            ba_audit(call, BA_EVENT_URL_REFUSED, (ba_fact){.reason = url_fields[i].label});
            ba_call_fail(call, url_fields[i].error);
            return 0;
        }
    }
    return 1;
}

/* People opened our own page under an address that is not the base URL, which nobody finds
 * out from "invalid origin". Said once in each process: whoever forges both headers can have
 * it said, too. */
static void explain_own_page(const ba_call *call)
{
    static volatile apr_uint32_t said;
    const char *origin = ba_call_header(call, "Origin");

    if (origin && !strcmp(origin, call->ops->origin(call)) && !apr_atomic_xchg32(&said, 1)) {
        ba_call_log(call, BA_LOG_WARN, 0,
                    "BA0504: a page of this server was refused, since it was opened under another "
                    "address than %s: write BetterAuthBaseURL or BetterAuthTrustedOrigins",
                    call->settings->base_url);
    }
}

/* 1 if there is no error; else the call has its answer. */
static int origin_good(ba_call *call, const ba_error *error)
{
    if (error == &ba_err_invalid_origin) {
        explain_own_page(call);
    }
    if (error) {
        ba_audit(call, BA_EVENT_ORIGIN_REFUSED, (ba_fact){.reason = error->code});
        ba_call_fail(call, error);
    }
    return !error;
}

/* 1 if the caller is who the route wants; else the call has its answer. */
static int admit(ba_call *call, ba_access access)
{
    if (access == BA_ANYONE) {
        return 1;
    }
    switch (access == BA_KNOWN ? ba_session_find(call) : ba_session_confirm(call)) {
    case APR_SUCCESS:
        break;
    case APR_NOTFOUND:
    case APR_INCOMPLETE:
        ba_call_fail(call, &ba_err_unauthorized);
        return 0;
    default:
        ba_call_fail(call, &ba_err_unavailable);
        return 0;
    }
    if (access == BA_FRESH && !ba_session_is_fresh(call)) {
        ba_audit(call, BA_EVENT_STEP_UP,
                 (ba_fact){.user = call->user->id, .session = call->session->id});
        ba_call_fail(call, &ba_err_not_fresh);
        return 0;
    }
    return 1;
}

/* Body and query as the handler's struct, NULL if it wants none; 0 when the call has
 * its answer. */
static int read_input(ba_call *call, const ba_route *route, const json_t *body, const void **input)
{
    const char *problem = NULL;
    const void *query = NULL;

    if (route->schema) {
        *input = ba_schema_read(route->schema, "body", body, &problem, call->pool);
    }
    if (route->query && !problem) {
        query = ba_schema_read(route->query, "query", ba_json_from_query(call->query, call->pool),
                               &problem, call->pool);
        *input = route->schema ? *input : query;
    }
    if (problem) {
        ba_call_fail_with(call, &ba_err_validation, problem);
    }
    return !problem;
}

void ba_route_run(ba_call *call, const ba_route *route, const json_t *body)
{
    const void *input = NULL;
    int is_get = !strcmp(route->method, "GET");

    if (!is_get && (!origin_good(call, ba_origin_check(call)) || !check_urls(call, body))) {
        return;
    }
    if (!read_input(call, route, body, &input)) {
        return;
    }
    /* a link that somebody was sent: what it names must be trusted all the same */
    if (is_get && route->query && !check_urls(call, NULL)) {
        return;
    }
    if ((!route->form || origin_good(call, ba_origin_check_form(call)))
        && admit(call, route->access)) {
        route->handler(call, input);
    }
}

/* The media type without parameters contains the allowed one, as upstream
 * compares. */
static int type_is(const char *type, const char *allowed, apr_pool_t *pool)
{
    type = ba_text_lower(apr_pstrmemdup(pool, type, strcspn(type, ";")), pool);
    return strstr(type, allowed) != NULL;
}

static void serve(ba_call *call, const ba_route *route, const char *type)
{
    static const char json[] = "application/json", form[] = "application/x-www-form-urlencoded";
    json_t *body = NULL;

    if (strcmp(route->method, "GET") && call->body.len && type && *type) {
        int is_form = route->form && type_is(type, form, call->pool);

        if (!is_form && !type_is(type, json, call->pool)) {
            apr_size_t len;

            type = ba_text_repair_utf8(type, strlen(type), &len, call->pool);
            ba_call_fail_with(
                call, &ba_err_media_type,
                apr_psprintf(call->pool, "Content-Type \"%s\" is not allowed. Allowed types: %s%s%s",
                             type, route->form ? form : "", route->form ? ", " : "", json));
            return;
        }
        body = is_form ? ba_json_from_form(call->body, call->pool)
                       : ba_json_parse(call->body, call->pool);
        if (!body) {
            ba_call_fail(call, &ba_err_bad_json);
            return;
        }
    }
    ba_route_run(call, route, body);
}

void ba_route_serve(ba_call *call, const ba_route *route, const char *type)
{
    serve(call, route, type);
    for (const ba_feature *const *f = call->features; f && *f; ++f) {
        if ((*f)->after) {
            (*f)->after(call);
        }
    }
}
