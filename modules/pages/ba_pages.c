/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_pages.h"

#include "ba_cookie.h"
#include "ba_languages.h"
#include "ba_limit.h"
#include "ba_module.h"
#include "ba_mount.h"
#include "ba_origin.h"
#include "ba_page.h"
#include "ba_routes.h"
#include "ba_session.h"
#include "ba_text.h"
#include "ba_url.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <string.h>
#include <strings.h>

/* ---- one request */

/* A way back that we would not send a browser to is dropped, not complained of:
 * the visitor did not write it. */
static const char *checked_callback(const ba_page_view *v)
{
    const char *url = v->form ? ba_page_typed(v, "callbackURL") : ba_page_asked(v, "callbackURL");

    return url && *url && ba_origin_redirect_allowed(v->call, url) ? url : "/";
}

static const char *with_way_here(const ba_page_view *v, const char *path)
{
    return apr_pstrcat(v->r->pool, v->settings->pages_path, path, "callbackURL=",
                       ba_text_url_encode(ba_page_get(v, "here"), v->r->pool), NULL);
}

const char *ba_page_ask_again(const ba_page_view *v)
{
    return with_way_here(v, "/sign-in?again=1&");
}

/* Who this is, as far as it can be told; 0: the database cannot say. */
static int find_user(ba_page_view *v, int sure)
{
    apr_status_t rv = sure ? ba_session_confirm(v->call) : ba_session_find(v->call);

    v->known = rv == APR_SUCCESS;
    return v->known || rv == APR_NOTFOUND || rv == APR_INCOMPLETE;
}

/* The document, with what was typed and what is wrong with it. */
static int show(ba_page_view *v, int status)
{
    int handled = v->row->show ? v->row->show(v) : OK;

    return handled == OK     ? ba_page_render(v, v->document, status)
           : handled == DONE ? OK
                             : handled;
}

/* A form of an account that somebody else has left open in another tab. */
static int is_of_another(const ba_page_view *v)
{
    const char *whose = ba_page_typed(v, "userId");

    return *whose && strcmp(whose, v->call->user->id) != 0;
}

static int post(ba_page_view *v)
{
    const ba_page_row *row = v->row;
    const ba_answer *answer = &v->call->answer;
    const ba_error *error;

    if (row->audience == BA_FOR_USERS) {
        if (!find_user(v, 1)) {
            return ba_page_message(v, HTTP_SERVICE_UNAVAILABLE, "503");
        }
        if (!v->known) {
            return ba_page_render(v, "expired.html", HTTP_UNAUTHORIZED);
        }
        if (is_of_another(v)) {
            return ba_page_redirect(v, ba_page_link(v, "/account?done=other", NULL));
        }
        ba_page_set_values(v);
    }
    /* by the endpoint's path: a page is no second way to it */
    if (!ba_limit_request(v->call, row->endpoint)) {
        ba_page_explain(v, answer->error);
        return show(v, answer->status);
    }
    if (ba_page_check_fields(v)) {
        return show(v, HTTP_UNPROCESSABLE_ENTITY);
    }
    if (row->run) {
        row->run(v);
    }
    else {
        ba_page_run(v);
    }
    error = answer->error;
    if (!error) {
        ba_httpd_send_cookies(v->r, v->call);
        return ba_page_redirect(v, row->next(v));
    }
    if (error == &ba_err_not_fresh || error == &ba_err_session_expired) {
        return ba_page_redirect(v, ba_page_ask_again(v));
    }
    ba_page_explain(v, error);
    return show(v, answer->status);
}

/* Whoever comes with a bad link, or from a form that has worked. */
static void set_notice(const ba_page_view *v)
{
    const char *done = ba_page_asked(v, "done");

    if (done && !done[strspn(done, "abcdefghijklmnopqrstuvwxyz-")]) {
        ba_page_set(v, "notice", ba_page_text(v, apr_pstrcat(v->r->pool, "notice-", done, NULL)));
    }
}

static const char path_of_error[] = "/error";

/* Any other error that httpd sends; those that people meet have words of their own. */
static int show_error(const ba_page_view *v, int status)
{
    const char *key = apr_itoa(v->r->pool, status);

    return ba_page_message(v, status,
                           *ba_page_text(v, apr_pstrcat(v->r->pool, "message-", key, NULL))
                               ? key
                               : "refused");
}

static int get(ba_page_view *v)
{
    const ba_page_row *row = v->row;
    int sure = find_user(v, row->audience == BA_FOR_USERS);

    ba_httpd_send_cookies(v->r, v->call);
    ba_page_set_values(v); /* now that we know who it is */
    if (row->only_as) {
        /* httpd says it, with its own status; of itself it means nothing */
        if (!v->r->prev) {
            return ba_page_redirect(v, v->callback);
        }
        return strcmp(path_of_error, row->name)
                   ? ba_page_render(v, v->document, v->r->prev->status)
                   : show_error(v, v->r->prev->status);
    }
    if (!sure) {
        return ba_page_message(v, HTTP_SERVICE_UNAVAILABLE, "503");
    }
    if (row->audience == BA_FOR_USERS && !v->known) {
        return ba_page_redirect(v, with_way_here(v, "/sign-in?"));
    }
    if (row->audience == BA_FOR_GUESTS && v->known && !ba_page_asked(v, "again")
        && !ba_page_asked(v, "other")) {
        return ba_page_redirect(v, v->callback);
    }
    set_notice(v);
    return show(v, HTTP_OK);
}

/* ---- what is no page */

static int front(ba_page_view *v)
{
    const char *to = v->callback;

    find_user(v, 0);
    ba_httpd_send_cookies(v->r, v->call);
    if (!v->known) {
        to = ba_page_link(v, "/sign-in", "callback-query");
    }
    else if (!strcmp(to, "/")) {
        to = ba_page_link(v, "/account", NULL);
    }
    return ba_page_redirect(v, to);
}

/* The menu of languages: keeps the choice, and goes back to where it was made. */
static int choose_language(ba_page_view *v)
{
    const ba_language *language
        = ba_language_find(ba_httpd_site(v->r->server)->languages, ba_page_typed(v, "language"));
    const char *back = ba_page_typed(v, "back");

    if (language) {
        ba_cookie_set_chunked(v->call, ba_languages_cookie(v->call), language->code, 31536000);
        ba_httpd_send_cookies(v->r, v->call);
    }
    return ba_page_redirect(v, ba_url_safe_path(back) ? back : v->settings->pages_path);
}

static int is_form(const request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    return r->method_number == M_POST && type
           && !strncasecmp(type, "application/x-www-form-urlencoded", 33);
}

static int read_form(ba_page_view *v)
{
    ba_bytes body;
    apr_status_t rv;

    if (!is_form(v->r)) {
        return HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    rv = ba_httpd_read_body(v->r, &body);
    if (rv != APR_SUCCESS) {
        v->r->connection->keepalive = AP_CONN_CLOSE;
        return rv == APR_ENOSPC ? HTTP_REQUEST_ENTITY_TOO_LARGE : HTTP_BAD_REQUEST;
    }
    v->form = ba_json_from_form(body, v->r->pool);
    if (body.len) {
        explicit_bzero((void *)(apr_uintptr_t)body.data, body.len);
    }
    return OK;
}

static int serve(ba_page_view *v, const char *path)
{
    int is_get = v->r->method_number == M_GET, is_post = v->r->method_number == M_POST;
    int is_menu = is_post && !strcmp(path, "/language");
    int status = OK;

    v->row = ba_page_find(path);
    if (v->row && !ba_page_offered(v->settings, v->row)) {
        v->row = NULL;
    }
    if (is_post) {
        status = read_form(v);
    }
    v->callback = checked_callback(v);
    ba_page_set_values(v);
    if (status != OK && (is_menu || v->row)) {
        return ba_page_message(v, status, "refused");
    }
    if (is_menu) {
        return choose_language(v);
    }
    if (is_get && (!*path || !strcmp(path, "/"))) {
        return front(v);
    }
    if (!v->row || !(is_get || (is_post && v->row->endpoint))) {
        return ba_page_message(v, HTTP_NOT_FOUND, "404");
    }
    v->document = v->row->document;
    return is_get ? get(v) : post(v);
}

int ba_pages_handler(request_rec *r)
{
    const ba_site *site = ba_httpd_site(r->server);
    ba_page_view v = {.r = r};
    ba_request *ours;
    const char *path;
    int status;

    if (!r->handler || strcmp(r->handler, BA_HANDLER_PAGES)) {
        return DECLINED;
    }
    path = site ? ba_mount_below(r->uri, site->settings->pages_path) : NULL;
    if (!path) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0144: the handler betterauth-pages needs BetterAuthSecret in this server "
                      "and to be mounted on BetterAuthPagesPath");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (r->method_number == M_GET
        && (status = ba_page_asset(r, site->settings, path)) != DECLINED) {
        return status;
    }
    /* what nobody reads, before the page: httpd's word about a broken body would come after
     * its end, when mod_include has no longer leave to look at it */
    if (!r->main && !is_form(r) && (status = ap_discard_request_body(r)) != OK) {
        return status;
    }
    ours = ba_httpd_request(r);
    if (r->main && ours->page && *path) {
        /* relative to the address of the page, which may be anything below us */
        return ba_page_part(r, site->settings, strrchr(path, '/') + 1);
    }
    v.settings = site->settings;
    v.call = ours->call;
    v.page = ours->page = apr_pcalloc(r->pool, sizeof(*ours->page));
    v.page->values = apr_table_make(r->pool, 80);
    v.page->lists = apr_hash_make(r->pool);
    v.page->language = ba_httpd_language(r);
    return serve(&v, path);
}
