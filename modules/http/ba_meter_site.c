/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_meter_site.h"

#include "ba_kept.h"
#include "ba_mac.h"
#include "ba_module.h"
#include "ba_routes.h"

#include <apr_strings.h>
#include <apr_time.h>
#include <http_log.h>
#include <unistd.h>

/* Lives as long as the server, through restarts: counters must not fall. */
#define KEY "mod_betterauth:meter:"

static ba_meter *the_meter;

ba_meter *ba_meter_site(void)
{
    return the_meter;
}

int ba_meter_site_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf, (void)plog, (void)ptemp;
    the_meter = NULL;
    return OK;
}

/* What the numbers mean: another version of this module may come with a restart, while
 * children of the old one still count. */
static const char *key_of(apr_pool_t *pool)
{
    const char *text = apr_itoa(pool, (int)ba_meter_size());
    const ba_route *route;

    for (int i = 0; i < BA_EVENT_COUNT; ++i) {
        text = apr_pstrcat(pool, text, "\n", ba_events[i].name, NULL);
    }
    for (int i = 0; (route = ba_route_at(i)) != NULL; ++i) {
        text = apr_pstrcat(pool, text, "\n", route->method, route->path, NULL);
    }
    return apr_pstrcat(pool, KEY, ba_mac_digest(text, pool), NULL);
}

ba_meter *ba_meter_site_create(server_rec *s, apr_pool_t *pconf)
{
    void *memory;
    int made;
    apr_status_t rv = ba_kept_memory(key_of(pconf), ba_meter_size(), s, &memory, &made);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     "BA0190: cannot create the shared memory to count in; betterauth-status has "
                     "nothing to show");
        return NULL;
    }
    the_meter = ba_meter_create(memory, apr_time_as_msec(apr_time_now()), pconf);
    return the_meter;
}

void ba_meter_site_child_init(apr_pool_t *pchild, server_rec *s)
{
    (void)pchild, (void)s;
    if (the_meter) {
        ba_meter_choose(the_meter, (unsigned)getpid());
    }
}
