/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Bounds the number of password hashes at a time over all processes of the
 * server, so that a storm of sign-ins exhausts neither memory nor cores.
 *
 * A System V semaphore: the kernel hands a permit that is given back to whoever
 * has waited longest, in whatever process, so nobody starves and nobody who
 * comes later passes; it counts the waiters; and SEM_UNDO gives a permit back when
 * its holder is killed. What the kernel counts cannot leak, so only totals are
 * counted here, in memory that all processes share. */

#ifndef BA_GATE_H
#define BA_GATE_H

#include "ba_types.h"

#include <sys/types.h>

typedef struct ba_gate ba_gate;

/* Proof of entry; pass it to ba_gate_leave() or ba_gate_abandon(), once. */
typedef struct ba_permit {
    enum { BA_PERMIT_NONE, BA_PERMIT_SHARED, BA_PERMIT_LOCAL } kind;
    int waited;           /* there was no permit at once */
    apr_uint64_t since;   /* microseconds of a clock that never steps: when it was got */
    apr_uint64_t wait_us; /* how long that took, in microseconds */
} ba_permit;

/* What a gate is doing, and what it has done since the server was started, restarts
 * included. A hash that died with its process is among `entered`, not among `hashed`. */
typedef struct ba_gate_state {
    int semaphore; /* its number, as ipcs -s has it */
    int permits; /* hashes at a time */
    int in_use;  /* of them; more than there are while a smaller number is being reached */
    int queue;   /* how many may wait */
    int waiting; /* how many do */
    int lost;    /* the semaphore has been removed from outside: the counts above are of
                    this process alone */

    apr_uint64_t entered; /* got a permit */
    apr_uint64_t waited;  /* had to wait for one, whether they got it or not */
    apr_uint64_t refused; /* found the queue full */
    apr_uint64_t gave_up; /* waited in vain until their time was over */
    apr_uint64_t gone;    /* got one, but nobody wanted the hash any more */
    apr_uint64_t hashed;  /* came to their end */
    apr_uint64_t wait_us; /* microseconds in the queue, of all that waited */
    apr_uint64_t hash_us; /* microseconds with a permit, of all that hashed */
} ba_gate_state;

/* Makes a gate of `permits` places with at most `waiters` queueing (one or two more
 * where several come at the same instant), in the process that will fork the others.
 * owner: the user the others run as, (uid_t)-1 for the same. The kernel keeps the
 * semaphore until ba_gate_destroy(), not the pool: no clean-up can be registered in a
 * pool that outlives the code of a module. */
apr_status_t ba_gate_create(int permits, int waiters, uid_t owner, ba_gate **gate,
                            apr_pool_t *pool);

/* Gives a gate other numbers, in the process that made it, for all processes: those of
 * today and those forked from now on. Fewer permits are reached as hashes end, so at no
 * time are there both the old and the new ones. If the semaphore has been removed from
 * outside, makes a new one for those forked from now on; only that can fail. */
apr_status_t ba_gate_resize(ba_gate *gate, int permits, int waiters, uid_t owner);

/* Removes the semaphore, in the process that made it; does nothing in others. */
void ba_gate_destroy(ba_gate *gate);

/* Waits for a permit. APR_EAGAIN: the queue is full; APR_TIMEUP: waited
 * timeout_ms. If the semaphore has been removed from outside, the gate goes on
 * within this process alone, with the same numbers but not as fair, and *lost is set to
 * 1 once, for one log line. */
apr_status_t ba_gate_enter(ba_gate *gate, int timeout_ms, ba_permit *permit, int *lost);

/* Gives the permit back after a hash; for how many microseconds it was held. */
apr_uint64_t ba_gate_leave(ba_gate *gate, ba_permit *permit);

/* The same without one: it was no longer wanted. */
void ba_gate_abandon(ba_gate *gate, ba_permit *permit);

/* Looks, without a lock: the numbers are of about the same time. Any process may. */
void ba_gate_look(ba_gate *gate, ba_gate_state *state);

#endif
