/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_guard.h"

#include "ba_directives.h"
#include "ba_httpd.h"
#include "ba_identity.h"
#include "ba_module.h"
#include "ba_mount.h"
#include "ba_session.h"
#include "ba_text.h"
#include "ba_url.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>
#include <strings.h>
#include <util_filter.h>

#define AUTH_TYPE "Session"
#define FILTER "BETTERAUTH_PRIVATE"

/* Longest way back that a sign-in link carries. */
#define RETURN_MAX 2000

static int is_guarded(request_rec *r)
{
    const char *type = ap_auth_type(r);

    return type && !strcasecmp(type, AUTH_TYPE);
}

static const ba_dir_settings *dir_of(const request_rec *r)
{
    const ba_dir_config *config = ap_get_module_config(r->per_dir_config, &betterauth_module);

    return &config->values;
}

/* 0: this request cannot be guarded here. Answered with 500, logged. */
static int can_guard(request_rec *r)
{
    if (!ba_httpd_site(r->server)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0131: AuthType Session needs BetterAuthSecret in this server");
        return 0;
    }
    if (r->proxyreq == PROXYREQ_PROXY) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0132: AuthType Session cannot guard a forward proxy");
        return 0;
    }
    return 1;
}

/* Asks once per chain of requests, and hands out the cookies that this brings. */
static apr_status_t who(request_rec *r, const ba_call **out)
{
    ba_call *call = ba_httpd_request(r)->call;
    int first_time = !call->session_asked;
    apr_status_t rv = ba_session_find(call);

    if (first_time) {
        ba_httpd_send_cookies(ba_httpd_first(r), call);
    }
    *out = call;
    return rv;
}

static void attach(request_rec *r, const ba_call *call)
{
    r->user = apr_pstrdup(r->pool, ba_identity_remote_user(dir_of(r), call->user, r->pool));
    r->ap_auth_type = (char *)(apr_uintptr_t)AUTH_TYPE;
}

/* ---- answers */

/* A person who came by a link or the address bar, and can be shown a page. */
static int is_navigation(const request_rec *r)
{
    const char *mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");
    const char *dest = apr_table_get(r->headers_in, "Sec-Fetch-Dest");
    const char *accept = apr_table_get(r->headers_in, "Accept");

    if (r->method_number != M_GET || apr_table_get(r->headers_in, "X-Requested-With")
        || apr_table_get(r->headers_in, "Upgrade")) {
        return 0;
    }
    if (mode) {
        /* not into a frame: sign-in refuses to be framed */
        return !strcasecmp(mode, "navigate") && (!dest || !strcasecmp(dest, "document"));
    }
    return accept && ap_strcasestr(accept, "text/html");
}

/* Path and query of what was asked for; "/" if it cannot be a way back. */
static const char *way_back(request_rec *r)
{
    /* as sent: r->uri is decoded, and "%3F" is not "?" */
    const char *path = ba_httpd_first(r)->unparsed_uri;
    apr_size_t len;

    if (*path != '/') {
        const char *host = strstr(path, "://"); /* a request for an absolute URL */

        path = host ? strchr(host + 3, '/') : NULL;
    }
    if (!path) {
        return "/";
    }
    len = strcspn(path, "#");
    if (len > RETURN_MAX) {
        len = strcspn(path, "?#");
    }
    path = apr_pstrmemdup(r->pool, path, len);
    return len <= RETURN_MAX && ba_url_safe_path(path) ? path : "/";
}

static int redirect_to_sign_in(request_rec *r)
{
    const ba_settings *settings = ba_httpd_site(r->server)->settings;

    apr_table_setn(r->headers_out, "Location",
                   apr_pstrcat(r->pool, settings->pages_path, "/sign-in?callbackURL=",
                               ba_text_url_encode(way_back(r), r->pool), NULL));
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    return HTTP_MOVED_TEMPORARILY;
}

/* An operator's ErrorDocument is for people, JSON for programs. */
static int fail(request_rec *r, const ba_error *error)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    if (error->status == HTTP_SERVICE_UNAVAILABLE) {
        apr_table_setn(r->err_headers_out, "Retry-After",
                       apr_itoa(r->pool, BA_RETRY_AFTER));
    }
    return r->main || is_navigation(r) ? error->status : ba_httpd_error(r, error);
}

static int turn_away(request_rec *r)
{
    ba_unauthenticated how = dir_of(r)->unauthenticated;

    /* pass: the Require lines refuse all the same, so as auto */
    if (!r->main && how != BA_UNAUTHENTICATED_401
        && (how == BA_UNAUTHENTICATED_REDIRECT || is_navigation(r))) {
        return redirect_to_sign_in(r);
    }
    return fail(r, &ba_err_unauthorized);
}

/* ---- hooks */

/* Sign-in must be reachable where a whole site is guarded. The Require lines that
 * want no user, such as Require ip, are asked and count; where they would go on to
 * ask for a user, our own handlers are let in. */
static int let_ours_in(request_rec *r)
{
    const apr_array_header_t *hooks = ap_hook_get_access_checker_ex();
    int status = DECLINED;

    for (int i = 0; i < hooks->nelts; ++i) {
        const ap_LINK_access_checker_ex_t *hook
            = &APR_ARRAY_IDX(hooks, i, ap_LINK_access_checker_ex_t);

        if (!strcmp(hook->szName, "mod_authz_core.c")) {
            status = hook->pFunc(r);
        }
    }
    return status == DECLINED ? OK : status;
}

int ba_guard_access(request_rec *r)
{
    const ba_call *call;

    if (!is_guarded(r)) {
        return DECLINED;
    }
    if (ba_mount_is_ours(r)) {
        return let_ours_in(r);
    }
    if (!can_guard(r)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    switch (who(r, &call)) {
    case APR_SUCCESS:
        attach(r, call);
        return DECLINED;
    case APR_NOTFOUND:
    case APR_INCOMPLETE:
        return DECLINED;
    default:
        /* not "nobody": a Require that wants no user would let them in */
        return dir_of(r)->unauthenticated == BA_UNAUTHENTICATED_PASS
                   ? DECLINED
                   : fail(r, &ba_err_unavailable);
    }
}

int ba_guard_authn(request_rec *r)
{
    const ba_call *call;

    if (!is_guarded(r)) {
        return DECLINED;
    }
    if (!can_guard(r)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    switch (who(r, &call)) {
    case APR_SUCCESS:
        attach(r, call);
        return OK;
    case APR_NOTFOUND:
    case APR_INCOMPLETE:
        return turn_away(r);
    default:
        return fail(r, &ba_err_unavailable);
    }
}

int ba_guard_fixups(request_rec *r)
{
    const ba_call *call = NULL;
    int known = 0;

    if (!is_guarded(r) || !ba_httpd_site(r->server) || ba_mount_is_ours(r)) {
        return DECLINED;
    }
    /* asked already, but for "Satisfy any", which skips authentication; by now it
     * is decided who comes in, and a database that is down means "nobody" */
    known = who(r, &call) == APR_SUCCESS;
    if (known && !r->user) {
        attach(r, call);
    }
    ba_identity_export(r, dir_of(r), known ? call->user : NULL, known ? call->session : NULL);
    return OK;
}

/* ---- the filter */

static int is_public_word(const char *word)
{
    return !strcasecmp(word, "public") || !strncasecmp(word, "s-maxage", 8);
}

/* Cookies do not make caches careful, as an Authorization header does. */
static void make_private(request_rec *r)
{
    const ba_site *site = ba_httpd_site(r->server);
    const char *type = r->content_type;
    const char *old = apr_table_get(r->headers_out, "Cache-Control");
    const char *out = "private";
    char *state, *word;

    if (!old) {
        old = apr_table_get(r->err_headers_out, "Cache-Control");
    }
    if (old && (ap_strcasestr(old, "private") || ap_strcasestr(old, "no-store"))) {
        return;
    }
    /* a page must not come back from the history after sign-out */
    if (!old && type && !strncasecmp(type, "text/html", 9)) {
        out = "private, no-store";
    }
    for (word = old ? apr_strtok(apr_pstrdup(r->pool, old), ", ", &state) : NULL; word;
         word = apr_strtok(NULL, ", ", &state)) {
        if (!is_public_word(word)) {
            out = apr_pstrcat(r->pool, out, ", ", word, NULL);
        }
    }
    apr_table_unset(r->err_headers_out, "Cache-Control");
    apr_table_setn(r->headers_out, "Cache-Control", out);
    apr_table_mergen(r->headers_out, "Vary",
                     site && site->settings->bearer ? "Cookie, Authorization" : "Cookie");
}

static apr_status_t private_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    ap_filter_t *next = f->next;

    make_private(f->r);
    ap_remove_output_filter(f);
    return ap_pass_brigade(next, bb);
}

void ba_guard_register_filter(void)
{
    ap_register_output_filter(FILTER, private_filter, NULL, AP_FTYPE_CONTENT_SET);
}

/* An SSI page may include a guarded part, which shows only while it is sent, too
 * late for its headers: so who shows a session gets a page of their own. */
static int may_include(request_rec *r)
{
    const ba_site *site = ba_httpd_site(r->server);

    for (const ap_filter_t *f = site ? r->output_filters : NULL; f; f = f->next) {
        if (!strcasecmp(f->frec->name, "INCLUDES")) {
            return ba_session_claimed(ba_httpd_request(r)->call);
        }
    }
    return 0;
}

void ba_guard_insert_filter(request_rec *r)
{
    if (ba_mount_is_ours(r)) {
        apr_table_setn(r->subprocess_env, "no-cache", "1");
    }
    else if (!r->main && (is_guarded(r) || may_include(r))) {
        /* what mod_cache looks at; Cache-Control tells the others */
        apr_table_setn(r->subprocess_env, "no-cache", "1");
        ap_add_output_filter(FILTER, NULL, r, r->connection);
    }
}
