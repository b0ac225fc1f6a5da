/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* A table of counters in memory that all processes of a server share. Its size never
 * changes: where it is full, the counter that would be forgotten first makes room.
 * Keys are hashed with a secret of the table, so nobody can aim at a place in it.
 * A process that is killed while it holds a counter blocks nobody. */

#ifndef BA_COUNTERS_H
#define BA_COUNTERS_H

#include "ba_types.h"

typedef struct ba_counters ba_counters;

typedef struct ba_counter {
    apr_uint64_t key;  /* 0: free */
    ba_time last;      /* when it was last counted */
    ba_time life;      /* milliseconds from then on until it may be forgotten */
    apr_uint32_t count; /* 0: just made */
    apr_uint32_t told;  /* its holder's: a line has been logged */
} ba_counter;

#define BA_COUNTERS_ALIGN 64

/* Bytes that ba_counters_create() needs. */
apr_size_t ba_counters_size(void);

/* Makes an empty table in zeroed memory that the processes share, aligned as above. */
apr_status_t ba_counters_create(void *memory, ba_counters **counters);

/* The key of a name; never 0. */
apr_uint64_t ba_counters_key(const ba_counters *counters, const char *name);

/* Finds the counter of a key and keeps all others off it until
 * ba_counters_release(). Without `make`, *counter is NULL if there is none. One past
 * its life counts from 0 again. None was last counted after now: a clock that steps
 * back makes nobody wait longer. Anything but APR_SUCCESS: nothing is held. */
apr_status_t ba_counters_hold(ba_counters *counters, apr_uint64_t key, int make, ba_time now,
                              ba_counter **counter);

void ba_counters_release(ba_counters *counters, apr_uint64_t key);

#endif
