/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_gate_site.h"

#include "ba_gate.h"
#include "ba_module.h"

#include <http_core.h>
#include <http_log.h>
#include <unistd.h>
#include <unixd.h>

/* Lives as long as the server, through restarts: two generations of children must not
 * hash with a gate each. A new number for each new layout of ba_gate. */
#define KEY "mod_betterauth:gate:2"

static apr_status_t discard(void *gate)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_EXITING) {
        ba_gate_destroy(gate);
    }
    return APR_SUCCESS;
}

static void say(server_rec *s, ba_gate *gate)
{
    ba_gate_state state;

    ba_gate_look(gate, &state);
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, s,
                 "BA0107: %d passwords are hashed at a time, %d wait: semaphore %d of ipcs -s",
                 state.permits, state.queue, state.semaphore);
}

struct ba_gate *ba_gate_site(server_rec *s, const ba_range *concurrency, apr_pool_t *pconf)
{
    ba_gate **kept = ap_retained_data_get(KEY);
    /* only root can hand it over, and only then it is needed */
    uid_t owner = geteuid() == 0 ? ap_unixd_config.user_id : (uid_t)-1;
    int permits = (int)concurrency->min, waiters = (int)concurrency->max;
    apr_status_t rv;

    if (!kept) {
        kept = ap_retained_data_create(KEY, sizeof(*kept));
    }
    rv = *kept ? ba_gate_resize(*kept, permits, waiters, owner)
               : ba_gate_create(permits, waiters, owner, kept, s->process->pool);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                     "BA0101: cannot create the semaphore of BetterAuthHashConcurrency; see "
                     "kernel.sem and ipcs -s");
        return NULL;
    }
    say(s, *kept);
    /* not in the process pool: our code is unloaded before that one goes */
    apr_pool_cleanup_register(pconf, *kept, discard, apr_pool_cleanup_null);
    return *kept;
}
