/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_expr.h"

#include "ba_httpd.h"
#include "ba_identity.h"
#include "ba_module.h"
#include "ba_mount.h"
#include "ba_session.h"
#include "ba_who.h"

#include <apr_optional.h>
#include <apr_strings.h>
#include <http_log.h>
#include <mod_log_config.h>
#include <strings.h>

/* The value for whoever is signed in; "" for nobody, and when it cannot be known: an
 * expression has no third answer, so none should let in who is not somebody. */
static const char *value(request_rec *r, int index)
{
    const ba_call *call;
    const char *text;
    apr_status_t rv;

    if (index < 0 || !r || !ba_httpd_site(r->server) || r->proxyreq == PROXYREQ_PROXY) {
        return "";
    }
    if (ba_mount_is_ours(r)) {
        /* the endpoint sends cookies of its own */
        ba_call *own = ba_httpd_request(r)->call;

        rv = ba_session_find(own);
        call = own;
    }
    else {
        rv = ba_who(r, &call);
    }
    text = rv == APR_SUCCESS ? ba_identity_value(index, call->user, call->session) : NULL;
    return text ? text : "";
}

static const char *variable(ap_expr_eval_ctx_t *ctx, const void *data)
{
    return value(ctx->r, *(const int *)data);
}

static const char *function(ap_expr_eval_ctx_t *ctx, const void *data, const char *arg)
{
    (void)data;
    return value(ctx->r, ba_identity_find(arg));
}

int ba_expr_lookup(ap_expr_lookup_parms *parms)
{
    if (parms->type == AP_EXPR_FUNC_STRING && !strcasecmp(parms->name, "betterauth")) {
        *parms->func = function;
        *parms->data = NULL;
        if (parms->arg && ba_identity_find(parms->arg) < 0) {
            *parms->err = apr_psprintf(parms->ptemp, "%%{BETTERAUTH:%s} is not known: take "
                                                     "user_id, email, name, email_verified, "
                                                     "session_id or role", parms->arg);
            return !OK;
        }
        return OK;
    }
    if (parms->type == AP_EXPR_FUNC_VAR && !strncasecmp(parms->name, "BETTERAUTH_", 11)
        && ba_identity_find(parms->name) >= 0) {
        int *index = apr_palloc(parms->pool, sizeof(*index));

        *index = ba_identity_find(parms->name);
        *parms->func = variable;
        *parms->data = index;
        return OK;
    }
    return DECLINED;
}

/* Only looks: a log must not be what asks the database. */
static const char *log_value(request_rec *r, char *name)
{
    const ba_request *ours = ba_httpd_request_made(r);
    int index = ba_identity_find(name);
    const ba_call *call = !ours ? NULL : ours->basic && ours->basic->session ? ours->basic : ours->call;
    const char *text
        = index >= 0 && call && call->user ? ba_identity_value(index, call->user, call->session)
                                           : NULL;

    return text ? ap_escape_logitem(r->pool, text) : "-";
}

int ba_expr_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    APR_OPTIONAL_FN_TYPE(ap_register_log_handler) *add
        = APR_RETRIEVE_OPTIONAL_FN(ap_register_log_handler);

    (void)plog, (void)ptemp;
    if (add) {
        add(pconf, "^BA", log_value, 0);
    }
    return OK;
}
