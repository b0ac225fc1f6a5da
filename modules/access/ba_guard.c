/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_guard.h"

#include "ba_asked.h"
#include "ba_cookie.h"
#include "ba_directives.h"
#include "ba_httpd.h"
#include "ba_identity.h"
#include "ba_module.h"
#include "ba_mount.h"
#include "ba_refuse.h"
#include "ba_session.h"
#include "ba_tunnels.h"
#include "ba_who.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>
#include <string.h>
#include <strings.h>
#include <util_filter.h>

#define FILTER "BETTERAUTH_PRIVATE"

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

static void attach(request_rec *r, const ba_call *call)
{
    r->user = apr_pstrdup(r->pool, ba_identity_remote_user(ba_directives_dir(r), call->user, r->pool));
    r->ap_auth_type = (char *)(apr_uintptr_t)BA_AUTH_TYPE;
}

/* ---- hooks */

/* What mod_authz_core says of the Require lines; it will be asked again. DECLINED: they
 * want a user, and there is none. */
static int ask_require_lines(request_rec *r)
{
    const apr_array_header_t *hooks = ap_hook_get_access_checker_ex();
    int status = OK;

    for (int i = 0; i < hooks->nelts; ++i) {
        const ap_LINK_access_checker_ex_t *hook
            = &APR_ARRAY_IDX(hooks, i, ap_LINK_access_checker_ex_t);

        if (!strcmp(hook->szName, "mod_authz_core.c")) {
            status = hook->pFunc(r);
        }
    }
    return status;
}

/* Sign-in must be reachable where a whole site is guarded. The Require lines that
 * want no user, such as Require ip, are asked and count; where they would go on to
 * ask for a user, our own handlers are let in. */
static int let_ours_in(request_rec *r)
{
    int status = ask_require_lines(r);

    return status == DECLINED ? OK : status;
}

/* Whoever is not let in although we know them is told so, and what would help. A line
 * that names REMOTE_USER, such as Require expr, asks for a user even so. */
static int judge(request_rec *r)
{
    const ba_call *call;
    int status = ask_require_lines(r);

    /* a line has asked the database, which does not know whom a cache knew */
    if (status == DECLINED && ba_who(r, &call) != APR_SUCCESS) {
        r->user = r->ap_auth_type = NULL;
        return DECLINED;
    }
    return status == HTTP_FORBIDDEN || status == DECLINED ? ba_refuse_user(r) : DECLINED;
}

int ba_guard_access(request_rec *r)
{
    const ba_call *call;
    int status;

    if (!ba_who_guarded(r)) {
        return DECLINED;
    }
    if (ba_mount_is_ours(r)) {
        return let_ours_in(r);
    }
    if (!can_guard(r)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    /* to a proxy that asks, its 204 would mean "let it through" */
    if (!ba_asked(r) && ba_refuse_is_preflight(r) && (status = ba_refuse_preflight(r)) != DECLINED) {
        return status;
    }
    if (ba_refuse_is_foreign_socket(r)) {
        return ba_refuse(r, &ba_err_invalid_origin);
    }
    switch (ba_who(r, &call)) {
    case APR_SUCCESS:
        attach(r, call);
        return judge(r);
    case APR_NOTFOUND:
    case APR_INCOMPLETE:
        return DECLINED;
    default:
        /* not "nobody": a Require that wants no user would let them in */
        return ba_directives_dir(r)->unauthenticated == BA_UNAUTHENTICATED_PASS
                   ? DECLINED
                   : ba_refuse(r, &ba_err_unavailable);
    }
}

int ba_guard_authn(request_rec *r)
{
    const ba_call *call;

    if (!ba_who_guarded(r)) {
        return DECLINED;
    }
    if (!can_guard(r)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    switch (ba_who(r, &call)) {
    case APR_SUCCESS:
        attach(r, call);
        return OK;
    case APR_NOTFOUND:
    case APR_INCOMPLETE:
        return ba_refuse_stranger(r, ba_directives_dir(r)->unauthenticated);
    default:
        return ba_refuse(r, &ba_err_unavailable);
    }
}

/* Leaves rest of a header, NULL for nothing. Those who look later, such as an error
 * document of ours, still find the whole in *kept. */
static void cut_header(request_rec *r, const char *name, const char **kept, const char *rest)
{
    *kept = *kept ? *kept : apr_table_get(r->headers_in, name);
    if (rest) {
        apr_table_setn(r->headers_in, name, rest);
    }
    else {
        apr_table_unset(r->headers_in, name);
    }
}

/* An application that is told who it is has no need of what would make it the user. */
static void keep_credentials(request_rec *r)
{
    const char *cookies = apr_table_get(r->headers_in, "Cookie");
    const char *authorization = apr_table_get(r->headers_in, "Authorization");
    ba_request *ours;

    if ((!cookies && !authorization) || !ba_who_is_proxied(r) || ba_directives_dir(r)->forward_cookies
        || !ba_httpd_site(r->server)) {
        return;
    }
    ours = ba_httpd_request(r);
    if (cookies) {
        cut_header(r, "Cookie", &ours->cookie, ba_cookie_others(ours->call));
    }
    if (authorization && (ba_who_basic(r) || ba_session_in_authorization(ours->call))) {
        cut_header(r, "Authorization", &ours->authorization, NULL);
    }
}

/* heir: it may have from another request what that one was told. Anything but OK: it
 * must not go on. */
static int tell(request_rec *r, int heir)
{
    const ba_call *call = NULL;
    int known = 0;

    if (!ba_httpd_site(r->server) || ba_mount_is_ours(r)) {
        return OK;
    }
    if (!ba_who_guarded(r)) {
        call = ba_who_basic(r);
        if (call) {
            ba_identity_export(r, ba_directives_dir(r), call->user, call->session);
        }
        else if (heir) {
            ba_identity_withdraw(r);
        }
        return OK;
    }
    /* asked already, but for "Satisfy any", which skips authentication; by now it
     * is decided who comes in, and a database that is down means "nobody" */
    known = ba_who(r, &call) == APR_SUCCESS;
    if (known && !r->user) {
        attach(r, call);
    }
    else if (!known && r->ap_auth_type && !strcmp(r->ap_auth_type, BA_AUTH_TYPE)) {
        /* a cookie cache knew them, the database does not, and a Require line lets in
         * anybody */
        r->user = r->ap_auth_type = NULL;
    }
    ba_identity_export(r, ba_directives_dir(r), known ? call->user : NULL, known ? call->session : NULL);
    return known ? ba_tunnels_watch(r, call) : OK;
}

static int tell_and_keep(request_rec *r, int heir)
{
    int status = tell(r, heir);
    ba_request *ours;

    keep_credentials(r);
    ours = ba_httpd_request_made(r);
    if (ours) {
        ours->told = r;
    }
    return status;
}

int ba_guard_fixups(request_rec *r)
{
    return tell_and_keep(r, r->main != NULL);
}

int ba_guard_settle(request_rec *r)
{
    const ba_request *ours = ba_httpd_request_made(r);

    return ours && ours->told != r ? tell_and_keep(r, 1) : OK;
}

/* ---- the filter */

/* What is said to caches so far, all lines of it; NULL: nothing. */
static const char *cache_control(request_rec *r)
{
    const char *out = apr_table_getm(r->pool, r->headers_out, "Cache-Control");
    const char *always = apr_table_getm(r->pool, r->err_headers_out, "Cache-Control");

    return out && always ? apr_pstrcat(r->pool, out, ", ", always, NULL) : out ? out : always;
}

/* In lower case. With fields, private is about these alone: caches may keep the rest. */
static int is_for_all(const char *word)
{
    return !strncmp(word, "public", 6) || !strncmp(word, "s-maxage", 8)
           || !strncmp(word, "private=", 8);
}

/* Cookies do not make caches careful, as an Authorization header does. */
static void make_private(request_rec *r)
{
    const ba_site *site = ba_httpd_site(r->server);
    const char *type = r->content_type;
    const char *old = cache_control(r);
    const char *out = "private";
    const char *word;

    if (old
        && (ap_find_list_item(r->pool, old, "private")
            || ap_find_list_item(r->pool, old, "no-store"))) {
        return;
    }
    /* a page must not come back from the history after sign-out */
    if (!old && type && !strncasecmp(type, "text/html", 9)) {
        out = "private, no-store";
    }
    while (old && (word = ap_get_list_item(r->pool, &old))) {
        if (!is_for_all(word)) {
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
    else if (!r->main && (ba_who_guarded(r) || may_include(r))) {
        /* what mod_cache looks at; Cache-Control tells the others */
        apr_table_setn(r->subprocess_env, "no-cache", "1");
        ap_add_output_filter(FILTER, NULL, r, r->connection);
    }
}
