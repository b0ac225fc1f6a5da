/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What the server counts and times, in memory that all its processes share: atomic adds
 * and nothing else, so that counting can neither wait nor fail. Each process writes to
 * one of a few stripes, and whoever reads adds them up. A meter that is NULL counts
 * nothing. */

#ifndef BA_METER_H
#define BA_METER_H

#include "ba_event.h"
#include "ba_types.h"

#include <apr_time.h>

typedef enum {
    BA_COUNT_EVENTS, /* one for each ba_event, in its order */
    BA_COUNT_FAILURES = BA_COUNT_EVENTS + BA_EVENT_COUNT, /* one for each ba_failure */
    BA_COUNT_SESSION_BEGUN = BA_COUNT_FAILURES + BA_FAILURE_COUNT,
    BA_COUNT_SESSION_EXPIRED, /* found over when somebody used it */
    BA_COUNT_SESSION_SWEPT,   /* deleted after it was over, unused */
    /* who has said who is asking */
    BA_COUNT_KNOWN_BY_COOKIE,
    BA_COUNT_KNOWN_BY_CACHE,
    BA_COUNT_KNOWN_BY_DATABASE,
    BA_COUNT_KNOWN_TO_NOBODY,
    BA_COUNT_KNOWN_FAILED,
    BA_COUNT_CACHE_MISS,
    /* its lock was taken, and then */
    BA_COUNT_CACHE_YIELDED,
    BA_COUNT_CACHE_SLEPT,
    BA_COUNT_DATABASE_CONNECT, /* there was no connection */
    BA_COUNT_DATABASE_STATEMENT,
    BA_COUNT_MAIL_SENT,
    BA_COUNT_MAIL_FAILED, /* will be tried again */
    BA_COUNT_MAIL_GIVEN_UP,
    BA_COUNTS
} ba_count;

/* Endpoints that are told apart, by the numbers of ba_route_number(). */
#define BA_METER_ENDPOINTS 128

typedef enum {
    BA_TIMER_LOOKUP,        /* the database says whose session it is */
    BA_TIMER_DATABASE_WAIT, /* until there is a connection */
    BA_TIMER_HASH_WAIT,
    BA_TIMER_HASH,
    BA_TIMER_ENDPOINTS,
    BA_TIMERS = BA_TIMER_ENDPOINTS + BA_METER_ENDPOINTS
} ba_timer;

/* Answers by the first digit of their status, from 2xx to 5xx. */
#define BA_METER_CLASSES 4

/* Upper bounds of a histogram's buckets in microseconds, and the last one without. */
#define BA_METER_BUCKETS 14
extern const apr_int64_t ba_meter_bounds[BA_METER_BUCKETS - 1];

typedef struct ba_histogram {
    apr_uint64_t buckets[BA_METER_BUCKETS]; /* each without those below it */
    apr_uint64_t sum;                       /* microseconds */
} ba_histogram;

typedef struct ba_meter ba_meter;

/* Bytes that ba_meter_create() needs. */
apr_size_t ba_meter_size(void);

/* A meter on zeroed memory, aligned to 64, that the processes share; one that is there
 * already goes on counting. now: when it began, if it is new. */
ba_meter *ba_meter_create(void *memory, ba_time now, apr_pool_t *pool);

/* For a process that has just been forked: any number, best one of its own. */
void ba_meter_choose(ba_meter *meter, unsigned process);

void ba_meter_add(ba_meter *meter, int count, apr_uint32_t n);
void ba_meter_time(ba_meter *meter, int timer, apr_interval_time_t took);

/* An answer of the endpoint of this number, -1: of none. */
void ba_meter_answer(ba_meter *meter, int endpoint, int status, apr_interval_time_t took);

/* ---- for whoever reads */

ba_time ba_meter_began(const ba_meter *meter);
apr_uint64_t ba_meter_total(const ba_meter *meter, int count);
void ba_meter_histogram(const ba_meter *meter, int timer, ba_histogram *sum);
apr_uint64_t ba_meter_answers(const ba_meter *meter, int endpoint, int class);

#endif
