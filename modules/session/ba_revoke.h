/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Revocations, told to all processes of a server at once: counters in shared memory that
 * live as long as the server, through restarts. Whoever changes a session or a user
 * commits first and tells then. Two names may share a counter, which costs others a
 * question to the database, no more.
 *
 * To keep an answer of the database: read the sum, ask, read the counters of its session
 * and its user, read the sum again. If that has moved, do not keep the answer; else keep
 * it with its counters, and believe it while they stand. */

#ifndef BA_REVOKE_H
#define BA_REVOKE_H

#include "ba_types.h"

typedef struct ba_revocations ba_revocations;

/* They are in a file of PidFile's name and this, for those who tell from outside. Another
 * number for another layout. */
#define BA_REVOCATIONS_SUFFIX ".betterauth-1"

/* Bytes that ba_revocations_create() needs. */
apr_size_t ba_revocations_size(void);

/* Makes counters in zeroed memory that the processes share, aligned for 32-bit words.
 * What happened before now is taken for revoked, since nobody was told. */
ba_revocations *ba_revocations_create(void *memory, ba_time now);

/* The place of a session token, or of a user's id. */
apr_uint32_t ba_revoke_slot(const char *name);

/* How often somebody has told. */
apr_uint32_t ba_revoke_sum(const ba_revocations *all);

/* What the counter of a place says. */
apr_uint32_t ba_revoke_count(const ba_revocations *all, apr_uint32_t slot);

/* False if that was before there were these counters. */
int ba_revoke_knows(const ba_revocations *all, ba_time when);

/* True if the counter of a place has moved at that time or later, or nobody knows; for
 * answers whose counters are another machine's. Exact to a second, on the safe side. */
int ba_revoke_since(const ba_revocations *all, apr_uint32_t slot, ba_time when);

/* Counts; now is the time of day, since a call may have begun long ago. */
void ba_revoke_tell(ba_revocations *all, apr_uint32_t slot, ba_time now);

#endif
