/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "fixture.h"

#include "ba_meter.h"
#include "ba_routes.h"

#include <apr_thread_proc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *shared_memory(void)
{
    void *memory = mmap(NULL, ba_meter_size(), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(memory != MAP_FAILED);
    return memory;
}

static void begins_once(void **state)
{
    fixture *f = *state;
    void *memory = shared_memory();
    ba_meter *first = ba_meter_create(memory, NOW, f->pool);
    ba_meter *second;

    ba_meter_add(first, BA_COUNT_MAIL_SENT, 3);
    second = ba_meter_create(memory, NOW + DAY, f->pool);
    assert_int_equal(ba_meter_began(second), NOW);
    assert_int_equal(ba_meter_total(second, BA_COUNT_MAIL_SENT), 3);
    assert_int_equal(ba_meter_total(second, BA_COUNT_MAIL_FAILED), 0);
    munmap(memory, ba_meter_size());
}

static void without_a_meter_nothing_happens(void **state)
{
    (void)state;
    ba_meter_add(NULL, BA_COUNT_MAIL_SENT, 1);
    ba_meter_time(NULL, BA_TIMER_HASH, 1);
    ba_meter_answer(NULL, 0, 200, 1);
}

static void a_time_falls_into_one_bucket(void **state)
{
    static const struct {
        apr_interval_time_t took;
        int bucket;
    } cases[] = {{-5, 0},     {0, 0},      {500, 0},          {501, 1},         {1000, 1},
                 {1001, 2},   {2500, 2},   {10000000, 12},    {10000001, 13},   {86400000000, 13}};
    fixture *f = *state;
    void *memory = shared_memory();
    ba_meter *meter = ba_meter_create(memory, NOW, f->pool);
    ba_histogram before, after;
    apr_uint64_t sum = 0;

    for (apr_size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        ba_meter_histogram(meter, BA_TIMER_HASH, &before);
        ba_meter_time(meter, BA_TIMER_HASH, cases[i].took);
        ba_meter_histogram(meter, BA_TIMER_HASH, &after);
        for (int b = 0; b < BA_METER_BUCKETS; ++b) {
            assert_int_equal(after.buckets[b] - before.buckets[b], b == cases[i].bucket);
        }
        sum += cases[i].took > 0 ? (apr_uint64_t)cases[i].took : 0;
        assert_int_equal(after.sum, sum);
    }
    ba_meter_histogram(meter, BA_TIMER_HASH_WAIT, &after);
    assert_int_equal(after.sum, 0);
    munmap(memory, ba_meter_size());
}

static void answers_by_endpoint_and_class(void **state)
{
    fixture *f = *state;
    void *memory = shared_memory();
    ba_meter *meter = ba_meter_create(memory, NOW, f->pool);
    int other = BA_METER_ENDPOINTS - 1;
    ba_histogram h;

    ba_meter_answer(meter, 3, 200, 10);
    ba_meter_answer(meter, 3, 204, 10);
    ba_meter_answer(meter, 3, 503, 10);
    ba_meter_answer(meter, -1, 404, 10);
    ba_meter_answer(meter, 100000, 302, 10);
    ba_meter_answer(meter, 3, 0, 10);   /* nobody has answered */
    ba_meter_answer(meter, 3, 100, 10); /* no answer */
    ba_meter_answer(meter, 3, 600, 10);
    assert_int_equal(ba_meter_answers(meter, 3, 0), 2);
    assert_int_equal(ba_meter_answers(meter, 3, 1), 0);
    assert_int_equal(ba_meter_answers(meter, 3, 2), 0);
    assert_int_equal(ba_meter_answers(meter, 3, 3), 1);
    assert_int_equal(ba_meter_answers(meter, other, 1), 1);
    assert_int_equal(ba_meter_answers(meter, other, 2), 1);
    ba_meter_histogram(meter, BA_TIMER_ENDPOINTS + 3, &h);
    assert_int_equal(h.buckets[0], 3);
    munmap(memory, ba_meter_size());
}

#define PROCESSES 10
#define THREADS 4
#define ROUNDS 20000

static void *APR_THREAD_FUNC count(apr_thread_t *thread, void *data)
{
    for (int i = 0; i < ROUNDS; ++i) {
        ba_meter_add(data, BA_COUNT_KNOWN_BY_CACHE, 1);
        ba_meter_time(data, BA_TIMER_LOOKUP, i % 3000);
    }
    (void)thread;
    return NULL;
}

static void count_in_threads(fixture *f, ba_meter *meter)
{
    apr_thread_t *threads[THREADS];
    apr_status_t rv;

    for (int i = 0; i < THREADS; ++i) {
        if (apr_thread_create(&threads[i], NULL, count, meter, f->pool) != APR_SUCCESS) {
            _exit(1);
        }
    }
    for (int i = 0; i < THREADS; ++i) {
        apr_thread_join(&rv, threads[i]);
    }
    _exit(0);
}

static void processes_and_threads_lose_nothing(void **state)
{
    fixture *f = *state;
    void *memory = shared_memory();
    ba_meter *meter = ba_meter_create(memory, NOW, f->pool);
    ba_histogram h;
    apr_uint64_t sum = 0;
    int status;

    for (unsigned i = 0; i < PROCESSES; ++i) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (!pid) {
            ba_meter_choose(meter, i);
            count_in_threads(f, meter);
        }
    }
    for (int i = 0; i < PROCESSES; ++i) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(ba_meter_total(meter, BA_COUNT_KNOWN_BY_CACHE), PROCESSES * THREADS * ROUNDS);
    ba_meter_histogram(meter, BA_TIMER_LOOKUP, &h);
    for (int b = 0; b < BA_METER_BUCKETS; ++b) {
        sum += h.buckets[b];
    }
    assert_int_equal(sum, PROCESSES * THREADS * ROUNDS);
    munmap(memory, ba_meter_size());
}

static void every_endpoint_has_a_number(void **state)
{
    const ba_route *route;
    int n = 0;

    (void)state;
    while ((route = ba_route_at(n)) != NULL) {
        assert_int_equal(ba_route_number(route), n);
        assert_ptr_equal(ba_route_find(route->method, route->path), route);
        ++n;
    }
    assert_true(n > 20);
    /* one is left for what is no endpoint */
    assert_true(n < BA_METER_ENDPOINTS);
    assert_int_equal(ba_route_number(NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(begins_once),
        FIXTURE_TEST(without_a_meter_nothing_happens),
        FIXTURE_TEST(a_time_falls_into_one_bucket),
        FIXTURE_TEST(answers_by_endpoint_and_class),
        FIXTURE_TEST(processes_and_threads_lose_nothing),
        FIXTURE_TEST(every_endpoint_has_a_number),
    };

    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
