/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_veto.h"

#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <mod_betterauth.h>
#include <string.h>

#define CODE_MAX 64

/* Only within this file; the macro does not say static. */
APR_IMPLEMENT_OPTIONAL_HOOK_RUN_ALL(betterauth, BETTERAUTH, int, betterauth_sign_in,
                                    (request_rec * r, const betterauth_attempt *who,
                                     betterauth_refusal *why),
                                    (r, who, why), OK, DECLINED)

/* It is logged and becomes part of URLs. */
static const char *code_of(const betterauth_refusal *why, apr_pool_t *pool)
{
    apr_size_t len = why->code ? strlen(why->code) : 0;

    for (apr_size_t i = 0; i < len && len <= CODE_MAX; ++i) {
        if (!apr_isupper(why->code[i]) && !apr_isdigit(why->code[i]) && why->code[i] != '_') {
            len = 0;
        }
    }
    return len && len <= CODE_MAX ? apr_pstrdup(pool, why->code) : ba_err_sign_in_refused.code;
}

const ba_error *ba_veto(request_rec *r, const ba_call *call, const ba_user *user, int remember)
{
    const betterauth_attempt who = {
        .version = BETTERAUTH_INTERFACE,
        .endpoint = call->path,
        .user_id = user->id,
        .email = user->email,
        .name = user->name,
        .email_verified = user->email_verified,
        .remember = remember,
    };
    betterauth_refusal why = {.version = BETTERAUTH_INTERFACE};
    apr_size_t len;
    ba_error *error;
    int status = betterauth_run_betterauth_sign_in(r, &who, &why);

    if (status == OK) {
        return NULL;
    }
    if (status == HTTP_SERVICE_UNAVAILABLE) {
        return &ba_err_unavailable;
    }
    error = apr_pmemdup(call->pool, &ba_err_sign_in_refused, sizeof(*error));
    error->code = code_of(&why, call->pool);
    if (why.message) {
        error->message = ba_text_repair_utf8(why.message, strlen(why.message), &len, call->pool);
    }
    return error;
}
