/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_revoke_site.h"

#include "ba_kept.h"
#include "ba_module.h"
#include "ba_revoke.h"
#include "ba_revoke_store.h"
#include "ba_session_cache.h"
#include "ba_store.h"

#include <apr_strings.h>
#include <apr_time.h>
#include <http_config.h>
#include <http_log.h>
#include <mpm_common.h>

/* Lives as long as the server, through restarts: no generation of children may miss what
 * another has revoked. A new number for each new layout of ba_revocations. */
#define KEY "mod_betterauth:revocations:1"

static ba_revocations *the_revocations;

static ba_time clock_now(void)
{
    return apr_time_as_msec(apr_time_now());
}

const char *ba_revoke_site_file(apr_pool_t *pool)
{
    const char *pid = ap_runtime_dir_relative(pool, ap_pid_fname);

    /* beside the one file that is each server's own */
    return pid ? apr_pstrcat(pool, pid, BA_REVOCATIONS_SUFFIX, NULL) : NULL;
}

/* A file, so that betterauthctl can tell us. */
static apr_status_t get_memory(server_rec *s, void **memory, int *made, apr_pool_t *pconf)
{
    const char *path = ba_revoke_site_file(pconf);
    apr_status_t rv = path ? ba_kept_file(KEY, path, ba_revocations_size(), memory, made)
                           : APR_ENOENT;

    if (rv == APR_SUCCESS) {
        ba_kept_file_ends(path, pconf);
        return rv;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s,
                 "BA0157: cannot create %s: what betterauthctl revokes is believed for the "
                 "lifetime of BetterAuthSessionCache",
                 path ? path : "a file beside PidFile");
    return ba_kept_memory(KEY, ba_revocations_size(), s, memory, made);
}

ba_revocations *ba_revoke_site_create(server_rec *s, apr_pool_t *pconf)
{
    void *memory;
    int made;
    apr_status_t rv = get_memory(s, &memory, &made, pconf);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                     "BA0150: cannot create the shared memory that tells of revocations");
        return NULL;
    }
    the_revocations = made ? ba_revocations_create(memory, clock_now()) : memory;
    return the_revocations;
}

static void revoke_user(void *baton, const char *user_id, apr_pool_t *pool)
{
    const ba_session_cache *of_site = baton;

    ba_revoke_tell(the_revocations, ba_revoke_slot(user_id), clock_now());
    if (of_site) {
        ba_session_cache_mark(of_site, user_id, pool);
    }
}

static void revoke_session(void *baton, const char *token, const char *user_id, apr_pool_t *pool)
{
    const ba_session_cache *of_site = baton;

    ba_revoke_tell(the_revocations, ba_revoke_slot(token), clock_now());
    if (of_site && user_id) {
        ba_session_cache_mark(of_site, user_id, pool);
    }
}

void ba_revoke_site_join(ba_store *store, const ba_session_cache *cache, apr_pool_t *pconf)
{
    ba_revoker *revoker = apr_pcalloc(pconf, sizeof(*revoker));

    revoker->session = revoke_session;
    revoker->user = revoke_user;
    revoker->baton = (void *)(apr_uintptr_t)cache;
    revoker->wants_user = cache && cache->shared;
    ba_revoke_store(store, revoker, pconf);
}
