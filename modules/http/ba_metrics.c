/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_metrics.h"

#include "ba_gate.h"
#include "ba_health.h"
#include "ba_httpd.h"
#include "ba_meter_site.h"
#include "ba_routes.h"

#include <apr_strings.h>
#include <apr_time.h>
#include <http_protocol.h>
#include <string.h>

typedef struct family family;

typedef struct page {
    request_rec *r;
    const ba_meter *meter;
    ba_gate_state gate;
    int mails_known;   /* 0: the next two are not */
    int mails;
    ba_time mails_age;
} page;

struct family {
    const char *name;
    const char *type;
    const char *unit; /* the end of the name; NULL: none */
    const char *help;
    void (*write)(const page *p, const family *f);
    int count; /* first of the meter's counters, or a timer */
    const char *label;
    const char *const *values; /* of the label, one for each counter from count on */
};

/* ---- samples */

static void total(const page *p, const family *f, const char *labels, apr_uint64_t n)
{
    ap_rprintf(p->r, "%s_total%s %" APR_UINT64_T_FMT "\n", f->name, labels, n);
}

static void gauge(const page *p, const family *f, apr_int64_t n)
{
    ap_rprintf(p->r, "%s %" APR_INT64_T_FMT "\n", f->name, n);
}

static void counter(const page *p, const family *f)
{
    total(p, f, "", ba_meter_total(p->meter, f->count));
}

static void counters(const page *p, const family *f)
{
    for (int i = 0; f->values[i]; ++i) {
        total(p, f, apr_psprintf(p->r->pool, "{%s=\"%s\"}", f->label, f->values[i]),
              ba_meter_total(p->meter, f->count + i));
    }
}

static const char *seconds(apr_pool_t *pool, apr_uint64_t us)
{
    return apr_psprintf(pool, "%" APR_UINT64_T_FMT ".%06d", us / 1000000, (int)(us % 1000000));
}

/* An upper bound as OpenMetrics writes numbers: no zero at the end but the first. */
static const char *bound(apr_pool_t *pool, int bucket)
{
    char *text, *end;

    if (bucket == BA_METER_BUCKETS - 1) {
        return "+Inf";
    }
    text = apr_pstrdup(pool, seconds(pool, (apr_uint64_t)ba_meter_bounds[bucket]));
    end = text + strlen(text) - 1;
    while (*end == '0' && end[-1] != '.') {
        *end-- = '\0';
    }
    return text;
}

/* labels: "name=\"value\"" or "". */
static void write_histogram(const page *p, const family *f, int timer, const char *labels)
{
    apr_pool_t *pool = p->r->pool;
    const char *comma = *labels ? "," : "";
    const char *braces = *labels ? apr_pstrcat(pool, "{", labels, "}", NULL) : "";
    ba_histogram h;
    apr_uint64_t n = 0;

    ba_meter_histogram(p->meter, timer, &h);
    for (int i = 0; i < BA_METER_BUCKETS; ++i) {
        n += h.buckets[i];
        ap_rprintf(p->r, "%s_bucket{%s%sle=\"%s\"} %" APR_UINT64_T_FMT "\n", f->name, labels, comma,
                   bound(pool, i), n);
    }
    ap_rprintf(p->r, "%s_count%s %" APR_UINT64_T_FMT "\n", f->name, braces, n);
    ap_rprintf(p->r, "%s_sum%s %s\n", f->name, braces, seconds(pool, h.sum));
}

static void histogram(const page *p, const family *f)
{
    write_histogram(p, f, f->count, "");
}

/* ---- families that are not simply counted */

static void build(const page *p, const family *f)
{
    ap_rprintf(p->r, "%s_info{version=\"" BA_VERSION "\"} 1\n", f->name);
}

static void began(const page *p, const family *f)
{
    apr_uint64_t ms = (apr_uint64_t)ba_meter_began(p->meter);

    ap_rprintf(p->r, "%s %" APR_UINT64_T_FMT ".%03d\n", f->name, ms / 1000, (int)(ms % 1000));
}

static void events(const page *p, const family *f)
{
    for (int i = 0; i < BA_EVENT_COUNT; ++i) {
        total(p, f, apr_psprintf(p->r->pool, "{event=\"%s\"}", ba_events[i].name),
              ba_meter_total(p->meter, BA_COUNT_EVENTS + i));
    }
}

static void failures(const page *p, const family *f)
{
    for (int i = BA_FAILURE_NONE + 1; i < BA_FAILURE_COUNT; ++i) {
        total(p, f, apr_psprintf(p->r->pool, "{reason=\"%s\"}", ba_failures[i]),
              ba_meter_total(p->meter, BA_COUNT_FAILURES + i));
    }
    for (int i = BA_EVENT_SIGN_IN_BANNED; i <= BA_EVENT_ACCOUNT_LOCKED; ++i) {
        static const char *const reasons[] = {"banned", "refused", "unverified", "locked"};

        total(p, f, apr_psprintf(p->r->pool, "{reason=\"%s\"}", reasons[i - BA_EVENT_SIGN_IN_BANNED]),
              ba_meter_total(p->meter, BA_COUNT_EVENTS + i));
    }
}

/* The labels of an endpoint; number BA_METER_ENDPOINTS - 1 is all that is none. NULL:
 * there is no such number. */
static const char *endpoint(const page *p, int number)
{
    const ba_route *route = ba_route_at(number);

    if (number == BA_METER_ENDPOINTS - 1) {
        return "endpoint=\"other\",method=\"other\"";
    }
    return route ? apr_psprintf(p->r->pool, "endpoint=\"%s\",method=\"%s\"", route->path,
                                route->method)
                 : NULL;
}

static void answers(const page *p, const family *f)
{
    for (int i = 0; i < BA_METER_ENDPOINTS; ++i) {
        const char *labels = endpoint(p, i);

        for (int class = 0; labels && class < BA_METER_CLASSES; ++class) {
            total(p, f, apr_psprintf(p->r->pool, "{%s,status=\"%dxx\"}", labels, class + 2),
                  ba_meter_answers(p->meter, i, class));
        }
    }
}

/* Of those alone that have been used: there are many, and each has its buckets. */
static void endpoint_times(const page *p, const family *f)
{
    for (int i = 0; i < BA_METER_ENDPOINTS; ++i) {
        const char *labels = endpoint(p, i);
        apr_uint64_t n = 0;

        for (int class = 0; labels && class < BA_METER_CLASSES; ++class) {
            n += ba_meter_answers(p->meter, i, class);
        }
        if (n) {
            write_histogram(p, f, BA_TIMER_ENDPOINTS + i, labels);
        }
    }
}

static void permits(const page *p, const family *f)
{
    gauge(p, f, p->gate.permits);
}

static void places(const page *p, const family *f)
{
    gauge(p, f, p->gate.queue);
}

static void busy(const page *p, const family *f)
{
    gauge(p, f, p->gate.in_use);
}

static void waiting(const page *p, const family *f)
{
    gauge(p, f, p->gate.waiting);
}

static void not_hashed(const page *p, const family *f)
{
    total(p, f, "{reason=\"queue full\"}", p->gate.refused);
    total(p, f, "{reason=\"waited too long\"}", p->gate.gave_up);
    total(p, f, "{reason=\"client gone\"}", p->gate.gone);
}

static void mails(const page *p, const family *f)
{
    if (p->mails_known) {
        gauge(p, f, p->mails);
    }
}

static void mails_age(const page *p, const family *f)
{
    if (p->mails_known) {
        ap_rprintf(p->r, "%s %" APR_INT64_T_FMT ".%03d\n", f->name, p->mails_age / 1000,
                   (int)(p->mails_age % 1000));
    }
}

/* ---- the table */

static const char *const known_by[] = {"cookie", "cache", "database", "nobody", "failed", NULL};
static const char *const waited[] = {"yielded", "slept", NULL};
static const char *const broken[] = {"connect", "statement", NULL};
static const char *const mailed[] = {"sent", "failed", "given up", NULL};
static const char *const over[] = {"used", "swept", NULL};

static const family families[] = {
    {"betterauth_build", "info", NULL, "Which mod_betterauth this is.", build, 0, NULL, NULL},
    {"betterauth_counting_since_timestamp_seconds", "gauge", "seconds",
     "When these counters began; graceful restarts keep them.", began, 0, NULL, NULL},
    {"betterauth_events", "counter", NULL, "What people did, as the audit log names it.", events, 0,
     NULL, NULL},
    {"betterauth_sign_in_failures", "counter", NULL, "Sign-ins that failed, by reason.", failures, 0,
     NULL, NULL},
    {"betterauth_sessions_started", "counter", NULL, "Sessions that were made.", counter,
     BA_COUNT_SESSION_BEGUN, NULL, NULL},
    {"betterauth_sessions_expired", "counter", NULL,
     "Sessions whose time was over: found so when somebody used them, or swept.", counters,
     BA_COUNT_SESSION_EXPIRED, "found", over},
    {"betterauth_session_lookups", "counter", NULL,
     "Session tokens with a good signature, by who knew whose they are.", counters,
     BA_COUNT_KNOWN_BY_COOKIE, "by", known_by},
    {"betterauth_session_cache_misses", "counter", NULL,
     "Lookups that the session cache of the server was asked for in vain.", counter,
     BA_COUNT_CACHE_MISS, NULL, NULL},
    {"betterauth_session_cache_waits", "counter", NULL,
     "Times that the lock of the session cache was taken, by how it was waited for.", counters,
     BA_COUNT_CACHE_YIELDED, "how", waited},
    {"betterauth_session_lookup_seconds", "histogram", "seconds",
     "How long the database took to say whose session it is, for guard and API.", histogram,
     BA_TIMER_LOOKUP, NULL, NULL},
    {"betterauth_api_answers", "counter", NULL, "Answers of the API and of the pages' forms.",
     answers, 0, NULL, NULL},
    {"betterauth_api_seconds", "histogram", "seconds",
     "How long the endpoints that were used took to answer.", endpoint_times, 0, NULL, NULL},
    {"betterauth_database_wait_seconds", "histogram", "seconds",
     "How long it took to get a connection that answers.", histogram, BA_TIMER_DATABASE_WAIT, NULL,
     NULL},
    {"betterauth_database_errors", "counter", NULL,
     "Questions for which there was no connection, and statements that failed.", counters,
     BA_COUNT_DATABASE_CONNECT, "kind", broken},
    {"betterauth_hash_permits", "gauge", NULL, "How many passwords may be hashed at a time.", permits,
     0, NULL, NULL},
    {"betterauth_hash_busy", "gauge", NULL, "How many passwords are being hashed.", busy, 0, NULL,
     NULL},
    {"betterauth_hash_places", "gauge", NULL, "How many may wait to hash.", places, 0, NULL, NULL},
    {"betterauth_hash_waiting", "gauge", NULL, "How many wait to hash.", waiting, 0, NULL, NULL},
    {"betterauth_hash_refused", "counter", NULL, "Requests that found no place to hash, or whose client has gone while they waited.",
     not_hashed, 0, NULL, NULL},
    {"betterauth_hash_wait_seconds", "histogram", "seconds", "How long it took until it was let hash.",
     histogram, BA_TIMER_HASH_WAIT, NULL, NULL},
    {"betterauth_hash_seconds", "histogram", "seconds", "How long hashing took.", histogram,
     BA_TIMER_HASH, NULL, NULL},
    {"betterauth_mail_queue", "gauge", NULL, "Mails that wait or are on their way.", mails, 0,
     NULL, NULL},
    {"betterauth_mail_oldest_age_seconds", "gauge", "seconds", "Age of the oldest of them.", mails_age,
     0, NULL, NULL},
    {"betterauth_mail_attempts", "counter", NULL,
     "What became of attempts to send a mail; failed ones are repeated.", counters,
     BA_COUNT_MAIL_SENT, "result", mailed},
};

void ba_metrics_write(request_rec *r)
{
    page p = {.r = r, .meter = ba_meter_site()};
    ba_time now = apr_time_as_msec(apr_time_now()), oldest;

    ba_gate_look(ba_health_site()->gate, &p.gate);
    p.mails_known = ba_health_mails(&p.mails, &oldest, r->pool);
    p.mails_age = oldest && oldest < now ? now - oldest : 0;
    for (apr_size_t i = 0; i < sizeof(families) / sizeof(families[0]); ++i) {
        const family *f = &families[i];

        ap_rprintf(r, "# TYPE %s %s\n", f->name, f->type);
        if (f->unit) {
            ap_rprintf(r, "# UNIT %s %s\n", f->name, f->unit);
        }
        ap_rprintf(r, "# HELP %s %s\n", f->name, f->help);
        f->write(&p, f);
    }
    ap_rputs("# EOF\n", r);
}
