/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* How often a client may ask (http-api 7), and how often a password may be guessed
 * (security.md TH-7). Exact over all processes. Where a function says no, it has
 * answered the call: 429 with the time to wait, or 503 when counting failed. */

#ifndef BA_LIMIT_H
#define BA_LIMIT_H

#include "ba_call.h"
#include "ba_counters.h"

/* What a site counts with; call->limit. NULL there: nothing is limited. */
typedef struct ba_limit {
    ba_counters *counters;
    ba_time (*clock)(void); /* a call's own time may be old: its body can come slowly */
    const char *scope;      /* sites of one scope count together; never shown */
    apr_uint32_t failed;    /* in this process, counting has failed: it is logged once */
} ba_limit;

/* Counts one request of call->client. endpoint: its path as the routes write it, so
 * that spellings do not multiply, NULL for all that are none. 1: go on. */
int ba_limit_request(ba_call *call, const char *endpoint);

/* One password on its way to be compared. */
typedef struct ba_try {
    /* by the caller */
    const char *address;  /* the account's, lower case, whether it exists or not */
    const char *user_id;  /* for the log, NULL for nobody */
    const char *endpoint; /* a wrong one counts as a request of the client to it; NULL: the
                             request has been counted */
    /* by ba_limit_try() */
    apr_uint64_t key;
    ba_time taken; /* when it took the only try of a delay, else 0 */
} ba_try;

/* Before anything is asked for it: would one more be too many, of this client (endpoint is
 * needed) or for this account? Counts nothing. */
int ba_limit_allows(ba_call *call, const ba_try *attempt);

/* Asks before a password is compared. 1: compare it, then call one of the next two. */
int ba_limit_try(ba_call *call, ba_try *attempt);

/* Counts what came of it, and says whether the client may hear it. Many may have been
 * compared at the same time; however many, no more than the limits allow get a result. 0:
 * this one comes too late, and nothing may show whether it was right. */
int ba_limit_tried(ba_call *call, const ba_try *attempt, int right);

/* It could not be compared, and was no try. */
void ba_limit_give_back(ba_call *call, const ba_try *attempt);

/* Whoever could set a new password need not wait for what others have tried. */
void ba_limit_clear(ba_call *call, const char *address);

#endif
