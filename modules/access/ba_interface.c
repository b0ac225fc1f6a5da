/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_interface.h"

#include "ba_httpd.h"
#include "ba_who.h"

#include <mod_betterauth.h>

static const betterauth_user *told(const ba_call *call)
{
    const ba_user *user = call->user;
    const ba_session *session = call->session;
    betterauth_user *out = apr_pcalloc(call->pool, sizeof(*out));

    out->version = BETTERAUTH_INTERFACE;
    out->id = user->id;
    out->email = user->email;
    out->name = user->name;
    out->image = user->image;
    out->email_verified = user->email_verified;
    out->created = apr_time_from_msec(user->created_at);
    out->session_id = session->id;
    out->session_created = apr_time_from_msec(session->created_at);
    out->session_expires = apr_time_from_msec(session->expires_at);
    return out;
}

static betterauth_answer answer(request_rec *r, const betterauth_user **user,
                                apr_status_t (*ask)(request_rec *, const ba_call **))
{
    const ba_call *call;

    *user = NULL;
    if (!ba_httpd_site(r->server)) {
        return BETTERAUTH_NOBODY;
    }
    switch (ask(r, &call)) {
    case APR_SUCCESS:
        *user = told(call);
        return BETTERAUTH_SOMEBODY;
    case APR_NOTFOUND:
    case APR_INCOMPLETE:
        return BETTERAUTH_NOBODY;
    default:
        return BETTERAUTH_UNKNOWN;
    }
}

static betterauth_answer betterauth_who(request_rec *r, const betterauth_user **user)
{
    return answer(r, user, ba_who);
}

static betterauth_answer betterauth_who_confirmed(request_rec *r, const betterauth_user **user)
{
    return answer(r, user, ba_who_confirmed);
}

void ba_interface_register(void)
{
    APR_REGISTER_OPTIONAL_FN(betterauth_who);
    APR_REGISTER_OPTIONAL_FN(betterauth_who_confirmed);
}
