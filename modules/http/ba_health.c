/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_health.h"

#include "ba_check.h"
#include "ba_httpd.h"
#include "ba_store_health.h"

#include <http_main.h>

/* The first server that names the database of s. */
static int is_first(server_rec *s)
{
    const ba_dbd_source *source = ba_check_database(s);

    for (server_rec *earlier = ap_server_conf; earlier != s; earlier = earlier->next) {
        const ba_dbd_source *other = ba_check_database(earlier);

        if (ba_httpd_site(earlier) && other->driver && ba_dbd_same_source(other, source)) {
            return 0;
        }
    }
    return 1;
}

const char *ba_health_problem(apr_pool_t *pool)
{
    if (!ba_health_site()) {
        return "no site is configured";
    }
    for (server_rec *s = ap_server_conf; s; s = s->next) {
        const ba_site *site = ba_httpd_site(s);

        /* not once for each database: others may have own columns in it */
        switch (site ? ba_store_ready(site->db, pool) : APR_SUCCESS) {
        case APR_SUCCESS:
            break;
        case APR_INCOMPLETE:
            return "the tables are not as expected";
        default:
            return "the database does not answer";
        }
    }
    return NULL;
}

int ba_health_mails(int *count, ba_time *oldest, apr_pool_t *pool)
{
    *count = 0;
    *oldest = 0;
    for (server_rec *s = ap_server_conf; s; s = s->next) {
        const ba_site *site = ba_httpd_site(s);
        ba_time when = 0;
        int n = 0;

        if (!site || !ba_check_database(s)->driver || !is_first(s)) {
            continue;
        }
        if (ba_store_mail_queue(site->db, &n, &when, pool) != APR_SUCCESS) {
            return 0;
        }
        *count += n;
        *oldest = when && (!*oldest || when < *oldest) ? when : *oldest;
    }
    return 1;
}

const ba_site *ba_health_site(void)
{
    const ba_site *site = NULL;

    for (server_rec *s = ap_server_conf; s && !site; s = s->next) {
        site = ba_httpd_site(s);
    }
    return site;
}
