/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_forward.h"

#include "ba_directives.h"
#include "ba_httpd.h"
#include "ba_identity.h"
#include "ba_module.h"
#include "ba_mount.h"
#include "ba_refuse.h"
#include "ba_who.h"

#include <http_log.h>
#include <http_protocol.h>
#include <string.h>

/* A proxy that appends what it is asked for to our path would be answered by another
 * handler after "/..", so whoever does it is to learn that it does not work. */
static int is_mounted_on(const ba_site *site, const char *path)
{
    for (int i = 0; i < site->forwards->nelts; ++i) {
        if (!strcmp(APR_ARRAY_IDX(site->forwards, i, const char *), path)) {
            return 1;
        }
    }
    return 0;
}

/* 200 and no other success: it is the one that all proxies let through. */
static int let_through(request_rec *r, const ba_dir_settings *dir, const ba_call *call)
{
    if (call) {
        ba_identity_answer(r, dir, call->user, call->session);
    }
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    return OK;
}

int ba_forward_handler(request_rec *r)
{
    const ba_dir_settings *dir = ba_directives_dir(r);
    const ba_site *site = ba_httpd_site(r->server);
    const ba_call *call;

    if (!r->handler || strcmp(r->handler, BA_HANDLER_FORWARD)) {
        return DECLINED;
    }
    if (!site) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0166: the handler betterauth-forward needs BetterAuthSecret in this "
                      "server");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (!is_mounted_on(site, r->uri)) {
        return HTTP_NOT_FOUND;
    }
    switch (ba_who(r, &call)) {
    case APR_SUCCESS:
        return let_through(r, dir, call);
    case APR_NOTFOUND:
    case APR_INCOMPLETE:
        /* also where Require lines let in anybody: only pass says that this is meant */
        return dir->unauthenticated == BA_UNAUTHENTICATED_PASS
                   ? let_through(r, dir, NULL)
                   : ba_refuse_stranger(r, dir->unauthenticated);
    default:
        return dir->unauthenticated == BA_UNAUTHENTICATED_PASS
                   ? let_through(r, dir, NULL)
                   : ba_refuse(r, &ba_err_unavailable);
    }
}
