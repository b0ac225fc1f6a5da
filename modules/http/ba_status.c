/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_status.h"

#include "ba_cache_site.h"
#include "ba_gate.h"
#include "ba_health.h"
#include "ba_httpd.h"
#include "ba_meter_site.h"
#include "ba_metrics.h"
#include "ba_module.h"
#include "ba_mount.h"

#include <apr_optional_hooks.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <mod_status.h>
#include <string.h>

/* One line of text; problem NULL: all is well. */
static int say(request_rec *r, const char *good, const char *problem)
{
    const char *text = problem ? apr_pstrcat(r->pool, "not ", good, ": ", problem, "\n", NULL)
                               : apr_pstrcat(r->pool, good, "\n", NULL);

    r->status = problem ? HTTP_SERVICE_UNAVAILABLE : HTTP_OK;
    ap_set_content_type(r, "text/plain; charset=utf-8");
    ap_set_content_length(r, (apr_off_t)strlen(text));
    if (!r->header_only) {
        ap_rputs(text, r);
    }
    return OK;
}

int ba_status_handler(request_rec *r)
{
    const char *last = strrchr(r->uri, '/');

    if (!r->handler || strcmp(r->handler, BA_HANDLER_STATUS)) {
        return DECLINED;
    }
    r->allowed |= AP_METHOD_BIT << M_GET;
    if (r->method_number != M_GET) {
        return HTTP_METHOD_NOT_ALLOWED;
    }
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    if (last && !strcmp(last, "/live")) {
        return say(r, "live", NULL);
    }
    if (last && !strcmp(last, "/ready")) {
        return say(r, "ready", ba_health_problem(r->pool));
    }
    if (!ba_health_site() || !ba_meter_site()) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0193: the handler betterauth-status has nothing to show: no server here "
                      "has BetterAuthSecret");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ap_set_content_type(r, BA_METRICS_TYPE);
    if (!r->header_only) {
        ba_metrics_write(r);
    }
    return OK;
}

/* ---- mod_status */

typedef struct number {
    const char *key; /* of ?auto */
    const char *words;
    int first, last; /* of the meter's counters, which are added up */
} number;

static const number numbers[] = {
    {"SignUps", "sign-ups", BA_COUNT_EVENTS + BA_EVENT_SIGN_UP, BA_COUNT_EVENTS + BA_EVENT_SIGN_UP},
    {"SignIns", "sign-ins", BA_COUNT_EVENTS + BA_EVENT_SIGN_IN, BA_COUNT_EVENTS + BA_EVENT_SIGN_IN},
    {"SignInFailures", "sign-ins that failed", BA_COUNT_EVENTS + BA_EVENT_SIGN_IN_FAILED,
     BA_COUNT_EVENTS + BA_EVENT_ACCOUNT_LOCKED},
    {"Limited", "clients limited", BA_COUNT_EVENTS + BA_EVENT_LIMITED,
     BA_COUNT_EVENTS + BA_EVENT_LIMITED},
    {"SessionsStarted", "sessions started", BA_COUNT_SESSION_BEGUN, BA_COUNT_SESSION_BEGUN},
    {"LookupsCached", "lookups answered by a cache", BA_COUNT_KNOWN_BY_COOKIE,
     BA_COUNT_KNOWN_BY_CACHE},
    {"LookupsDatabase", "lookups answered by the database", BA_COUNT_KNOWN_BY_DATABASE,
     BA_COUNT_KNOWN_BY_DATABASE},
    {"DatabaseErrors", "database errors", BA_COUNT_DATABASE_CONNECT, BA_COUNT_DATABASE_STATEMENT},
    {"MailsSent", "mails sent", BA_COUNT_MAIL_SENT, BA_COUNT_MAIL_SENT},
    {"MailsFailed", "attempts to send a mail that failed", BA_COUNT_MAIL_FAILED,
     BA_COUNT_MAIL_GIVEN_UP},
};

static apr_uint64_t sum(const number *n)
{
    apr_uint64_t all = 0;

    for (int i = n->first; i <= n->last; ++i) {
        all += ba_meter_total(ba_meter_site(), i);
    }
    return all;
}

static void show(request_rec *r, int flags, const char *key, const char *words, apr_uint64_t n)
{
    if (flags & AP_STATUS_SHORT) {
        ap_rprintf(r, "BetterAuth%s: %" APR_UINT64_T_FMT "\n", key, n);
    }
    else if (flags & AP_STATUS_NOTABLE) {
        ap_rprintf(r, "%s: %" APR_UINT64_T_FMT "<br />\n", words, n);
    }
    else {
        ap_rprintf(r, "<tr><td>%s</td><td>%" APR_UINT64_T_FMT "</td></tr>\n", words, n);
    }
}

static int extend_status(request_rec *r, int flags)
{
    const ba_site *site = ba_health_site();
    int table = !(flags & (AP_STATUS_SHORT | AP_STATUS_NOTABLE));
    ba_gate_state gate;

    if (!site || !ba_meter_site()) {
        return DECLINED;
    }
    ba_gate_look(site->gate, &gate);
    if (!(flags & AP_STATUS_SHORT)) {
        ap_rputs("<hr />\n<h2>mod_betterauth</h2>\n", r);
    }
    ap_rputs(table ? "<table>\n" : "", r);
    for (apr_size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); ++i) {
        show(r, flags, numbers[i].key, numbers[i].words, sum(&numbers[i]));
    }
    show(r, flags, "HashRefused", "requests that found no place to hash", gate.refused + gate.gave_up);
    show(r, flags, "HashBusy", "passwords being hashed", (apr_uint64_t)gate.in_use);
    show(r, flags, "HashWaiting", "waiting to hash", (apr_uint64_t)gate.waiting);
    ap_rputs(table ? "</table>\n" : "", r);
    ba_cache_site_status(r, flags);
    return OK;
}

void ba_status_register_hooks(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, extend_status, NULL, NULL, APR_HOOK_MIDDLE);
}
