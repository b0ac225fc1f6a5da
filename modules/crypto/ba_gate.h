/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Bounds the number of password hashes at a time over all processes of the
 * server, so that a storm of sign-ins exhausts neither memory nor cores.
 * A System V semaphore: first come first served, its waiters are counted by
 * the kernel, and SEM_UNDO gives a permit back when its holder is killed. */

#ifndef BA_GATE_H
#define BA_GATE_H

#include "ba_types.h"

#include <sys/types.h>

typedef struct ba_gate ba_gate;

/* Proof of entry; pass it to ba_gate_leave(). */
typedef enum { BA_PERMIT_NONE, BA_PERMIT_SHARED, BA_PERMIT_LOCAL } ba_permit;

/* Makes a gate of `permits` places with at most `waiters` queueing, in the
 * process that will fork the others. owner: the user the others run as,
 * (uid_t)-1 for the same. The kernel keeps the semaphore until
 * ba_gate_destroy(), not the pool: no clean-up can be registered in a pool that
 * outlives the code of a module. */
apr_status_t ba_gate_create(int permits, int waiters, uid_t owner, ba_gate **gate,
                            apr_pool_t *pool);

/* Removes the semaphore, in the process that made it; does nothing in others. */
void ba_gate_destroy(ba_gate *gate);

/* Waits for a permit. APR_EAGAIN: the queue is full; APR_TIMEUP: waited
 * timeout_ms. If the semaphore has been removed from outside, the gate goes on
 * within this process alone and *lost is set to 1 once, for one log line. */
apr_status_t ba_gate_enter(ba_gate *gate, int timeout_ms, ba_permit *permit, int *lost);

void ba_gate_leave(ba_gate *gate, ba_permit permit);

/* How many hash and how many wait just now, as far as the kernel knows: in the moment a
 * waiter is let in it is neither. */
void ba_gate_load(const ba_gate *gate, int *busy, int *waiting);

int ba_gate_permits(const ba_gate *gate);
int ba_gate_waiters(const ba_gate *gate);

#endif
