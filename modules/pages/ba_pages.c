/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_pages.h"

#include "ba_httpd.h"
#include "ba_limit.h"
#include "ba_module.h"
#include "ba_mount.h"
#include "ba_origin.h"
#include "ba_page_element.h"
#include "ba_routes.h"
#include "ba_session.h"
#include "ba_task.h"
#include "ba_text.h"
#include "ba_url.h"

#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>

/* One page being served. */
typedef struct page_view {
    request_rec *r;
    const ba_settings *settings;
    ba_call *call;       /* who is this, and on POST the endpoint's call */
    apr_table_t *values; /* for the element */
    json_t *form;        /* what was posted */
    const char *callback; /* where to go afterwards, checked */
} page_view;

typedef struct page_row {
    const char *name;     /* below the mount */
    const char *document;
    const char *endpoint; /* of the API, run by POST; NULL: there is nothing to send */
    int for_guests;       /* of no use to who is signed in */
    int only_as;          /* status that httpd sends it with as error document, 0: a page
                             that people may open */
} page_row;

static const page_row pages[] = {
    {"/sign-in", "sign-in.html", "/sign-in/email", 1, 0},
    {"/sign-up", "sign-up.html", "/sign-up/email", 1, 0},
    {"/sign-out", "sign-out.html", "/sign-out", 0, 0},
    {"/check-mail", "check-mail.html", NULL, 0, 0},
    {"/forbidden", "forbidden.html", NULL, 0, HTTP_FORBIDDEN},
    {"/expired", "expired.html", NULL, 0, HTTP_UNAUTHORIZED},
    {NULL, NULL, NULL, 0, 0},
};

#define OTHER_ORIGIN                                                                               \
    "This form was sent from another place than this site. Send it again from here."

static const page_row *find_page(const char *path)
{
    for (const page_row *row = pages; row->name; ++row) {
        if (!strcmp(row->name, path)) {
            return row;
        }
    }
    return NULL;
}

/* A page whose endpoint is switched off is not there, and no other page links to it. */
static int is_offered(const ba_settings *settings, const page_row *row)
{
    return !row->endpoint || !ba_route_disabled(settings, row->endpoint);
}

/* What an error of the API is to a person, and beside which field it stands. */
static const struct {
    const ba_error *error;
    const char *value; /* of the element */
    const char *text;
} sentences[] = {
    {&ba_err_invalid_email, "error-email",
     "Enter an email address in the usual form, like name@example.com."},
    {&ba_err_validation, "error-email",
     "Enter an email address in the usual form, like name@example.com."},
    {&ba_err_user_exists, "error-email",
     "There is an account with this email address already. Sign in, or use another address."},
    {&ba_err_password_long, "error-password", "This password is too long."},
    {&ba_err_credentials, "error", "The email address or the password is not right."},
    {&ba_err_not_verified, "error",
     "Your email address is not verified yet. Look for our message in your mailbox."},
    {&ba_err_banned, "error",
     "This account has been banned. Write to those who run this site if you think that is an "
     "error."},
    {&ba_err_password_disabled, "error",
     "Signing in with a password is not possible here at the moment."},
    {&ba_err_sign_up_disabled, "error", "New accounts cannot be created here at the moment."},
    {&ba_err_missing_field, "error", "Something that is needed is missing."},
    {&ba_err_create_user, "error",
     "The account could not be created. Try a shorter name or another address."},
    {&ba_err_busy, "error", "Many people are signing in right now. Try again in a moment."},
    {&ba_err_unavailable, "error",
     "Signing in does not work at the moment. Try again in a few minutes."},
    {&ba_err_missing_origin, "error", OTHER_ORIGIN},
    {&ba_err_invalid_origin, "error", OTHER_ORIGIN},
    {&ba_err_cross_site, "error", OTHER_ORIGIN},
};
static const char no_reason[] = "That did not work. Try again.";

/* ---- writing */

static void set_headers(const page_view *v)
{
    apr_table_t *h = v->r->err_headers_out;
    ba_url url;
    const char *origin = NULL;

    /* browsers hold a form's redirect against form-action too */
    if (v->callback[0] != '/' && ba_url_parse(v->callback, &url, v->r->pool) == APR_SUCCESS) {
        origin = ba_url_origin(&url, v->r->pool);
    }
    apr_table_setn(h, "Cache-Control", "no-store");
    apr_table_setn(h, "Content-Security-Policy",
                   apr_pstrcat(v->r->pool,
                               "default-src 'none'; style-src 'self'; img-src 'self'; "
                               "form-action 'self'",
                               origin ? " " : "", origin ? origin : "",
                               "; base-uri 'none'; frame-ancestors 'none'", NULL));
    apr_table_setn(h, "X-Content-Type-Options", "nosniff");
    apr_table_setn(h, "X-Frame-Options", "DENY");
    apr_table_setn(h, "Referrer-Policy", "same-origin");
}

static int redirect(const page_view *v, const char *to)
{
    v->r->status = HTTP_SEE_OTHER;
    apr_table_setn(v->r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(v->r->headers_out, "Location", ba_httpd_header_value(to, v->r->pool));
    ap_set_content_length(v->r, 0);
    return OK;
}

/* The document in the operator's folder, else the installed one. */
static apr_status_t open_document(const request_rec *r, const ba_settings *settings,
                                  const char *name, const char **path, apr_file_t **file,
                                  apr_finfo_t *info)
{
    const char *const dirs[] = {settings->pages_dir, BA_PAGES_DIR};
    apr_status_t rv = APR_ENOENT;

    for (int i = 0; i < 2; ++i) {
        if (dirs[i]) {
            *path = apr_pstrcat(r->pool, dirs[i], "/", name, NULL);
            rv = apr_file_open(file, *path, APR_FOPEN_READ | APR_FOPEN_SENDFILE_ENABLED, 0, r->pool);
            if (rv == APR_SUCCESS) {
                return apr_file_info_get(info, APR_FINFO_SIZE | APR_FINFO_MTIME, *file);
            }
        }
    }
    return rv;
}

/* Passes a document on; with ssi, through mod_include. */
static int send_document(request_rec *r, const ba_settings *settings, const char *name, int ssi)
{
    ap_conf_vector_t *before = r->per_dir_config;
    apr_bucket_brigade *bb;
    apr_file_t *file;
    apr_finfo_t info;
    const char *path = NULL;
    apr_status_t rv = open_document(r, settings, name, &path, &file, &info);

    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r, "BA0143: cannot read the page document %s",
                      path);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (ssi) {
        r->filename = apr_pstrdup(r->pool, path); /* what mod_include names in the log */
        before = ba_page_element_prepare(r);
    }
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_brigade_insert_file(bb, file, 0, info.size, r->pool);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(r->connection->bucket_alloc));
    rv = ap_pass_brigade(r->output_filters, bb);
    r->per_dir_config = before;
    return rv == APR_SUCCESS || r->connection->aborted ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

/* Conditions of the documents: "1" or not there. Never what somebody typed. */
static void set_flag(const page_view *v, const char *name, int on)
{
    if (on) {
        apr_table_setn(v->r->subprocess_env, name, "1");
    }
    else {
        apr_table_unset(v->r->subprocess_env, name);
    }
}

static int has(const page_view *v, const char *name)
{
    return *apr_table_get(v->values, name) != '\0';
}

static int render(const page_view *v, const char *document, int status)
{
    request_rec *r = v->r;

    set_flag(v, "BA_ERROR", has(v, "error"));
    set_flag(v, "BA_ERROR_NAME", has(v, "error-name"));
    set_flag(v, "BA_ERROR_EMAIL", has(v, "error-email"));
    set_flag(v, "BA_ERROR_PASSWORD", has(v, "error-password"));
    set_flag(v, "BA_ANY_ERROR",
             has(v, "error") || has(v, "error-name") || has(v, "error-email")
                 || has(v, "error-password"));
    set_flag(v, "BA_USER", v->call->user != NULL);
    set_flag(v, "BA_AGAIN", v->call->user != NULL && !v->form);
    set_flag(v, "BA_SIGN_UP",
             v->settings->sign_up && v->settings->email_password
                 && is_offered(v->settings, find_page("/sign-up")));
    set_flag(v, "BA_REMEMBER", has(v, "remember"));
    r->status = status;
    set_headers(v);
    if (status == HTTP_SERVICE_UNAVAILABLE && !v->call->answer.retry_after) {
        v->call->answer.retry_after = BA_RETRY_AFTER;
    }
    if (v->call->answer.retry_after) {
        ba_httpd_retry_after(r, v->call);
    }
    ap_set_content_type(r, "text/html; charset=utf-8");
    return send_document(r, v->settings, document, 1);
}

static int message(const page_view *v, int status, const char *title, const char *text)
{
    apr_table_setn(v->values, "title", title);
    apr_table_setn(v->values, "error", text);
    return render(v, "message.html", status);
}

static const char *sign_in_page(const page_view *v)
{
    return apr_pstrcat(v->r->pool, v->settings->pages_path, "/sign-in",
                       apr_table_get(v->values, "callback-query"), NULL);
}

/* ---- reading */

static const char *typed(const page_view *v, const char *field)
{
    const char *text = v->form ? json_string_value(json_object_get(v->form, field)) : NULL;

    return text ? text : "";
}

/* A way back that we would not send a browser to is dropped, not complained of:
 * the visitor did not write it. */
static const char *checked_callback(const page_view *v)
{
    const char *url = v->form ? typed(v, "callbackURL")
                              : ba_text_query_param(v->r->args, "callbackURL", NULL, v->r->pool);

    return url && *url && ba_origin_redirect_allowed(v->call, url) ? url : "/";
}

static void set_values(page_view *v)
{
    const ba_settings *s = v->settings;
    const ba_user *user = v->call->user;
    apr_table_t *t = v->values;
    apr_pool_t *pool = v->r->pool;
    int home = !strcmp(v->callback, "/");

    apr_table_setn(t, "pages", s->pages_path);
    apr_table_setn(t, "site", s->app_name);
    apr_table_setn(t, "title", "");
    apr_table_setn(t, "callback-url", v->callback);
    apr_table_setn(t, "callback-query",
                   home ? ""
                        : apr_pstrcat(pool, "?callbackURL=", ba_text_url_encode(v->callback, pool),
                                      NULL));
    apr_table_setn(t, "again-query",
                   apr_pstrcat(pool, "?again=1&callbackURL=", ba_text_url_encode(v->callback, pool),
                               NULL));
    apr_table_setn(t, "name", typed(v, "name"));
    apr_table_setn(t, "email", typed(v, "email"));
    apr_table_setn(t, "remember", !v->form || *typed(v, "remember") ? "checked" : "");
    apr_table_setn(t, "error", "");
    apr_table_setn(t, "error-name", "");
    apr_table_setn(t, "error-email", "");
    apr_table_setn(t, "error-password", "");
    apr_table_setn(t, "user-name", user ? user->name : "");
    apr_table_setn(t, "user-email", user ? user->email : "");
    apr_table_setn(t, "password-min", apr_itoa(pool, (int)s->password_length.min));
    apr_table_setn(t, "password-max", apr_itoa(pool, (int)s->password_length.max));
}

/* What the endpoint is to read: the form, with remember as its boolean; the way back is
 * our business, but for that of mails. */
static json_t *endpoint_body(const page_view *v, const page_row *row)
{
    json_t *body = ba_json_object(v->r->pool);
    static const char *const fields[] = {"name", "email", "password"};
    const apr_array_header_t *columns;

    for (int i = 0; i < 3; ++i) {
        json_t *value = json_object_get(v->form, fields[i]);

        if (value) {
            json_object_set(body, fields[i], value);
        }
    }
    columns = !strcmp(row->name, "/sign-up") ? v->settings->columns.user : NULL;
    for (int i = 0; columns && i < columns->nelts; ++i) {
        const char *name = APR_ARRAY_IDX(columns, i, ba_column).name;
        json_t *value = json_object_get(v->form, name);

        if (value) {
            json_object_set(body, name, value);
        }
    }
    if (!strcmp(row->name, "/sign-in")) {
        json_object_set_new(body, "rememberMe", json_boolean(*typed(v, "remember")));
    }
    if (row->for_guests) {
        /* where a mailed link leads, and from there on */
        json_object_set_new(body, "callbackURL", json_string(sign_in_page(v)));
    }
    return body;
}

static const char *in_words(int seconds, apr_pool_t *pool)
{
    return seconds == 1    ? "a second"
           : seconds <= 90 ? apr_psprintf(pool, "%d seconds", seconds)
                           : apr_psprintf(pool, "%d minutes", (seconds + 59) / 60);
}

static void explain(const page_view *v, const ba_error *error)
{
    const char *value = "error";
    const char *text = error && error == v->call->vetoed ? error->message : no_reason;

    for (apr_size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); ++i) {
        if (sentences[i].error == error) {
            value = sentences[i].value;
            text = sentences[i].text;
        }
    }
    if (error == &ba_err_password_short) {
        value = "error-password";
        text = apr_psprintf(v->r->pool, "Use at least %d characters.",
                            (int)v->settings->password_length.min);
    }
    if (error == &ba_err_too_many) {
        text = apr_psprintf(v->r->pool, "That was tried too often. Wait %s, then try again.",
                            in_words(v->call->answer.retry_after, v->r->pool));
    }
    apr_table_setn(v->values, value, text);
}

/* All that is wrong with a form at once, where people can see it; 0: nothing. */
static int missing_fields(const page_view *v, const page_row *row)
{
    int sign_up = !strcmp(row->name, "/sign-up");
    int sign_in = !strcmp(row->name, "/sign-in");
    int wrong = 0;

    if (sign_up && !typed(v, "name")[strspn(typed(v, "name"), " \t")]) {
        apr_table_setn(v->values, "error-name", "Enter your name.");
        wrong = 1;
    }
    if ((sign_up || sign_in) && !ba_schema_email(typed(v, "email"))) {
        explain(v, &ba_err_invalid_email);
        wrong = 1;
    }
    if ((sign_up || sign_in) && !*typed(v, "password")) {
        apr_table_setn(v->values, "error-password", "Enter a password.");
        wrong = 1;
    }
    return wrong;
}

/* ---- the pages */

/* Where an account that does not start signed in goes on. By the settings alone: that
 * an address is taken, and so gets no mail, must not show. */
static const char *next_page(const page_view *v)
{
    const ba_settings *s = v->settings;

    if (s->require_email_verification && s->verify_on_sign_up != BA_OFF
        && s->mailer.kind != BA_MAILER_OFF) {
        return apr_pstrcat(v->r->pool, s->pages_path, "/check-mail",
                           apr_table_get(v->values, "callback-query"), NULL);
    }
    return sign_in_page(v);
}

/* What a mailed link adds to our address when it is no good (http-api 9.3). */
static int bad_link(const page_view *v)
{
    static const ba_error *const errors[] = {&ba_err_link_token, &ba_err_link_expired,
                                             &ba_err_link_no_user, &ba_err_link_other_user};
    const char *code = ba_text_query_param(v->r->args, "error", NULL, v->r->pool);

    for (int i = 0; code && i < 4; ++i) {
        if (!strcmp(code, errors[i]->code)) {
            return 1;
        }
    }
    return 0;
}

static int post(page_view *v, const page_row *row)
{
    const ba_route *route = ba_route_find("POST", row->endpoint);
    const ba_answer *answer = &v->call->answer;

    /* by the endpoint's path: a page is no second way to it */
    if (!ba_limit_request(v->call, row->endpoint)) {
        explain(v, answer->error);
        return render(v, row->document, answer->status);
    }
    if (missing_fields(v, row)) {
        return render(v, row->document, HTTP_UNPROCESSABLE_ENTITY);
    }
    v->call->path = row->endpoint;
    ba_route_run(v->call, route, endpoint_body(v, row));
    if (v->call->mail_waiting) {
        ba_task_poke();
    }
    if (answer->status == HTTP_OK) {
        int signed_in = !apr_is_empty_table(answer->cookies);

        ba_httpd_send_cookies(v->r, v->call);
        return redirect(v, signed_in ? v->callback : next_page(v));
    }
    explain(v, answer->error);
    return render(v, row->document, answer->status);
}

/* Somebody who is signed in is asked for the password again, or wants to be another. */
static int is_again(const page_view *v)
{
    const char *again = ba_text_query_param(v->r->args, "again", NULL, v->r->pool);

    return again && *again;
}

static int get(page_view *v, const page_row *row)
{
    apr_status_t rv = ba_session_find(v->call);

    ba_httpd_send_cookies(v->r, v->call);
    set_values(v); /* now that we know who it is */
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND && rv != APR_INCOMPLETE) {
        return message(v, HTTP_SERVICE_UNAVAILABLE, "Not available",
                       "Signing in does not work at the moment. Try again in a few minutes.");
    }
    if (rv == APR_SUCCESS && row->for_guests && !is_again(v)) {
        return redirect(v, v->callback);
    }
    if (row->only_as) {
        /* the guard says it, with its own status; of itself it means nothing */
        return v->r->prev ? render(v, row->document, v->r->prev->status) : redirect(v, v->callback);
    }
    if (!v->settings->email_password && !strcmp(row->name, "/sign-in")) {
        return message(v, HTTP_FORBIDDEN, "Sign-in is closed",
                       "Signing in with a password is not possible here at the moment.");
    }
    if (!(v->settings->sign_up && v->settings->email_password)
        && !strcmp(row->name, "/sign-up")) {
        return message(v, HTTP_FORBIDDEN, "Sign-up is closed",
                       "New accounts cannot be created here at the moment.");
    }
    if (bad_link(v)) {
        apr_table_setn(v->values, "error",
                       v->settings->verify_on_sign_in
                           ? "This link is not good any more. Sign in, and you get a new one."
                           : "This link is not good any more.");
    }
    if (rv == APR_SUCCESS && is_again(v)) {
        apr_table_setn(v->values, "email", v->call->user->email);
    }
    return render(v, row->document, HTTP_OK);
}

static int read_form(page_view *v)
{
    const char *type = apr_table_get(v->r->headers_in, "Content-Type");
    ba_bytes body;
    apr_status_t rv;

    if (!type || strncasecmp(type, "application/x-www-form-urlencoded", 33)) {
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

/* Files that are passed on as they are. */
typedef struct asset {
    const char *name; /* below the mount */
    const char *type;
    const char *cache; /* for how long nobody asks again */
    int is_script;     /* its first line says where API and pages are */
} asset;

static const asset assets[] = {
    {"/style.css", "text/css; charset=utf-8", "max-age=3600", 0},
    {"/betterauth.js", "text/javascript; charset=utf-8", "max-age=300", 1},
    {NULL, NULL, NULL, 0},
};

static const asset *find_asset(const char *path)
{
    for (const asset *row = assets; row->name; ++row) {
        if (!strcmp(row->name, path)) {
            return row;
        }
    }
    return NULL;
}

/* The paths are the operator's choice, in characters that need no escape (ba_kind_url_path). */
static const char *first_line(const ba_settings *s, apr_pool_t *pool)
{
    const page_row *account = find_page("/account");
    const char *more = account && is_offered(s, account)
                           ? apr_pstrcat(pool, ", account: '", s->pages_path, "/account'", NULL)
                           : "";

    return apr_psprintf(pool, "window.betterauth = { api: '%s', pages: '%s'%s };\n", s->base_path,
                        s->pages_path, more);
}

static int send_asset(request_rec *r, const ba_settings *settings, const asset *row)
{
    const char *first = row->is_script ? first_line(settings, r->pool) : NULL;
    apr_ssize_t len = APR_HASH_KEY_STRING;
    const char *path;
    apr_file_t *file;
    int status;

    if (open_document(r, settings, row->name + 1, &path, &file, &r->finfo) != APR_SUCCESS) {
        return HTTP_NOT_FOUND;
    }
    apr_file_close(file);
    ap_set_content_type(r, row->type);
    if (first) {
        /* the file's date, and so Last-Modified, says nothing about the first line */
        apr_table_setn(r->headers_out, "ETag",
                       apr_psprintf(r->pool,
                                    "\"%" APR_UINT64_T_HEX_FMT "-%" APR_UINT64_T_HEX_FMT "-%x\"",
                                    (apr_uint64_t)r->finfo.size, (apr_uint64_t)r->finfo.mtime,
                                    apr_hashfunc_default(first, &len)));
    }
    else {
        ap_update_mtime(r, r->finfo.mtime);
        ap_set_last_modified(r);
        ap_set_etag(r);
    }
    apr_table_setn(r->headers_out, "Cache-Control", row->cache);
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    status = ap_meets_conditions(r);
    if (status != OK) {
        return status;
    }
    if (first) {
        ap_rputs(first, r);
    }
    return send_document(r, settings, row->name + 1, 0);
}

/* head.html and foot.html, for #include in our documents only. */
static int part(request_rec *r, const ba_settings *settings, const char *name)
{
    for (const char *p = name; *p; ++p) {
        if (!apr_islower(*p) && *p != '-' && strcmp(p, ".html")) {
            return HTTP_NOT_FOUND;
        }
        if (*p == '.') {
            break;
        }
    }
    ap_set_content_type(r, "text/html; charset=utf-8");
    return send_document(r, settings, name, 1);
}

static int front(page_view *v)
{
    ba_session_find(v->call);
    ba_httpd_send_cookies(v->r, v->call);
    return redirect(v, v->call->user ? v->callback : sign_in_page(v));
}

static int serve(page_view *v, const char *path)
{
    const page_row *row = find_page(path);
    int is_get = v->r->method_number == M_GET;
    int status = OK;

    if (row && !is_offered(v->settings, row)) {
        row = NULL;
    }
    if (v->r->method_number == M_POST && row) {
        status = read_form(v);
    }
    v->callback = checked_callback(v);
    set_values(v);
    if (status != OK) {
        return message(v, status, "Not accepted", no_reason);
    }
    if (is_get && (!*path || !strcmp(path, "/"))) {
        return front(v);
    }
    if (!row || (!is_get && !row->endpoint) || (!is_get && v->r->method_number != M_POST)) {
        return message(v, HTTP_NOT_FOUND, "Not found", "There is no page at this address.");
    }
    return is_get ? get(v, row) : post(v, row);
}

int ba_pages_handler(request_rec *r)
{
    const ba_site *site = ba_httpd_site(r->server);
    page_view v = {.r = r};
    const asset *row;
    ba_request *ours;
    const char *path;

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
    row = r->method_number == M_GET ? find_asset(path) : NULL;
    if (row) {
        return send_asset(r, site->settings, row);
    }
    ours = ba_httpd_request(r);
    if (r->main && ours->page && *path) {
        /* relative to the address of the page, which may be anything below us */
        return part(r, site->settings, strrchr(path, '/') + 1);
    }
    v.settings = site->settings;
    v.call = ours->call;
    v.values = ours->page = apr_table_make(r->pool, 20);
    return serve(&v, path);
}
