/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_meter.h"

#include <apr_atomic.h>

/* Processes that would otherwise write to one cache line. */
#define STRIPES 8

/* The last one of timers and answers is for what has no number. */
typedef struct stripe {
    apr_uint64_t counts[BA_COUNTS];
    apr_uint64_t answers[BA_METER_ENDPOINTS][BA_METER_CLASSES];
    ba_histogram timers[BA_TIMERS];
} __attribute__((aligned(64))) stripe;

typedef struct shared {
    ba_time began;
    stripe stripes[STRIPES];
} shared;

struct ba_meter {
    shared *all;
    stripe *mine;
};

const apr_int64_t ba_meter_bounds[BA_METER_BUCKETS - 1]
    = {500,    1000,   2500,   5000,    10000,   25000,  50000,
       100000, 250000, 500000, 1000000, 2500000, 10000000};

apr_size_t ba_meter_size(void)
{
    return sizeof(shared);
}

ba_meter *ba_meter_create(void *memory, ba_time now, apr_pool_t *pool)
{
    ba_meter *meter = apr_pcalloc(pool, sizeof(*meter));

    meter->all = memory;
    meter->mine = meter->all->stripes;
    if (!meter->all->began) {
        meter->all->began = now;
    }
    return meter;
}

void ba_meter_choose(ba_meter *meter, unsigned process)
{
    meter->mine = &meter->all->stripes[process % STRIPES];
}

void ba_meter_add(ba_meter *meter, int count, apr_uint32_t n)
{
    if (meter) {
        apr_atomic_add64(&meter->mine->counts[count], n);
    }
}

void ba_meter_time(ba_meter *meter, int timer, apr_interval_time_t took)
{
    ba_histogram *h;
    int bucket = 0;

    if (!meter) {
        return;
    }
    /* the clock may have been set back */
    took = took > 0 ? took : 0;
    while (bucket < BA_METER_BUCKETS - 1 && took > ba_meter_bounds[bucket]) {
        ++bucket;
    }
    h = &meter->mine->timers[timer];
    apr_atomic_add64(&h->sum, (apr_uint64_t)took);
    apr_atomic_inc64(&h->buckets[bucket]);
}

void ba_meter_answer(ba_meter *meter, int endpoint, int status, apr_interval_time_t took)
{
    int class = status / 100 - 2;

    if (!meter || class < 0 || class >= BA_METER_CLASSES) {
        return;
    }
    if (endpoint < 0 || endpoint >= BA_METER_ENDPOINTS) {
        endpoint = BA_METER_ENDPOINTS - 1;
    }
    apr_atomic_inc64(&meter->mine->answers[endpoint][class]);
    ba_meter_time(meter, BA_TIMER_ENDPOINTS + endpoint, took);
}

ba_time ba_meter_began(const ba_meter *meter)
{
    return meter->all->began;
}

apr_uint64_t ba_meter_total(const ba_meter *meter, int count)
{
    apr_uint64_t sum = 0;

    for (int i = 0; i < STRIPES; ++i) {
        sum += apr_atomic_read64(&meter->all->stripes[i].counts[count]);
    }
    return sum;
}

void ba_meter_histogram(const ba_meter *meter, int timer, ba_histogram *sum)
{
    *sum = (ba_histogram){{0}, 0};
    for (int i = 0; i < STRIPES; ++i) {
        ba_histogram *h = &meter->all->stripes[i].timers[timer];

        sum->sum += apr_atomic_read64(&h->sum);
        for (int b = 0; b < BA_METER_BUCKETS; ++b) {
            sum->buckets[b] += apr_atomic_read64(&h->buckets[b]);
        }
    }
}

apr_uint64_t ba_meter_answers(const ba_meter *meter, int endpoint, int class)
{
    apr_uint64_t sum = 0;

    for (int i = 0; i < STRIPES; ++i) {
        sum += apr_atomic_read64(&meter->all->stripes[i].answers[endpoint][class]);
    }
    return sum;
}
