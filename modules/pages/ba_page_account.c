/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The account: what people see and change of themselves. */

#include "ba_page.h"

#include <apr_strings.h>
#include <string.h>

/* A form starts with what is there, and keeps what was typed. */
int ba_page_show_account(ba_page_view *v)
{
    const ba_user *user = v->call->user;

    if (!v->form) {
        ba_page_set(v, "name", user->name);
        ba_page_set(v, "image", user->image);
    }
    ba_page_set(v, "delete-by-mail", v->settings->delete_user == BA_DELETE_CONFIRM ? "1" : "");
    return OK;
}

/* ---- sessions */

/* Names that people know their programs and machines by; the first that fits counts, since
 * browsers call themselves by each other's names. */
static const char *const browsers[][2] = {
    {"Edg", "Edge"},       {"OPR/", "Opera"},         {"SamsungBrowser", "Samsung Internet"},
    {"Firefox", "Firefox"}, {"FxiOS", "Firefox"},      {"Chrome", "Chrome"},
    {"CriOS", "Chrome"},   {"Chromium", "Chromium"},  {"Safari", "Safari"},
    {"curl", "curl"},      {NULL, NULL},
};
static const char *const systems[][2] = {
    {"Windows", "Windows"}, {"iPhone", "iPhone"},     {"iPad", "iPad"},   {"Android", "Android"},
    {"Mac OS X", "macOS"},  {"CrOS", "ChromeOS"},     {"Linux", "Linux"}, {NULL, NULL},
};

static const char *name_in(const char *agent, const char *const (*names)[2])
{
    while ((*names)[0] && !strstr(agent, (*names)[0])) {
        ++names;
    }
    return (*names)[1];
}

static const char *device_of(const ba_page_view *v, const char *agent)
{
    const char *browser = agent ? name_in(agent, browsers) : NULL;
    const char *system = agent ? name_in(agent, systems) : NULL;

    if (browser && system) {
        return apr_pstrcat(v->r->pool, browser, " · ", system, NULL);
    }
    return browser ? browser : system ? system : ba_page_text(v, "unknown-device");
}

/* "2026-11-21T01:59:48.607Z" as "2026-11-21 01:59 UTC" */
static const char *date_of(const ba_page_view *v, const char *iso)
{
    return iso && strlen(iso) >= 16 ? apr_psprintf(v->r->pool, "%.10s %.5s UTC", iso, iso + 11)
                                    : "";
}

static const char *member(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));

    return text ? text : "";
}

/* The user's sessions as the API lists them; NULL: the call has its answer. */
static json_t *list_sessions(ba_page_view *v)
{
    ba_bytes text = {NULL, 0};

    ba_page_call(v, "GET", "/list-sessions", NULL, NULL);
    if (v->call->answer.status != HTTP_OK) {
        return NULL;
    }
    text.data = v->call->answer.body;
    text.len = strlen(text.data);
    return ba_json_parse(text, v->r->pool);
}

static void add_session(const ba_page_view *v, const json_t *session, int is_this)
{
    apr_table_t *row = ba_page_add_row(v, "sessions");

    apr_table_setn(row, "session", member(session, "id"));
    apr_table_setn(row, "device", device_of(v, member(session, "userAgent")));
    apr_table_setn(row, "address", member(session, "ipAddress"));
    apr_table_setn(row, "since", date_of(v, member(session, "createdAt")));
    apr_table_setn(row, "since-iso", member(session, "createdAt"));
    apr_table_setn(row, "this-one", is_this ? "1" : "");
}

/* This one first, then the latest. */
int ba_page_show_sessions(ba_page_view *v)
{
    const json_t *list = list_sessions(v), *session;
    size_t i;

    if (!list) {
        if (v->call->answer.error == &ba_err_not_fresh) {
            ba_page_redirect(v, ba_page_ask_again(v));
            return DONE;
        }
        return ba_page_message(v, HTTP_SERVICE_UNAVAILABLE, "503") == OK ? DONE : DECLINED;
    }
    for (int is_this = 1; is_this >= 0; --is_this) {
        json_array_foreach(list, i, session) {
            if (is_this == !strcmp(member(session, "id"), v->call->session->id)) {
                add_session(v, session, is_this);
            }
        }
    }
    ba_page_set(v, "other-sessions", json_array_size(list) > 1 ? "1" : "");
    return OK;
}

/* The form has a session's id, which is no secret: a page does not hold the tokens of
 * other sessions, as answers of the API do. */
void ba_page_run_sessions(ba_page_view *v)
{
    const char *id = ba_page_typed(v, "session");
    json_t *body = ba_json_object(v->r->pool);
    const json_t *list, *session;
    size_t i;

    if (!strcmp(id, "others")) {
        ba_page_call(v, "POST", "/revoke-other-sessions", NULL, NULL);
        return;
    }
    list = list_sessions(v);
    json_array_foreach(list, i, session) {
        if (!strcmp(member(session, "id"), id)) {
            json_object_set(body, "token", json_object_get(session, "token"));
            ba_page_call(v, "POST", "/revoke-session", body, NULL);
            return;
        }
    }
    /* not among them, or over: that is what was asked for */
}
