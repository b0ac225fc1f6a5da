/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_limit_site.h"

#include "ba_kept.h"
#include "ba_limit.h"
#include "ba_module.h"
#include "ba_routes.h"

#include <apr_strings.h>
#include <http_log.h>

/* Lives as long as the server, through restarts: two generations of children must not
 * count apart, nor an attacker be forgotten. A new number for each new layout of
 * ba_counters: an old generation may still run the old code. */
#define KEY "mod_betterauth:counters:1"

void ba_limit_site_check(const apr_array_header_t *rules)
{
    for (int i = 0; rules && i < rules->nelts; ++i) {
        const char *path = APR_ARRAY_IDX(rules, i, ba_rate_rule).path;

        if (!ba_route_fits(path)) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, NULL,
                         "BA0121: BetterAuthRateLimitRule %s fits no endpoint: write its path below "
                         "BetterAuthBasePath, such as /sign-in/email or /sign-in/*",
                         path);
        }
    }
}

/* The one table of the whole server. */
static ba_counters *counters_of(server_rec *s)
{
    ba_counters *counters;
    void *memory;
    int made;
    apr_status_t rv = ba_kept_memory(KEY, ba_counters_size(), s, &memory, &made);

    if (rv == APR_SUCCESS && made) {
        rv = ba_counters_create(memory, &counters);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                     "BA0804: cannot create the shared memory of BetterAuthRateLimit");
        return NULL;
    }
    return memory;
}

static ba_time now(void)
{
    return apr_time_as_msec(apr_time_now());
}

int ba_limit_site_create(server_rec *s, const ba_settings *settings, const ba_dbd_source *source,
                         ba_limit **limit, apr_pool_t *pconf)
{
    ba_counters *counters = settings->rate_limit ? counters_of(s) : NULL;

    *limit = NULL;
    if (!counters) {
        return settings->rate_limit ? HTTP_INTERNAL_SERVER_ERROR : OK;
    }
    *limit = apr_pcalloc(pconf, sizeof(**limit));
    (*limit)->counters = counters;
    (*limit)->clock = now;
    /* sites that ask the same database have the same accounts, so they count together */
    (*limit)->scope = apr_pstrcat(pconf, source->driver ? source->driver : "", "\n",
                                  source->params ? source->params : "", NULL);
    return OK;
}
