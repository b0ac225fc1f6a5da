/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_revoke.h"

#include <apr_atomic.h>

#define SLOTS 65536

typedef struct counter {
    apr_uint32_t count;
    apr_uint32_t when; /* of the last one, in seconds since 1970 */
} counter;

struct ba_revocations {
    ba_time began; /* never changes */
    apr_uint32_t sum;
    counter of[SLOTS];
};

apr_size_t ba_revocations_size(void)
{
    return sizeof(ba_revocations);
}

ba_revocations *ba_revocations_create(void *memory, ba_time now)
{
    ba_revocations *all = memory;

    all->began = now;
    return all;
}

/* FNV-1a; its lower bits alone are poor, so both halves count. */
apr_uint32_t ba_revoke_slot(const char *name)
{
    apr_uint32_t hash = 2166136261U;

    for (const unsigned char *p = (const unsigned char *)name; *p; ++p) {
        hash = (hash ^ *p) * 16777619U;
    }
    return (hash ^ (hash >> 16)) % SLOTS;
}

/* apr_atomic_read32 wants what it reads writable. */
static apr_uint32_t read32(const apr_uint32_t *word)
{
    return apr_atomic_read32((apr_uint32_t *)(apr_uintptr_t)word);
}

apr_uint32_t ba_revoke_sum(const ba_revocations *all)
{
    return read32(&all->sum);
}

apr_uint32_t ba_revoke_count(const ba_revocations *all, apr_uint32_t slot)
{
    return read32(&all->of[slot].count);
}

int ba_revoke_knows(const ba_revocations *all, ba_time when)
{
    return when > all->began;
}

int ba_revoke_since(const ba_revocations *all, apr_uint32_t slot, ba_time when)
{
    return when / 1000 <= read32(&all->of[slot].when) || !ba_revoke_knows(all, when);
}

void ba_revoke_tell(ba_revocations *all, apr_uint32_t slot, ba_time now)
{
    apr_uint32_t second = (apr_uint32_t)(now / 1000);

    /* a clock that steps back must not make it earlier */
    if (second > read32(&all->of[slot].when)) {
        apr_atomic_set32(&all->of[slot].when, second);
    }
    /* in this order: whoever sees the new counter sees a new sum */
    apr_atomic_inc32(&all->sum);
    apr_atomic_inc32(&all->of[slot].count);
}
