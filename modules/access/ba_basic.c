/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_basic.h"

#include "ba_credentials.h"
#include "ba_directives.h"
#include "ba_httpd.h"
#include "ba_identity.h"
#include "ba_module.h"
#include "ba_who.h"

#include <ap_provider.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>
#include <mod_auth.h>
#include <string.h>
#include <strings.h>

/* ---- the provider */

/* Once for a chain of requests: a PROPFIND makes a sub-request for each file. */
static const ba_call *compare(request_rec *r, const char *user, const char *password)
{
    ba_request *ours = ba_httpd_request(r);
    const char *pair = apr_pstrcat(r->pool, user, "\n", password, NULL);
    ba_bytes bytes = {password, strlen(password)};

    if (!ours->basic || strcmp(ours->basic_pair, pair)) {
        request_rec *first = ba_httpd_first(r);

        ours->basic = ba_httpd_call(first, first->method, "");
        ours->basic_pair = apr_pstrdup(first->pool, pair);
        ba_credentials_check(ours->basic, apr_pstrdup(first->pool, user), bytes);
    }
    return ours->basic;
}

/* Nobody can say whether it is right, or wants to, for now. */
static int has_no_answer(const ba_call *call)
{
    return call->answer.status >= 500 || call->answer.status == HTTP_TOO_MANY_REQUESTS;
}

static authn_status check_password(request_rec *r, const char *user, const char *password)
{
    const ba_call *call;

    if (!ba_httpd_site(r->server)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0136: AuthBasicProvider betterauth needs BetterAuthSecret in this server");
        return AUTH_GENERAL_ERROR;
    }
    call = compare(r, user, password);
    if (call->session) {
        r->user = apr_pstrdup(r->pool, ba_identity_remote_user(ba_directives_dir(r), call->user, r->pool));
        ba_who_grant_basic(r);
        return AUTH_GRANTED;
    }
    if (has_no_answer(call)) {
        return AUTH_GENERAL_ERROR;
    }
    return call->user ? AUTH_DENIED : AUTH_USER_NOT_FOUND;
}

static const authn_provider provider = {check_password, NULL};

void ba_basic_register(apr_pool_t *pool)
{
    ap_register_auth_provider(pool, AUTHN_PROVIDER_GROUP, "betterauth", AUTHN_PROVIDER_VERSION,
                              &provider, AP_AUTH_INTERNAL_PER_CONF);
}

/* ---- hooks */

static int ask_mod_auth_basic(request_rec *r)
{
    const apr_array_header_t *hooks = ap_hook_get_check_user_id();
    int status = DECLINED;

    for (int i = 0; i < hooks->nelts; ++i) {
        const ap_LINK_check_user_id_t *hook = &APR_ARRAY_IDX(hooks, i, ap_LINK_check_user_id_t);

        if (!strcmp(hook->szName, "mod_auth_basic.c")) {
            status = hook->pFunc(r);
        }
    }
    return status;
}

int ba_basic_authn(request_rec *r)
{
    ba_request *ours = ba_httpd_request_made(r);
    int status;

    if (!ba_who_is_basic(r) || !ba_httpd_site(r->server)) {
        return DECLINED;
    }
    /* taken away before a proxy that then sent us elsewhere, such as an error document */
    if (ours && ours->authorization && !apr_table_get(r->headers_in, "Authorization")) {
        apr_table_setn(r->headers_in, "Authorization", ours->authorization);
    }
    status = ask_mod_auth_basic(r);
    ours = ba_httpd_request_made(r);
    if (status == HTTP_INTERNAL_SERVER_ERROR && ours && ours->basic
        && has_no_answer(ours->basic)) {
        if (ours->basic->answer.retry_after) {
            ba_httpd_retry_after(r, ours->basic);
        }
        return ours->basic->answer.status;
    }
    return status;
}
