/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_who.h"

#include "ba_httpd.h"
#include "ba_session.h"

#include <http_core.h>
#include <strings.h>

int ba_who_guarded(request_rec *r)
{
    const char *type = ap_auth_type(r);

    return type && !strcasecmp(type, BA_AUTH_TYPE);
}

static apr_status_t ask(request_rec *r, int confirmed, const ba_call **out)
{
    ba_call *call = ba_httpd_request(r)->call;
    /* an answer of the cookie cache sets no cookies */
    int anew = !call->session_asked || (confirmed && call->session_cached);
    apr_status_t rv = confirmed ? ba_session_confirm(call) : ba_session_find(call);

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
