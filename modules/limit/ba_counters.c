/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_counters.h"

#include "ba_random.h"

#include <apr_siphash.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

/* 131072 counters in 4 MB; upstream keeps 100000. Powers of two. */
#define BUCKETS 16384
#define STRIPES 64

/* Four cache lines. A key has its place in one bucket only. */
typedef struct bucket {
    ba_counter counters[8];
} bucket;

/* One lock for every 64th bucket: processes seldom meet. */
typedef struct stripe {
    pthread_mutex_t mutex;
} __attribute__((aligned(BA_COUNTERS_ALIGN))) stripe;

struct ba_counters {
    unsigned char secret[APR_SIPHASH_KSIZE];
    stripe stripes[STRIPES];
    bucket buckets[BUCKETS] __attribute__((aligned(BA_COUNTERS_ALIGN)));
};

apr_size_t ba_counters_size(void)
{
    return sizeof(ba_counters);
}

apr_status_t ba_counters_create(void *memory, ba_counters **out)
{
    ba_counters *counters = memory;
    pthread_mutexattr_t attr;
    int rc = pthread_mutexattr_init(&attr);

    if (rc) {
        return rc;
    }
    rc = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    if (!rc) {
        rc = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    }
    for (int i = 0; i < STRIPES && !rc; ++i) {
        rc = pthread_mutex_init(&counters->stripes[i].mutex, &attr);
    }
    pthread_mutexattr_destroy(&attr);
    if (rc) {
        return rc;
    }
    *out = counters;
    return ba_random_bytes(counters->secret, sizeof(counters->secret));
}

apr_uint64_t ba_counters_key(const ba_counters *counters, const char *name)
{
    apr_uint64_t key = apr_siphash24(name, strlen(name), counters->secret);

    return key ? key : 1;
}

static pthread_mutex_t *mutex_of(ba_counters *counters, apr_uint64_t key)
{
    return &counters->stripes[key % STRIPES].mutex;
}

/* The counter of the key, else the one to give up: a free one, or the one that would
 * be forgotten first. */
static ba_counter *place_of(bucket *b, apr_uint64_t key)
{
    ba_counter *first = &b->counters[0];

    for (apr_size_t i = 0; i < sizeof(b->counters) / sizeof(b->counters[0]); ++i) {
        ba_counter *c = &b->counters[i];

        if (c->key == key) {
            return c;
        }
        if (first->key && (!c->key || c->last + c->life < first->last + first->life)) {
            first = c;
        }
    }
    return first;
}

apr_status_t ba_counters_hold(ba_counters *counters, apr_uint64_t key, int make, ba_time now,
                              ba_counter **counter)
{
    pthread_mutex_t *mutex = mutex_of(counters, key);
    int rc = pthread_mutex_lock(mutex);
    ba_counter *c;

    if (rc == EOWNERDEAD) {
        /* at worst the dead left one counter with numbers of before and after: any
         * numbers are valid, and pass */
        rc = pthread_mutex_consistent(mutex);
    }
    if (rc) {
        return rc;
    }
    c = place_of(&counters->buckets[key % BUCKETS], key);
    if (c->key != key) {
        if (!make) {
            c = NULL;
        }
        else {
            memset(c, 0, sizeof(*c));
            c->key = key;
            c->last = now;
        }
    }
    if (c && c->last > now) {
        c->last = now;
    }
    if (c && now - c->last >= c->life) {
        c->count = 0;
    }
    *counter = c;
    return APR_SUCCESS;
}

void ba_counters_release(ba_counters *counters, apr_uint64_t key)
{
    pthread_mutex_unlock(mutex_of(counters, key));
}
