/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_refuse.h"

#include "ba_asked.h"
#include "ba_audit.h"
#include "ba_cookie.h"
#include "ba_httpd.h"
#include "ba_module.h"
#include "ba_origin.h"
#include "ba_require.h"
#include "ba_text.h"
#include "ba_url.h"
#include "ba_who.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>
#include <string.h>
#include <strings.h>

/* A person who came by a link or the address bar, and can be shown a page. */
static int is_navigation(request_rec *r)
{
    const char *mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");
    const char *dest = apr_table_get(r->headers_in, "Sec-Fetch-Dest");
    const char *accept = apr_table_get(r->headers_in, "Accept");

    if (!ba_asked_fetches(r) || apr_table_get(r->headers_in, "X-Requested-With")
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
    if (len > BA_RETURN_MAX) {
        len = strcspn(path, "?#");
    }
    path = apr_pstrmemdup(r->pool, path, len);
    return len <= BA_RETURN_MAX && ba_url_safe_path(path) ? path : "/";
}

static const char *page_for(request_rec *r, const char *name, const char *callback)
{
    return apr_pstrcat(r->pool, ba_httpd_site(r->server)->settings->pages_path, name,
                       strchr(name, '?') ? "&" : "?", "callbackURL=",
                       ba_text_url_encode(callback, r->pool), NULL);
}

/* The same for another host or request. */
static const char *absolute_page(request_rec *r, const char *name, const char *callback)
{
    return apr_pstrcat(r->pool, ba_httpd_site(r->server)->settings->origin,
                       page_for(r, name, callback), NULL);
}

/* A page of ours, with the way back to where this request wanted to go. */
static const char *page(request_rec *r, const char *name)
{
    return page_for(r, name, way_back(r));
}

/* mod_dir takes no header from one of several names for an index. */
static void keep_nowhere(request_rec *r)
{
    request_rec *whole = r->main && r->main->finfo.filetype == APR_DIR ? r->main : r;

    apr_table_setn(whole->err_headers_out, "Cache-Control", "no-store");
}

static int redirect(request_rec *r, const char *name)
{
    apr_table_setn(r->headers_out, "Location", page(r, name));
    keep_nowhere(r);
    return HTTP_MOVED_TEMPORARILY;
}

static int has_error_document(request_rec *r, int status)
{
    return ap_response_code_string(r, ap_index_of_response(status)) != NULL;
}

/* A sub-request, such as mod_dir's for an index file. Where that becomes the answer, the
 * answer leads to sign-in; mod_autoindex lists what is redirected, but nothing refused. */
static int redirect_whole(request_rec *r)
{
    ap_custom_response(r->main, HTTP_UNAUTHORIZED,
                       absolute_page(r, "/sign-in", way_back(r)));
    keep_nowhere(r);
    return HTTP_UNAUTHORIZED;
}

/* An error for a person: the operator's ErrorDocument, else a page of ours. A sub-request
 * may be mod_dir's for an index file, and becomes the whole answer then. */
static int show(request_rec *r, int status, const char *name)
{
    request_rec *whole = r->main ? r->main : r;

    ba_httpd_allow_origin(r);
    keep_nowhere(r);
    if (!has_error_document(whole, status) && ba_httpd_site(r->server)->has_pages) {
        ap_custom_response(whole, status, page(r, name));
    }
    return status;
}

/* A form that a person has sent; a program would not say that it navigates. */
static int is_form(request_rec *r)
{
    const char *mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    const char *accept = apr_table_get(r->headers_in, "Accept");

    if (ba_asked(r) || r->method_number != M_POST
        || apr_table_get(r->headers_in, "X-Requested-With")) {
        return 0;
    }
    if (mode) {
        return !strcasecmp(mode, "navigate");
    }
    return type && accept && ap_strcasestr(accept, "text/html")
           && (!strncasecmp(type, "application/x-www-form-urlencoded", 33)
               || !strncasecmp(type, "multipart/form-data", 19));
}

int ba_refuse(request_rec *r, const ba_error *error)
{
    if (error->status == HTTP_SERVICE_UNAVAILABLE) {
        apr_table_setn(r->err_headers_out, "Retry-After",
                       apr_itoa(r->pool, BA_RETRY_AFTER));
    }
    if (r->main || is_navigation(r) || is_form(r)) {
        return show(r, error->status, "/error");
    }
    ba_httpd_allow_origin(r);
    /* no handler runs, so nobody else asks for what "Header always" adds */
    ap_run_insert_error_filter(r);
    return ba_httpd_error(r, error);
}

/* RFC 9110 wants a challenge with every 401. No browser knows this scheme, so none
 * shows a box for it. */
static void challenge(request_rec *r)
{
    const char *realm = ap_auth_name(r);

    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   apr_psprintf(r->pool, "Session realm=\"%s\"",
                                realm ? ap_escape_quotes(r->pool, realm) : ""));
}

/* Another proxy asks: sends its visitor to sign-in, which may be on another host than the
 * application. A proxy that cannot hand a redirect on finds the address in a 401. */
static int send_asked(request_rec *r, const char *name, const ba_error *error)
{
    int redirects;
    const char *url = ba_asked_url(r, &redirects);

    if (url) {
        url = absolute_page(r, name, url);
    }
    if (url && redirects) {
        apr_table_setn(r->headers_out, "Location", url);
        keep_nowhere(r);
        return HTTP_MOVED_TEMPORARILY;
    }
    if (url) {
        apr_table_setn(r->err_headers_out, "Location", url);
        error = &ba_err_unauthorized;
    }
    if (error->status == HTTP_UNAUTHORIZED) {
        challenge(r);
    }
    return ba_refuse(r, error);
}

int ba_refuse_stranger(request_rec *r, ba_unauthenticated how)
{
    if (how != BA_UNAUTHENTICATED_401 && ba_asked(r)
        && (how == BA_UNAUTHENTICATED_REDIRECT || is_navigation(r))) {
        return send_asked(r, "/sign-in", &ba_err_unauthorized);
    }
    /* pass: the Require lines refuse all the same, so as auto */
    if (!r->main && how == BA_UNAUTHENTICATED_REDIRECT) {
        return redirect(r, "/sign-in");
    }
    if (!r->main && how != BA_UNAUTHENTICATED_401 && is_navigation(r)
        && !has_error_document(r, HTTP_UNAUTHORIZED)) {
        return redirect(r, "/sign-in");
    }
    if (r->main && how != BA_UNAUTHENTICATED_401 && is_navigation(r)
        && !has_error_document(r->main, HTTP_UNAUTHORIZED)) {
        return redirect_whole(r);
    }
    challenge(r);
    if (!r->main && is_form(r)) {
        return show(r, HTTP_UNAUTHORIZED, "/expired");
    }
    return ba_refuse(r, &ba_err_unauthorized);
}

/* Somebody we know is asked for their password again. */
static void tell_step_up(request_rec *r)
{
    const ba_call *call;

    if (ba_who(r, &call) == APR_SUCCESS) {
        ba_audit(call, BA_EVENT_STEP_UP,
                 (ba_fact){.user = call->user->id, .session = call->session->id});
    }
}

int ba_refuse_user(request_rec *r)
{
    int for_people = is_navigation(r) || is_form(r);
    int stale = ba_require_wants_fresh(r);

    if (stale) {
        tell_step_up(r);
    }
    if (ba_asked(r)) {
        return !stale       ? ba_refuse(r, &ba_err_forbidden)
               : for_people ? send_asked(r, "/sign-in?again=1", &ba_err_not_fresh)
                            : ba_refuse(r, &ba_err_not_fresh);
    }
    if (stale) {
        return is_navigation(r) && !r->main ? redirect(r, "/sign-in?again=1")
               : is_form(r)                 ? show(r, HTTP_FORBIDDEN, "/expired")
                                            : ba_refuse(r, &ba_err_not_fresh);
    }
    /* whoever wrote an error document of their own meant it for all */
    return for_people || has_error_document(r, HTTP_FORBIDDEN)
               ? show(r, HTTP_FORBIDDEN, "/forbidden")
               : ba_refuse(r, &ba_err_forbidden);
}

/* ---- preflights: a browser asks without cookies whether it may ask with them */

int ba_refuse_is_preflight(const request_rec *r)
{
    return r->method_number == M_OPTIONS && apr_table_get(r->headers_in, "Origin")
           && apr_table_get(r->headers_in, "Access-Control-Request-Method");
}

int ba_refuse_preflight(request_rec *r)
{
    const char *headers = apr_table_get(r->headers_in, "Access-Control-Request-Headers");

    if (!ba_httpd_allow_origin(r)) {
        return DECLINED; /* nobody's, and refused as such */
    }
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Methods",
                   apr_table_get(r->headers_in, "Access-Control-Request-Method"));
    if (headers) {
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Headers", headers);
    }
    apr_table_setn(r->err_headers_out, "Access-Control-Max-Age", "600");
    r->status = HTTP_NO_CONTENT;
    ap_send_error_response(r, 0);
    return DONE;
}

/* ---- websockets */

int ba_refuse_is_foreign_socket(request_rec *r)
{
    const char *upgrade = apr_table_get(r->headers_in, "Upgrade");
    const char *origin = apr_table_get(r->headers_in, "Origin");
    const ba_call *call;

    if (!upgrade || !origin || !ap_find_token(r->pool, upgrade, "websocket")) {
        return 0;
    }
    call = ba_httpd_request(r)->call;
    if (!ba_cookie_get(call, call->settings->session_cookie) || ba_origin_trusted(call, origin)) {
        return 0;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "BA0135: a websocket opened by %s is refused: no origin of "
                  "BetterAuthTrustedOrigins",
                  origin);
    return 1;
}
