/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_cache_ask.h"

#include "ba_meter_site.h"
#include "ba_module.h"
#include "ba_steady.h"

#include <apr_thread_proc.h>
#include <apr_time.h>
#include <http_log.h>

/* How often a thread lets others run before it sleeps for the mutex. */
#define YIELDS 100

/* The mutex is held for half a microsecond. Who sleeps for it gets it handed over, and all
 * the others then queue up behind a thread that is not running yet: at full load that were
 * two system calls for each request. So nobody sleeps, unless the holder does. */
static apr_status_t lock(apr_global_mutex_t *mutex)
{
    apr_status_t rv = apr_global_mutex_trylock(mutex);
    int waits = APR_STATUS_IS_EBUSY(rv);

    for (int i = 0; i < YIELDS && APR_STATUS_IS_EBUSY(rv); ++i) {
        apr_thread_yield();
        rv = apr_global_mutex_trylock(mutex);
    }
    if (waits) {
        ba_meter_add(ba_meter_site(),
                     APR_STATUS_IS_EBUSY(rv) ? BA_COUNT_CACHE_SLEPT : BA_COUNT_CACHE_YIELDED, 1);
    }
    return APR_STATUS_IS_EBUSY(rv) ? apr_global_mutex_lock(mutex) : rv;
}

static void tell(const ba_cache_ask *c, ba_patience_news news)
{
    if (news == BA_PATIENCE_LOST) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, c->server,
                     "BA0158: the session cache does not answer; doing without it until it is back");
    }
    else if (news == BA_PATIENCE_BACK) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, c->server,
                     "BA0159: the session cache is back");
    }
}

int ba_cache_ask_hold(ba_cache_ask *c, ba_time *since)
{
    ba_patience_news news;
    apr_status_t rv;

    if (!c->mutex) {
        int asks;

        *since = ba_steady_ms();
        asks = ba_patience_enter(&c->patience, *since, &news);
        tell(c, news);
        return asks;
    }
    rv = lock(c->mutex);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, c->server,
                     "BA0154: cannot lock the session cache");
    }
    return rv == APR_SUCCESS;
}

void ba_cache_ask_release(ba_cache_ask *c, ba_time since)
{
    if (c->mutex) {
        apr_global_mutex_unlock(c->mutex);
    }
    else {
        tell(c, ba_patience_leave(&c->patience, since, ba_steady_ms()));
    }
}

static apr_status_t get(void *baton, const unsigned char *key, unsigned char *value,
                        unsigned *len, apr_pool_t *pool)
{
    ba_cache_ask *c = baton;
    ba_time since = 0;
    apr_status_t rv;

    if (!ba_cache_ask_hold(c, &since)) {
        return APR_EGENERAL;
    }
    rv = c->provider->retrieve(c->instance, c->server, key, BA_CACHE_KEY, value, len, pool);
    ba_cache_ask_release(c, since);
    return rv;
}

/* The provider logs what goes wrong. */
static apr_status_t put(void *baton, const unsigned char *key, const unsigned char *value,
                        unsigned len, apr_int64_t seconds, apr_pool_t *pool)
{
    ba_cache_ask *c = baton;
    apr_time_t until = apr_time_now() + apr_time_from_sec(seconds);
    ba_time since = 0;
    apr_status_t rv;

    if (!ba_cache_ask_hold(c, &since)) {
        return APR_EGENERAL;
    }
    rv = c->provider->store(c->instance, c->server, key, BA_CACHE_KEY, until,
                            (unsigned char *)(apr_uintptr_t)value, len, pool);
    ba_cache_ask_release(c, since);
    return rv;
}

const ba_cache_ops ba_cache_ask_ops = {get, put};
