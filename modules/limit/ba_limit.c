/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_limit.h"

#include "ba_audit.h"
#include "ba_settings.h"
#include "ba_text.h"

#include <apr_atomic.h>
#include <apr_strings.h>
#include <string.h>

/* Wrong passwords in a row before an account is slowed down; what the next try then
 * waits for, doubled by each that fails; and when an account counts as left alone.
 * SP 800-63B has 100 in a row as its limit: that many take more than three days. */
#define FREE_TRIES 10
#define FIRST_DELAY BA_MS(30)
#define LONGEST_DELAY BA_MS(3600)
#define ACCOUNT_LIFE BA_MS(86400)

/* ---- both */

static apr_uint64_t key_of(const ba_call *call, const char *kind, const char *who, const char *what)
{
    const ba_limit *limit = call->limit;

    return ba_counters_key(limit->counters,
                           apr_pstrcat(call->pool, limit->scope, "\n", kind, who, "|", what, NULL));
}

static int hold(ba_call *call, apr_uint64_t key, int make, ba_time *now, ba_counter **counter)
{
    ba_limit *limit = call->limit;
    apr_status_t rv;

    *now = limit->clock();
    rv = ba_counters_hold(limit->counters, key, make, *now, counter);
    if (rv != APR_SUCCESS && !apr_atomic_xchg32(&limit->failed, 1)) {
        ba_call_log(call, BA_LOG_ERROR, rv,
                    "BA0801: cannot count requests; what should be counted is answered with 503");
    }
    return rv == APR_SUCCESS;
}

static int refuse(ba_call *call, ba_time wait)
{
    ba_call_fail(call, &ba_err_too_many);
    call->answer.retry_after = (int)((wait + 999) / 1000);
    return 0;
}

static int unavailable(ba_call *call)
{
    ba_call_fail(call, &ba_err_unavailable);
    return 0;
}

/* ---- requests */

/* Better Auth's own rules; the first that fits takes the place of the default. */
static const struct {
    const char *path;
    int prefix;
    ba_rate rate;
} built_in[] = {
    {"/sign-in", 1, {10, 3}},
    {"/sign-up", 1, {10, 3}},
    {"/change-password", 1, {10, 3}},
    {"/change-email", 1, {10, 3}},
    {"/request-password-reset", 0, {60, 3}},
    {"/send-verification-email", 0, {60, 3}},
    {"/forget-password", 1, {60, 3}},
};

static ba_rate rate_of(const ba_settings *settings, const char *endpoint)
{
    const apr_array_header_t *rules = settings->rate_rules;

    for (int i = 0; rules && i < rules->nelts; ++i) {
        const ba_rate_rule *rule = &APR_ARRAY_IDX(rules, i, ba_rate_rule);

        if (ba_text_glob(rule->path, endpoint)) {
            return rule->rate;
        }
    }
    for (apr_size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); ++i) {
        if (built_in[i].prefix ? !strncmp(endpoint, built_in[i].path, strlen(built_in[i].path))
                               : !strcmp(endpoint, built_in[i].path)) {
            return built_in[i].rate;
        }
    }
    return settings->rate_default;
}

/* One request more: 0, or what it has to wait for. Better Auth's algorithm: the window
 * begins anew with every request that is let through (http-api 7.2). */
static ba_time count_request(ba_counter *c, ba_rate rate, ba_time now)
{
    ba_time window = BA_MS(rate.window);

    if (c->count && now - c->last < window && c->count >= rate.max) {
        return c->last + window - now;
    }
    if (now - c->last >= window) {
        c->count = 0;
    }
    ++c->count;
    c->last = now;
    c->life = window;
    c->told = 0;
    return 0;
}

int ba_limit_request(ba_call *call, const char *endpoint)
{
    ba_rate rate;
    apr_uint64_t key;
    ba_counter *c;
    ba_time now, wait;
    int first;

    if (!call->limit) {
        return 1;
    }
    rate = endpoint ? rate_of(call->settings, endpoint) : call->settings->rate_default;
    if (!rate.max) {
        return 1;
    }
    key = key_of(call, "client ", call->client, endpoint ? endpoint : "");
    if (!hold(call, key, 1, &now, &c)) {
        return unavailable(call);
    }
    wait = count_request(c, rate, now);
    first = wait && !c->told;
    c->told |= wait != 0;
    ba_counters_release(call->limit->counters, key);
    if (first) {
        ba_audit(call, BA_EVENT_LIMITED, (ba_fact){.reason = endpoint ? endpoint : "unknown paths"});
    }
    return wait ? refuse(call, wait) : 1;
}

static int client_may_ask(ba_call *call, const char *endpoint)
{
    ba_rate rate = rate_of(call->settings, endpoint);
    ba_time now, wait = 0;
    apr_uint64_t key;
    ba_counter *c;

    if (!rate.max) {
        return 1;
    }
    key = key_of(call, "client ", call->client, endpoint);
    if (!hold(call, key, 0, &now, &c)) {
        return unavailable(call);
    }
    if (c && c->count >= rate.max && now - c->last < BA_MS(rate.window)) {
        wait = c->last + BA_MS(rate.window) - now;
    }
    ba_counters_release(call->limit->counters, key);
    return wait ? refuse(call, wait) : 1;
}

/* ---- accounts */

static ba_time delay_after(apr_uint32_t failures)
{
    apr_uint32_t doublings = failures - FREE_TRIES;

    return doublings < 7 && FIRST_DELAY << doublings < LONGEST_DELAY ? FIRST_DELAY << doublings
                                                                     : LONGEST_DELAY;
}

static int slowed_down(const ba_counter *c)
{
    return c && c->count >= FREE_TRIES;
}

/* What the next try has to wait for; *first: nobody has been told. */
static ba_time left_to_wait(ba_counter *c, ba_time now, int *first)
{
    ba_time delay;

    *first = 0;
    if (!slowed_down(c)) {
        return 0;
    }
    delay = delay_after(c->count);
    if (now - c->last >= delay) {
        return 0;
    }
    *first = !c->told;
    c->told = 1;
    return c->last + delay - now;
}

static apr_uint64_t account_key(const ba_call *call, const char *address)
{
    return key_of(call, "account ", address, "");
}

static int refuse_account(ba_call *call, const char *user_id, ba_time wait, int first)
{
    if (first) {
        ba_audit(call, BA_EVENT_ACCOUNT_LOCKED,
                 (ba_fact){.user = user_id,
                           .reason = apr_psprintf(call->pool, "%" APR_INT64_T_FMT " seconds to wait",
                                                  (wait + 999) / 1000)});
    }
    return refuse(call, wait);
}

int ba_limit_allows(ba_call *call, const ba_try *attempt)
{
    ba_time now, wait;
    apr_uint64_t key;
    ba_counter *c;
    int first;

    if (!call->limit) {
        return 1;
    }
    if (!client_may_ask(call, attempt->endpoint)) {
        return 0;
    }
    key = account_key(call, attempt->address);
    if (!hold(call, key, 0, &now, &c)) {
        return unavailable(call);
    }
    wait = left_to_wait(c, now, &first);
    ba_counters_release(call->limit->counters, key);
    return wait ? refuse_account(call, attempt->user_id, wait, first) : 1;
}

/* Once slow, there is one try for each delay: it is taken here, so that many at the
 * same time are not all compared. */
int ba_limit_try(ba_call *call, ba_try *attempt)
{
    ba_time now, wait;
    ba_counter *c;
    int first;

    if (!call->limit) {
        return 1;
    }
    attempt->key = account_key(call, attempt->address);
    attempt->taken = 0;
    if (!hold(call, attempt->key, 0, &now, &c)) {
        return unavailable(call);
    }
    wait = left_to_wait(c, now, &first);
    if (!wait && slowed_down(c)) {
        c->last = attempt->taken = now;
    }
    ba_counters_release(call->limit->counters, attempt->key);
    return wait ? refuse_account(call, attempt->user_id, wait, first) : 1;
}

void ba_limit_give_back(ba_call *call, const ba_try *attempt)
{
    ba_counter *c;
    ba_time now;

    if (!call->limit || !hold(call, attempt->key, 0, &now, &c)) {
        return;
    }
    if (slowed_down(c) && c->last == attempt->taken) {
        c->last = now - delay_after(c->count);
    }
    ba_counters_release(call->limit->counters, attempt->key);
}

static void count_try(ba_counter *c, int right, ba_time now)
{
    if (right) {
        c->key = 0;
        return;
    }
    ++c->count;
    c->last = now;
    c->life = ACCOUNT_LIFE;
    c->told = 0;
}

/* Nothing has been reserved for a try among the first: many with the right password may
 * come at once. Instead its result is worth nothing if others have failed meanwhile. The
 * client goes first: a result that it does not get must not set the account back. */
int ba_limit_tried(ba_call *call, const ba_try *attempt, int right)
{
    ba_time now, wait = 0;
    ba_counter *c;
    int first;

    if (!call->limit) {
        return 1;
    }
    if (attempt->endpoint
        && !(right ? client_may_ask(call, attempt->endpoint)
                   : ba_limit_request(call, attempt->endpoint))) {
        ba_limit_give_back(call, attempt);
        return 0;
    }
    if (!hold(call, attempt->key, !right, &now, &c)) {
        return unavailable(call);
    }
    if (c && c->last != attempt->taken) {
        wait = left_to_wait(c, now, &first);
    }
    if (c && !wait) {
        count_try(c, right, now);
    }
    ba_counters_release(call->limit->counters, attempt->key);
    return wait ? refuse_account(call, attempt->user_id, wait, first) : 1;
}

void ba_limit_clear(ba_call *call, const char *address)
{
    apr_uint64_t key;
    ba_counter *c;
    ba_time now;

    if (!call->limit) {
        return;
    }
    key = account_key(call, address);
    if (!hold(call, key, 0, &now, &c)) {
        return;
    }
    if (c) {
        c->key = 0;
    }
    ba_counters_release(call->limit->counters, key);
}
