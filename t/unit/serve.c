/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "serve.h"

#include "ba_mac.h"
#include "ba_password.h"
#include "ba_routes.h"
#include "ba_text.h"

#include <stdlib.h>

int serve_setup(void **state)
{
    fixture *f;

    if (fixture_setup(state)) {
        return -1;
    }
    f = *state;
    return ba_gate_create(2, 4, (uid_t)-1, &f->gate, f->pool) != APR_SUCCESS;
}

int serve_teardown(void **state)
{
    fixture *f = *state;

    ba_gate_destroy(f->gate);
    return fixture_teardown(state);
}

const ba_answer *serve_with(fixture *f, const char *method, const char *path, const char *type,
                            const char *body)
{
    const ba_route *route = ba_route_find(method, path);

    assert_non_null(route);
    f->call->gate = f->gate;
    f->call->limit = f->limit;
    f->call->method = method;
    f->call->path = path;
    f->call->body.data = body;
    f->call->body.len = body ? strlen(body) : 0;
    ba_route_serve(f->call, route, type);
    assert_int_not_equal(f->call->answer.status, 0);
    return &f->call->answer;
}

const ba_answer *serve(fixture *f, const char *method, const char *path, const char *body)
{
    fixture_call(f, method, path);
    return serve_with(f, method, path, body ? "application/json" : NULL, body);
}

const char *cookie_of(fixture *f, const char *token)
{
    ba_bytes secret = APR_ARRAY_IDX(f->settings.secrets, 0, ba_bytes);

    return apr_pstrcat(f->pool, NAME "=", token, ".",
                       ba_text_url_encode(ba_mac_sign(secret, token, f->pool), f->pool), NULL);
}

static void call_as(fixture *f, const char *token, const char *method, const char *path)
{
    fixture_call(f, method, path);
    if (token) {
        fixture_header(f, "Cookie", cookie_of(f, token));
        fixture_header(f, "Origin", ORIGIN);
    }
}

const ba_answer *serve_as(fixture *f, const char *token, const char *method, const char *path,
                          const char *body)
{
    call_as(f, token, method, path);
    return serve_with(f, method, path, body ? "application/json" : NULL, body);
}

const ba_answer *follow(fixture *f, const char *token, const char *url)
{
    static const char base[] = ORIGIN "/api/auth";
    const char *path, *query;

    assert_non_null(url);
    assert_int_equal(strncmp(url, base, strlen(base)), 0);
    path = url + strlen(base);
    query = strchr(path, '?');
    call_as(f, token, "GET", path);
    f->call->query = query ? query + 1 : NULL;
    return serve_with(f, "GET", query ? apr_pstrmemdup(f->pool, path, (apr_size_t)(query - path)) : path,
                      NULL, NULL);
}

void assert_error(const ba_answer *a, const ba_error *error)
{
    if (a->error != error) {
        fail_msg("%d %s instead of %d %s", a->status, a->error && a->error->code ? a->error->code : "-",
                 error->status, error->code ? error->code : "-");
    }
    assert_int_equal(a->status, error->status);
    assert_null(a->body);
    assert_null(a->location);
    assert_int_equal(a->retry_after > 0, error->status == 503 || error->status == 429);
}

void assert_redirect(const ba_answer *a, const char *location)
{
    if (a->status != 302) {
        fail_msg("%d %s instead of 302 to %s", a->status,
                 a->error && a->error->code ? a->error->code : "-", location);
    }
    assert_string_equal(a->location, location);
    assert_null(a->error);
    assert_null(a->body);
}

void assert_body(const ba_answer *a, const char *text)
{
    if (a->status != 200) {
        fail_msg("%d %s instead of 200 %s", a->status,
                 a->error && a->error->code ? a->error->code : "-", text);
    }
    assert_string_equal(a->body, text);
    assert_string_equal(a->type, "application/json");
    assert_null(a->location);
}

int cookies_set(const fixture *f)
{
    return apr_table_elts(f->call->answer.cookies)->nelts;
}

const char *hash_of(fixture *f, const char *password)
{
    ba_bytes text = {password, strlen(password)};

    return ba_password_hash(&f->settings.hash, text, f->pool);
}

const json_t *body_of(fixture *f, const ba_answer *a)
{
    ba_bytes text = {a->body, a->body ? strlen(a->body) : 0};

    assert_int_equal(a->status, 200);
    assert_string_equal(a->type, "application/json");
    return ba_json_parse(text, f->pool);
}

const char *text_at(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

/* Undoes quoted-printable. */
static const char *plain(fixture *f, const char *message)
{
    char *out = apr_palloc(f->pool, strlen(message) + 1), *o = out;

    for (const char *p = message; *p; ++p) {
        if (*p == '=' && !strncmp(p + 1, "\r\n", 2)) {
            p += 2;
        }
        else if (*p == '=' && strspn(p + 1, "0123456789ABCDEF") >= 2) {
            *o++ = (char)strtol(apr_pstrmemdup(f->pool, p + 1, 2), NULL, 16);
            p += 2;
        }
        else {
            *o++ = *p;
        }
    }
    *o = '\0';
    return out;
}

const char *link_in(fixture *f, const ba_mail *mail)
{
    const char *text, *link;

    assert_non_null(mail);
    text = strstr(mail->message, "\r\n\r\n");
    assert_non_null(text);
    if (strstr(mail->message, "quoted-printable")) {
        text = plain(f, text);
    }
    link = strstr(text, ORIGIN "/api/auth/");
    return link ? apr_pstrmemdup(f->pool, link, strcspn(link, " \r\n\"<>")) : NULL;
}

const char *param_of(fixture *f, const char *url, const char *name)
{
    const char *query = strchr(url, '?');

    return query ? ba_text_query_param(query + 1, name, NULL, f->pool) : NULL;
}
