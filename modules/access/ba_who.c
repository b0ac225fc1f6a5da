/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_who.h"

#include "ba_httpd.h"
#include "ba_session.h"

#include <http_core.h>
#include <string.h>
#include <strings.h>

/* Note of a request that our Basic provider has let in: the address of its r->user. */
#define GRANTED "betterauth-basic"

int ba_who_guarded(request_rec *r)
{
    const char *type = ap_auth_type(r);

    return type && !strcasecmp(type, BA_AUTH_TYPE);
}

int ba_who_is_basic(request_rec *r)
{
    const char *type = ap_auth_type(r);

    return type && !strcasecmp(type, "Basic");
}

void ba_who_grant_basic(request_rec *r)
{
    apr_table_setn(r->notes, GRANTED, r->user);
}

const ba_call *ba_who_basic(request_rec *r)
{
    const char *granted = NULL;

    /* httpd hands a request's user on by its address, where the configuration is the same */
    for (request_rec *q = r; q && !granted; q = q->main ? q->main : q->prev) {
        granted = apr_table_get(q->notes, GRANTED);
    }
    return granted && granted == r->user && ba_who_is_basic(r) ? ba_httpd_request(r)->basic : NULL;
}

int ba_who_is_proxied(const request_rec *r)
{
    return r->proxyreq == PROXYREQ_REVERSE || (r->handler && !strncmp(r->handler, "proxy:", 6))
           || (r->filename && !strncmp(r->filename, "proxy:", 6));
}

static apr_status_t ask(request_rec *r, int confirmed, const ba_call **out)
{
    const ba_call *basic = ba_who_basic(r);
    ba_call *call = ba_httpd_request(r)->call;
    /* an answer of the cookie cache sets no cookies */
    int anew = !call->session_asked || (confirmed && call->session_cached);
    apr_status_t rv;

    if (basic) {
        *out = basic;
        return APR_SUCCESS;
    }
    rv = confirmed ? ba_session_confirm(call) : ba_session_find(call);
    if (anew) {
        ba_httpd_send_cookies(ba_httpd_first(r), call);
    }
    *out = call;
    return rv;
}

apr_status_t ba_who(request_rec *r, const ba_call **call)
{
    return ask(r, 0, call);
}

apr_status_t ba_who_confirmed(request_rec *r, const ba_call **call)
{
    return ask(r, 1, call);
}
