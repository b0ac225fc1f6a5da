/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_call.h"

#include <apr_strings.h>
#include <stdarg.h>

ba_call *ba_call_create(ba_time now, apr_pool_t *pool)
{
    ba_call *call = apr_pcalloc(pool, sizeof(*call));

    call->pool = pool;
    call->now = now;
    call->client = "";
    call->needs_refresh = -1;
    call->answer.cookies = apr_table_make(pool, 4);
    return call;
}

const char *ba_call_header(const ba_call *call, const char *name)
{
    return call->ops->header(call, name);
}

void ba_call_fail_with(ba_call *call, const ba_error *error, const char *message)
{
    ba_answer *a = &call->answer;

    a->status = error->status;
    a->error = error;
    a->message = message;
    a->body = a->type = a->location = NULL;
    a->retry_after = error->status == 503 ? BA_RETRY_AFTER : 0;
}

void ba_call_fail(ba_call *call, const ba_error *error)
{
    ba_call_fail_with(call, error, error->message);
}

void ba_call_ok(ba_call *call, const char *json)
{
    if (!json) {
        ba_call_fail(call, &ba_err_internal);
        return;
    }
    call->answer.status = 200;
    call->answer.error = NULL;
    call->answer.type = "application/json";
    call->answer.body = json;
}

void ba_call_set_cookie(ba_call *call, const char *name, const char *line)
{
    apr_table_unset(call->answer.cookies, name);
    apr_table_setn(call->answer.cookies, name, line);
}

void ba_call_add_header(ba_call *call, const char *name, const char *value)
{
    if (!call->answer.headers) {
        call->answer.headers = apr_table_make(call->pool, 2);
    }
    apr_table_mergen(call->answer.headers, name, value);
}

void ba_call_log(const ba_call *call, ba_log_level level, apr_status_t rv, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    call->ops->log(call, level, rv, apr_pvsprintf(call->pool, format, args));
    va_end(args);
}
