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

apr_status_t ba_who(request_rec *r, const ba_call **out)
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
