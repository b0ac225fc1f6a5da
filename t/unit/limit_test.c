/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Counters that several processes share, and the rules by which requests and wrong
 * passwords are counted, on a clock that stands still. */

#include "ba_limit.h"
#include "fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND BA_MS(1)
#define SIGN_IN "/sign-in/email"
#define ZOE "zoe@example.com"

static ba_time clock_at; /* of every limit here */
static int locks_fail;

/* In place of libc's, for the code under test too. */
int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static int (*libc)(pthread_mutex_t *);

    if (!libc) {
        *(void **)&libc = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    }
    return locks_fail ? ENOTRECOVERABLE : libc(mutex);
}

static ba_time stopped_clock(void)
{
    return clock_at;
}

static ba_counters *make_counters(void)
{
    void *memory = mmap(NULL, ba_counters_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0);
    ba_counters *counters;

    assert_true(memory != MAP_FAILED);
    assert_int_equal(ba_counters_create(memory, &counters), APR_SUCCESS);
    return counters;
}

static ba_limit *make_limit(fixture *f)
{
    ba_limit *limit = apr_pcalloc(f->pool, sizeof(*limit));

    limit->counters = make_counters();
    limit->clock = stopped_clock;
    limit->scope = "here";
    clock_at = NOW;
    return limit;
}

static int teardown(void **state)
{
    fixture *f = *state;

    if (f->call->limit) {
        munmap(f->call->limit->counters, ba_counters_size());
    }
    return fixture_teardown(state);
}

static fixture *with_limit(void **state)
{
    fixture *f = *state;

    f->call->limit = make_limit(f);
    f->settings.rate_default.window = 10;
    f->settings.rate_default.max = 100;
    return f;
}

/* One request at a time after NOW: 0 if it goes on, else the seconds to wait. */
static int ask(fixture *f, ba_time at, const char *endpoint)
{
    clock_at = NOW + at;
    memset(&f->call->answer, 0, sizeof(f->call->answer));
    if (ba_limit_request(f->call, endpoint)) {
        assert_int_equal(f->call->answer.status, 0);
        return 0;
    }
    assert_ptr_equal(f->call->answer.error, &ba_err_too_many);
    assert_int_equal(f->call->answer.status, 429);
    assert_true(f->call->answer.retry_after > 0);
    return f->call->answer.retry_after;
}

static int lines(const fixture *f, const char *tag)
{
    int n = 0;

    for (int i = 0; i < f->log->nelts; ++i) {
        n += !strncmp(APR_ARRAY_IDX(f->log, i, const char *), tag, strlen(tag));
    }
    return n;
}

static void add_rule(fixture *f, const char *path, apr_int64_t window, apr_int64_t max)
{
    ba_rate_rule *rule;

    if (!f->settings.rate_rules) {
        f->settings.rate_rules = apr_array_make(f->pool, 2, sizeof(ba_rate_rule));
    }
    rule = apr_array_push(f->settings.rate_rules);
    rule->path = path;
    rule->rate.window = window;
    rule->rate.max = max;
}

/* ---- requests */

/* 3 in 10 seconds; the numbers are what npm 1.7.7 answers (http-api 7.2). */
static void the_window_begins_with_each_request(void **state)
{
    fixture *f = with_limit(state);
    static const struct {
        ba_time at;
        int wait;
    } steps[] = {
        {0, 0}, {9000, 0}, {18000, 0}, /* each within ten seconds of the one before */
        {18000, 10}, {18001, 10}, {19000, 9}, {19001, 9}, {27000, 1}, {27999, 1},
        {28000, 0}, {28000, 0}, {37999, 0}, {37999, 10}, {47998, 1}, {47999, 0},
        {60000, 0}, {60000, 0}, {60000, 0}, {60000, 10}, {69999, 1}, {69999, 1}, {70000, 0},
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); ++i) {
        int wait = ask(f, steps[i].at, SIGN_IN);

        if (wait != steps[i].wait) {
            fail_msg("step %d: %d instead of %d", (int)i, wait, steps[i].wait);
        }
    }
}

static void who_and_what_count_apart(void **state)
{
    fixture *f = with_limit(state);
    ba_limit other = *f->call->limit;

    for (int i = 0; i < 3; ++i) {
        assert_int_equal(ask(f, 0, SIGN_IN), 0);
    }
    assert_int_equal(ask(f, 0, SIGN_IN), 10);
    assert_int_equal(ask(f, 0, "/sign-up/email"), 0);
    f->call->client = "192.0.2.8";
    assert_int_equal(ask(f, 0, SIGN_IN), 0);
    f->call->client = "192.0.2.7";
    assert_int_equal(ask(f, 0, SIGN_IN), 10);
    other.scope = "there";
    f->call->limit = &other;
    assert_int_equal(ask(f, 0, SIGN_IN), 0);
    f->call->limit = NULL;
    assert_int_equal(ask(f, 0, SIGN_IN), 0);
    f->call->limit = &other;
}

static int allowed(fixture *f, ba_time at, const char *endpoint)
{
    int n = 0;

    while (n < 1000 && !ask(f, at, endpoint)) {
        ++n;
    }
    return n;
}

static void rules(void **state)
{
    fixture *f = with_limit(state);
    static const struct {
        const char *endpoint;
        int max, window;
    } built_in[] = {
        {NULL, 100, 10}, {"/ok", 100, 10}, {"/get-session", 100, 10}, {"/verify-password", 100, 10},
        {SIGN_IN, 3, 10}, {"/sign-in/social", 3, 10}, {"/sign-up/email", 3, 10},
        {"/change-password", 3, 10}, {"/change-email", 3, 10}, {"/request-password-reset", 3, 60},
        {"/send-verification-email", 3, 60}, {"/forget-password", 3, 60}, {"/sign-out", 100, 10},
    };

    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); ++i) {
        assert_int_equal(allowed(f, 0, built_in[i].endpoint), built_in[i].max);
        assert_int_equal(ask(f, 0, built_in[i].endpoint), built_in[i].window);
    }
    f->settings.rate_default.window = 7;
    f->settings.rate_default.max = 2;
    add_rule(f, "/ok", 5, 4);
    add_rule(f, "/sign-in/*", 20, 1);
    add_rule(f, "/sign-in/email", 30, 2); /* never reached */
    add_rule(f, "/*", 0, 0);              /* one segment: off */
    assert_int_equal(allowed(f, BA_MS(100), NULL), 2);
    assert_int_equal(ask(f, BA_MS(100), NULL), 7);
    assert_int_equal(allowed(f, BA_MS(100), "/ok"), 4);
    assert_int_equal(ask(f, BA_MS(100), "/ok"), 5);
    assert_int_equal(allowed(f, BA_MS(100), SIGN_IN), 1);
    assert_int_equal(ask(f, BA_MS(100), SIGN_IN), 20);
    assert_int_equal(allowed(f, BA_MS(100), "/get-session"), 1000);
    assert_int_equal(allowed(f, BA_MS(100), "/sign-up/email"), 3);
    assert_int_equal(allowed(f, BA_MS(100), "/delete-user/callback"), 2);
}

static void a_refusal_is_logged_once_in_its_window(void **state)
{
    fixture *f = with_limit(state);

    for (int round = 1; round <= 2; ++round) {
        for (int i = 0; i < 50; ++i) {
            ask(f, round * BA_MS(100), SIGN_IN);
        }
        assert_int_equal(lines(f, "BA0802"), round);
    }
}

static void a_clock_that_steps_back_locks_nobody_out(void **state)
{
    fixture *f = with_limit(state);

    allowed(f, BA_MS(86400), SIGN_IN);
    assert_int_equal(ask(f, 0, SIGN_IN), 10);
    assert_int_equal(ask(f, SECOND, SIGN_IN), 9);
    assert_int_equal(ask(f, 10 * SECOND, SIGN_IN), 0);
}

/* ---- accounts */

typedef enum { WRONG, RIGHT, NOT_COMPARED } outcome;

static ba_try try_of(const char *address)
{
    return (ba_try){.address = address, .user_id = "u1", .taken = NOW}; /* nobody relies on that */
}

/* Seconds to wait, as the call has been told. */
static int told_to_wait(fixture *f)
{
    int wait = f->call->answer.retry_after;

    assert_ptr_equal(f->call->answer.error, &ba_err_too_many);
    memset(&f->call->answer, 0, sizeof(f->call->answer));
    assert_true(wait > 0);
    return wait;
}

/* A password of its own time: 0 if it was compared, else the seconds to wait. */
static int guess(fixture *f, ba_time at, const char *address, outcome what)
{
    ba_try attempt = try_of(address);

    clock_at = NOW + at;
    memset(&f->call->answer, 0, sizeof(f->call->answer));
    if (!ba_limit_try(f->call, &attempt)) {
        return told_to_wait(f);
    }
    if (what == NOT_COMPARED) {
        ba_limit_give_back(f->call, &attempt);
    }
    else {
        assert_int_equal(ba_limit_tried(f->call, &attempt, what == RIGHT), 1);
    }
    assert_int_equal(f->call->answer.status, 0);
    return 0;
}

static void fail_times(fixture *f, int n, ba_time at)
{
    for (int i = 0; i < n; ++i) {
        assert_int_equal(guess(f, at, ZOE, WRONG), 0);
    }
}

static void wrong_passwords_slow_an_account_down(void **state)
{
    fixture *f = with_limit(state);
    static const int delays[] = {30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600};
    ba_time at = 0;

    fail_times(f, 10, at);
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); ++i) {
        assert_int_equal(guess(f, at, ZOE, WRONG), delays[i]);
        assert_int_equal(guess(f, at + SECOND, ZOE, RIGHT), delays[i] - 1);
        at += BA_MS(delays[i]);
        assert_int_equal(guess(f, at - 1, ZOE, WRONG), 1);
        assert_int_equal(lines(f, "BA0803"), (int)i + 1);
        assert_int_equal(guess(f, at, ZOE, WRONG), 0);
    }
    /* others are not its business */
    assert_int_equal(guess(f, at, "zoe@example.org", WRONG), 0);
}

static void the_right_password_sets_it_back(void **state)
{
    fixture *f = with_limit(state);

    fail_times(f, 9, 0);
    assert_int_equal(guess(f, 0, ZOE, RIGHT), 0);
    fail_times(f, 10, 0);
    assert_int_equal(guess(f, 0, ZOE, WRONG), 30);
    assert_int_equal(guess(f, 30 * SECOND, ZOE, RIGHT), 0);
    fail_times(f, 10, 30 * SECOND);
    assert_int_equal(guess(f, 30 * SECOND, ZOE, WRONG), 30);
}

static void a_new_password_sets_it_back(void **state)
{
    fixture *f = with_limit(state);

    fail_times(f, 10, 0);
    ba_limit_clear(f->call, "zoe@example.org");
    assert_int_equal(guess(f, 0, ZOE, WRONG), 30);
    ba_limit_clear(f->call, ZOE);
    assert_int_equal(guess(f, 0, ZOE, WRONG), 0);
}

static void a_day_later_it_is_forgotten(void **state)
{
    fixture *f = with_limit(state);

    fail_times(f, 10, 0);
    assert_int_equal(guess(f, DAY - 1, ZOE, WRONG), 0);
    assert_int_equal(guess(f, DAY - 1, ZOE, WRONG), 60);
    fail_times(f, 10, 3 * DAY);
    assert_int_equal(guess(f, 3 * DAY, ZOE, WRONG), 30);
}

/* One whose result is still to come when ten others have failed. */
static ba_try early_try(fixture *f)
{
    ba_try early = try_of(ZOE);

    clock_at = NOW;
    assert_int_equal(ba_limit_try(f->call, &early), 1);
    fail_times(f, 10, 0);
    return early;
}

/* Two at the same time, when the delay is over: the second does not come before the
 * result of the first. */
static void there_is_one_try_for_each_delay(void **state)
{
    fixture *f = with_limit(state);
    ba_try early = early_try(f), one = try_of(ZOE), two = one;

    /* one of the time before has nothing to give back */
    ba_limit_give_back(f->call, &early);
    assert_int_equal(guess(f, 0, ZOE, WRONG), 30);
    clock_at = NOW + 30 * SECOND;
    assert_int_equal(ba_limit_try(f->call, &one), 1);
    assert_int_equal(ba_limit_try(f->call, &two), 0);
    assert_int_equal(told_to_wait(f), 30);
    /* no place to hash: it was no try */
    ba_limit_give_back(f->call, &one);
    assert_int_equal(guess(f, 30 * SECOND, ZOE, WRONG), 0);
    assert_int_equal(guess(f, 30 * SECOND, ZOE, WRONG), 60);
    /* nor does one that is undecided count before */
    for (int i = 0; i < 50; ++i) {
        assert_int_equal(guess(f, 0, "bob@example.com", NOT_COMPARED), 0);
    }
}

enum { CROWD = 30 };

/* All of them are compared before the first has its result. */
static void crowd(fixture *f, ba_try *tries, const char *endpoint)
{
    for (int i = 0; i < CROWD; ++i) {
        tries[i] = try_of(ZOE);
        tries[i].endpoint = endpoint;
        assert_int_equal(ba_limit_try(f->call, &tries[i]), 1);
    }
}

static void of_many_at_the_same_time_ten_have_a_result(void **state)
{
    fixture *f = with_limit(state);
    ba_try tries[CROWD], *late = &tries[CROWD - 1];

    clock_at = NOW;
    crowd(f, tries, NULL);
    for (int i = 0; i < CROWD - 1; ++i) {
        assert_int_equal(ba_limit_tried(f->call, &tries[i], 0), i < 10);
        if (i >= 10) {
            assert_int_equal(told_to_wait(f), 30);
        }
    }
    /* nor does it show that one of the others is right, or set the account back */
    clock_at = NOW + 10 * SECOND;
    assert_int_equal(ba_limit_tried(f->call, late, 1), 0);
    assert_int_equal(told_to_wait(f), 20);
    assert_int_equal(lines(f, "BA0803"), 1);
    assert_int_equal(guess(f, 29 * SECOND, ZOE, RIGHT), 1);
    /* so late that a new one could be compared */
    clock_at = NOW + 30 * SECOND;
    assert_int_equal(ba_limit_tried(f->call, late, 0), 1);
    assert_int_equal(guess(f, 30 * SECOND, ZOE, RIGHT), 60);
}

static void who_took_the_try_of_a_delay_has_its_result(void **state)
{
    fixture *f = with_limit(state);
    ba_try early = early_try(f), one = try_of(ZOE), two = one;

    clock_at = NOW + 30 * SECOND;
    assert_int_equal(ba_limit_try(f->call, &one), 1);
    assert_int_equal(ba_limit_tried(f->call, &early, 1), 0);
    assert_int_equal(told_to_wait(f), 30);
    assert_int_equal(ba_limit_tried(f->call, &one, 0), 1);
    /* it took long: the try is that of another by now */
    clock_at = NOW + 90 * SECOND;
    assert_int_equal(ba_limit_try(f->call, &one), 1);
    clock_at = NOW + 150 * SECOND;
    assert_int_equal(ba_limit_try(f->call, &two), 1);
    assert_int_equal(ba_limit_tried(f->call, &one, 1), 0);
    assert_int_equal(told_to_wait(f), 60);
    assert_int_equal(ba_limit_tried(f->call, &two, 1), 1);
    assert_int_equal(guess(f, 150 * SECOND, ZOE, WRONG), 0);
}

static void many_that_are_right_at_the_same_time(void **state)
{
    fixture *f = with_limit(state);
    ba_try tries[CROWD];

    for (int failed = 0; failed < 10; failed += 9) {
        clock_at = NOW;
        fail_times(f, failed, 0);
        crowd(f, tries, SIGN_IN);
        for (int i = 0; i < CROWD; ++i) {
            assert_int_equal(ba_limit_tried(f->call, &tries[i], 1), 1);
        }
        fail_times(f, 10, 0);
        assert_int_equal(guess(f, 0, ZOE, RIGHT), 30);
        ba_limit_clear(f->call, ZOE);
    }
}

/* ---- one client, several accounts */

/* Who sends a password with each request asks before anything is looked up. */
static void a_look_counts_nothing(void **state)
{
    fixture *f = with_limit(state);
    ba_try attempt = {.address = ZOE, .endpoint = SIGN_IN};

    for (int i = 0; i < 5; ++i) {
        assert_int_equal(ba_limit_allows(f->call, &attempt), 1);
    }
    for (int i = 0; i < 3; ++i) {
        assert_int_equal(ba_limit_allows(f->call, &attempt), 1);
        assert_int_equal(ask(f, 0, SIGN_IN), 0);
    }
    clock_at = NOW + 4000;
    assert_int_equal(ba_limit_allows(f->call, &attempt), 0);
    assert_int_equal(told_to_wait(f), 6);
    f->call->client = "192.0.2.99";
    assert_int_equal(ba_limit_allows(f->call, &attempt), 1);
    clock_at = NOW + 10000;
    assert_int_equal(ask(f, 10000, SIGN_IN), 0);
    /* an account that is slowed down */
    fail_times(f, 10, 10000);
    assert_int_equal(ba_limit_allows(f->call, &attempt), 0);
    assert_int_equal(told_to_wait(f), 30);
    attempt.address = "bob@example.com";
    assert_int_equal(ba_limit_allows(f->call, &attempt), 1);
    attempt.address = ZOE;
    clock_at = NOW + 40000;
    assert_int_equal(ba_limit_allows(f->call, &attempt), 1);
    assert_int_equal(guess(f, 40000, ZOE, WRONG), 0);
    assert_int_equal(ba_limit_allows(f->call, &attempt), 0);
    assert_false(fixture_logged(f, "BA0801"));
    add_rule(f, SIGN_IN, 0, 0);
    attempt.address = "bob@example.com";
    assert_int_equal(allowed(f, 40000, SIGN_IN), 1000);
    assert_int_equal(ba_limit_allows(f->call, &attempt), 1);
    f->call->limit = NULL;
    attempt.address = ZOE;
    assert_int_equal(ba_limit_allows(f->call, &attempt), 1);
}

static void of_many_of_a_client_three_have_a_result(void **state)
{
    fixture *f = with_limit(state);
    ba_try tries[CROWD];

    clock_at = NOW;
    for (int i = 0; i < CROWD; ++i) {
        tries[i] = try_of(i % 2 ? ZOE : "bob@example.com");
        tries[i].endpoint = SIGN_IN;
        assert_int_equal(ba_limit_try(f->call, &tries[i]), 1);
    }
    for (int i = 0; i < CROWD; ++i) {
        assert_int_equal(ba_limit_tried(f->call, &tries[i], i > 20), i < 3);
        if (i >= 3) {
            assert_int_equal(told_to_wait(f), 10);
        }
    }
    assert_int_equal(lines(f, "BA0802"), 1);
    assert_int_equal(lines(f, "BA0803"), 0);
    /* zoe's count: what the client did not hear neither counts nor sets back */
    fail_times(f, 9, 0);
    assert_int_equal(guess(f, 0, ZOE, WRONG), 30);
}

/* A result that the client does not hear gives the only try of a delay back. */
static void a_try_that_the_client_may_not_have(void **state)
{
    fixture *f = with_limit(state);
    ba_try attempt = try_of(ZOE);

    fail_times(f, 10, 0);
    attempt.endpoint = SIGN_IN;
    clock_at = NOW + 30 * SECOND;
    assert_int_equal(ba_limit_try(f->call, &attempt), 1);
    assert_int_equal(allowed(f, 30 * SECOND, SIGN_IN), 3);
    assert_int_equal(ba_limit_tried(f->call, &attempt, 1), 0);
    assert_int_equal(told_to_wait(f), 10);
    assert_int_equal(guess(f, 30 * SECOND, ZOE, WRONG), 0);
    assert_int_equal(guess(f, 30 * SECOND, ZOE, WRONG), 60);
}

static void an_account_and_a_clock_that_steps_back(void **state)
{
    fixture *f = with_limit(state);

    fail_times(f, 10, DAY);
    assert_int_equal(guess(f, 0, ZOE, WRONG), 30);
    assert_int_equal(guess(f, 30 * SECOND, ZOE, WRONG), 0);
}

/* ---- the table */

static void addresses_without_number(void **state)
{
    fixture *f = with_limit(state);
    struct timespec from, to;
    double ns;
    apr_pool_t *pool = f->call->pool, *scratch;
    const char *stranger;

    /* who is slowed down for long outlasts passers-by */
    fail_times(f, 10, 0);
    apr_pool_create(&scratch, f->pool);
    f->call->pool = scratch;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < 1000000; ++i) {
        char client[32];

        snprintf(client, sizeof(client), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        f->call->client = client;
        clock_at = NOW;
        if (!ba_limit_request(f->call, "/ok")) {
            fail_msg("%s is refused", client);
        }
        if (i % 1024 == 0) {
            apr_pool_clear(scratch);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
    printf("# %.0f ns for one request counted, a million clients, %.1f MB\n", ns / 1e6,
           (double)ba_counters_size() / 1048576);
    f->call->pool = pool;
    stranger = "192.0.2.9";
    f->call->client = stranger;
    assert_int_equal(allowed(f, 0, SIGN_IN), 3);
    assert_int_equal(guess(f, 0, ZOE, WRONG), 30);
}

/* Of many more keys than there are places, those are there that came last; but for
 * the few in the few buckets that chance gave few. */
static void the_oldest_makes_room(void **state)
{
    ba_counters *counters = make_counters();
    int kept = 0, found_old = 0, n = 400000;

    (void)state;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < n; ++i) {
            char name[32];
            apr_uint64_t key;
            ba_counter *c;

            snprintf(name, sizeof(name), "%d", i);
            key = ba_counters_key(counters, name);
            assert_int_equal(ba_counters_hold(counters, key, round == 0, NOW + i, &c), APR_SUCCESS);
            if (round == 0) {
                c->count = 1;
                c->life = 10;
            }
            else if (c) {
                ++kept;
                found_old += i < n / 4;
            }
            ba_counters_release(counters, key);
        }
    }
    assert_in_range(kept, 131000, 131072);
    assert_in_range(found_old, 0, 1000);
    munmap(counters, ba_counters_size());
}

static void keys_are_secret(void **state)
{
    ba_counters *a = make_counters(), *b = make_counters();

    (void)state;
    assert_true(ba_counters_key(a, "x") != ba_counters_key(b, "x"));
    assert_true(ba_counters_key(a, "x") != ba_counters_key(a, "y"));
    assert_true(ba_counters_key(a, "x") == ba_counters_key(a, "x"));
    munmap(a, ba_counters_size());
    munmap(b, ba_counters_size());
}

/* ---- processes */

static void killed_while_it_counts(void **state)
{
    fixture *f = with_limit(state);
    ba_counters *counters = f->call->limit->counters;

    assert_int_equal(ask(f, 0, SIGN_IN), 0);
    for (int i = 0; i < 200; ++i) { /* every lock there is, some of them twice */
        char name[32];
        apr_uint64_t key;
        ba_counter *c;
        pid_t child;

        snprintf(name, sizeof(name), "%d", i);
        key = ba_counters_key(counters, name);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            ba_counters_hold(counters, key, 1, NOW, &c);
            kill(getpid(), SIGKILL);
        }
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(ba_counters_hold(counters, key, 0, NOW, &c), APR_SUCCESS);
        assert_non_null(c);
        ba_counters_release(counters, key);
    }
    assert_int_equal(ask(f, 0, SIGN_IN), 0);
    assert_int_equal(ask(f, 0, SIGN_IN), 0);
    assert_int_equal(ask(f, 0, SIGN_IN), 10);
}

static void exact_over_processes(void **state)
{
    fixture *f = with_limit(state);
    int *sum = mmap(NULL, sizeof(*sum), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[8];

    add_rule(f, "/ok", 10, 5000);
    for (int i = 0; i < 8; ++i) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            for (int n = 0; n < 1000; ++n) {
                if (ba_limit_request(f->call, "/ok")) {
                    __atomic_add_fetch(sum, 1, __ATOMIC_SEQ_CST);
                }
            }
            _exit(0);
        }
    }
    for (int i = 0; i < 8; ++i) {
        assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
    }
    assert_int_equal(*sum, 5000);
    munmap(sum, sizeof(*sum));
}

/* A lock that cannot be had is no open door. */
static void counting_fails(void **state)
{
    fixture *f = with_limit(state);
    ba_try attempt = try_of(ZOE), looking = {.address = ZOE, .endpoint = SIGN_IN};

    assert_int_equal(ba_limit_try(f->call, &attempt), 1);
    locks_fail = 1;
    for (int i = 0; i < 3; ++i) {
        assert_int_equal(ba_limit_request(f->call, SIGN_IN), 0);
        assert_ptr_equal(f->call->answer.error, &ba_err_unavailable);
        assert_int_equal(ba_limit_allows(f->call, &looking), 0);
        assert_ptr_equal(f->call->answer.error, &ba_err_unavailable);
        assert_int_equal(ba_limit_try(f->call, &attempt), 0);
        assert_ptr_equal(f->call->answer.error, &ba_err_unavailable);
        memset(&f->call->answer, 0, sizeof(f->call->answer));
        assert_int_equal(ba_limit_tried(f->call, &attempt, i == 0), 0);
        assert_ptr_equal(f->call->answer.error, &ba_err_unavailable);
        ba_limit_give_back(f->call, &attempt);
        ba_limit_clear(f->call, ZOE);
    }
    locks_fail = 0;
    assert_int_equal(lines(f, "BA0801"), 1);
    assert_int_equal(allowed(f, 0, SIGN_IN), 3);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_window_begins_with_each_request),
        TEST(who_and_what_count_apart),
        TEST(rules),
        TEST(a_refusal_is_logged_once_in_its_window),
        TEST(a_clock_that_steps_back_locks_nobody_out),
        TEST(wrong_passwords_slow_an_account_down),
        TEST(the_right_password_sets_it_back),
        TEST(a_new_password_sets_it_back),
        TEST(a_day_later_it_is_forgotten),
        TEST(there_is_one_try_for_each_delay),
        TEST(of_many_at_the_same_time_ten_have_a_result),
        TEST(who_took_the_try_of_a_delay_has_its_result),
        TEST(many_that_are_right_at_the_same_time),
        TEST(a_look_counts_nothing),
        TEST(of_many_of_a_client_three_have_a_result),
        TEST(a_try_that_the_client_may_not_have),
        TEST(an_account_and_a_clock_that_steps_back),
        TEST(addresses_without_number),
        TEST(the_oldest_makes_room),
        TEST(keys_are_secret),
        TEST(killed_while_it_counts),
        TEST(exact_over_processes),
        TEST(counting_fails),
    };

    return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
