/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Several processes, as in a server: each test forks its own and reaps them. */

#include "ba_gate.h"
#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Seen by all processes of a test. */
typedef struct shared {
    int inside;
    int most;
    int entered;
} shared;

static shared *make_shared(void)
{
    shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(s != MAP_FAILED);
    return s;
}

static void nap(int ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};

    nanosleep(&t, NULL);
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_for(const int *counter, int value)
{
    for (int i = 0; i < 500 && __atomic_load_n(counter, __ATOMIC_SEQ_CST) < value; ++i) {
        nap(10);
    }
    assert_true(__atomic_load_n(counter, __ATOMIC_SEQ_CST) >= value);
}

/* Until so many wait at the gate. */
static void wait_for_queue(ba_gate *gate, int waiting)
{
    ba_gate_state state_of;

    for (int i = 0; i < 500; ++i) {
        ba_gate_look(gate, &state_of);
        if (state_of.waiting == waiting) {
            return;
        }
        nap(10);
    }
    assert_int_equal(state_of.waiting, waiting);
}

static ba_gate *make_gate(fixture *f, int permits, int waiters)
{
    ba_gate *gate;

    assert_int_equal(ba_gate_create(permits, waiters, (uid_t)-1, &gate, f->pool), APR_SUCCESS);
    return gate;
}

/* A child that takes a permit and keeps it until it is killed. */
static pid_t start_holder(ba_gate *gate, shared *s)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        ba_permit permit;
        int lost;

        if (ba_gate_enter(gate, 5000, &permit, &lost) == APR_SUCCESS) {
            __atomic_add_fetch(&s->entered, 1, __ATOMIC_SEQ_CST);
        }
        nap(30000);
        _exit(0);
    }
    return pid;
}

static void stop(pid_t pid, int signal)
{
    kill(pid, signal);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void one_process_comes_and_goes(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 2, 3);
    ba_gate_state state_of;
    ba_permit a, b;
    int lost = 7;

    ba_gate_look(gate, &state_of);
    assert_int_equal(state_of.permits, 2);
    assert_int_equal(state_of.queue, 3);
    assert_int_equal(state_of.in_use + state_of.waiting + state_of.lost, 0);
    for (int i = 0; i < 100; ++i) {
        assert_int_equal(ba_gate_enter(gate, 0, &a, &lost), APR_SUCCESS);
        assert_int_equal(ba_gate_enter(gate, 0, &b, &lost), APR_SUCCESS);
        assert_int_equal(a.kind, BA_PERMIT_SHARED);
        assert_int_equal(lost, 0);
        ba_gate_look(gate, &state_of);
        assert_int_equal(state_of.in_use, 2);
        assert_int_equal(a.waited, 0);
        ba_gate_leave(gate, &a);
        ba_gate_abandon(gate, &b);
        ba_gate_leave(gate, &a); /* each once */
        ba_gate_abandon(gate, &a);
    }
    ba_gate_look(gate, &state_of);
    assert_int_equal(state_of.in_use, 0);
    assert_int_equal(state_of.entered, 200);
    assert_int_equal(state_of.hashed, 100);
    assert_int_equal(state_of.gone, 100);
    assert_int_equal(state_of.waited + state_of.refused + state_of.gave_up + state_of.wait_us, 0);
    ba_gate_destroy(gate);
}

static void crowd(ba_gate *gate, shared *s)
{
    ba_permit permit;
    int lost;

    for (int round = 0; round < 30; ++round) {
        int now, most;

        if (ba_gate_enter(gate, 20000, &permit, &lost) != APR_SUCCESS) {
            _exit(1);
        }
        now = __atomic_add_fetch(&s->inside, 1, __ATOMIC_SEQ_CST);
        most = __atomic_load_n(&s->most, __ATOMIC_SEQ_CST);
        while (now > most
               && !__atomic_compare_exchange_n(&s->most, &most, now, 0, __ATOMIC_SEQ_CST,
                                               __ATOMIC_SEQ_CST)) {
        }
        nap(1);
        __atomic_sub_fetch(&s->inside, 1, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&s->entered, 1, __ATOMIC_SEQ_CST);
        ba_gate_leave(gate, &permit);
    }
    _exit(0);
}

static void permits_bound_all_processes(void **state)
{
    fixture *f = *state;
    enum { CHILDREN = 12 };
    ba_gate *gate = make_gate(f, 3, 64);
    shared *s = make_shared();
    ba_gate_state state_of;
    pid_t pids[CHILDREN];

    for (int i = 0; i < CHILDREN; ++i) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            crowd(gate, s);
        }
    }
    for (int i = 0; i < CHILDREN; ++i) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(s->entered, CHILDREN * 30);
    assert_int_equal(s->most, 3); /* all of them used, none too many */
    ba_gate_look(gate, &state_of);
    assert_int_equal(state_of.hashed, CHILDREN * 30);
    assert_int_equal(state_of.in_use, 0);
    assert_true(state_of.waited > 100 && state_of.wait_us > state_of.waited * 100);
    assert_true(state_of.hash_us >= CHILDREN * 30 * 1000); /* a nap each */
    ba_gate_destroy(gate);
}

static void a_killed_holder_gives_its_permit_back(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 1, 8);
    shared *s = make_shared();
    pid_t holder = start_holder(gate, s);
    ba_permit permit;
    int lost;

    wait_for(&s->entered, 1);
    assert_int_equal(ba_gate_enter(gate, 50, &permit, &lost), APR_TIMEUP);
    stop(holder, SIGKILL);
    assert_int_equal(ba_gate_enter(gate, 5000, &permit, &lost), APR_SUCCESS);
    ba_gate_leave(gate, &permit);
    ba_gate_destroy(gate);
}

/* Killed while it waits: nobody else may be woken for it, nor one permit lost. */
static void a_killed_waiter_leaves_no_trace(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 1, 8);
    shared *s = make_shared();
    ba_permit permit, second;
    int lost;
    pid_t waiter;

    assert_int_equal(ba_gate_enter(gate, 0, &permit, &lost), APR_SUCCESS);
    waiter = start_holder(gate, s);
    wait_for_queue(gate, 1);
    stop(waiter, SIGKILL);
    assert_int_equal(s->entered, 0);
    ba_gate_leave(gate, &permit);
    assert_int_equal(ba_gate_enter(gate, 0, &permit, &lost), APR_SUCCESS);
    assert_int_equal(ba_gate_enter(gate, 10, &second, &lost), APR_TIMEUP);
    ba_gate_leave(gate, &permit);
    ba_gate_destroy(gate);
}

static void gives_up_after_its_time(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 1, 8);
    shared *s = make_shared();
    pid_t holder = start_holder(gate, s);
    ba_permit permit;
    double start, took;
    int lost;

    wait_for(&s->entered, 1);
    start = seconds();
    assert_int_equal(ba_gate_enter(gate, 1200, &permit, &lost), APR_TIMEUP);
    took = seconds() - start;
    assert_true(took > 1.1 && took < 10);
    assert_int_equal(permit.kind, BA_PERMIT_NONE);
    ba_gate_leave(gate, &permit); /* gives nothing back */
    assert_int_equal(ba_gate_enter(gate, 10, &permit, &lost), APR_TIMEUP);
    stop(holder, SIGKILL);
    ba_gate_destroy(gate);
}

static void the_queue_has_an_end(void **state)
{
    fixture *f = *state;
    enum { WAITERS = 2 };
    ba_gate *gate = make_gate(f, 1, WAITERS);
    shared *s = make_shared();
    pid_t waiters[WAITERS];
    ba_permit mine, permit;
    ba_gate_state state_of;
    double start;
    int lost;

    assert_int_equal(ba_gate_enter(gate, 0, &mine, &lost), APR_SUCCESS);
    for (int i = 0; i < WAITERS; ++i) {
        waiters[i] = start_holder(gate, s);
    }
    wait_for_queue(gate, WAITERS);
    start = seconds();
    assert_int_equal(ba_gate_enter(gate, 10000, &permit, &lost), APR_EAGAIN);
    assert_true(seconds() - start < 5); /* at once */
    ba_gate_look(gate, &state_of);
    assert_int_equal(state_of.in_use, 1);
    assert_int_equal(state_of.waiting, WAITERS);
    assert_int_equal(state_of.refused, 1);
    assert_int_equal(permit.kind, BA_PERMIT_NONE);
    stop(waiters[0], SIGKILL);
    assert_int_equal(ba_gate_enter(gate, 50, &permit, &lost), APR_TIMEUP); /* a place again */
    assert_int_equal(permit.waited, 1);
    ba_gate_look(gate, &state_of);
    assert_int_equal(state_of.gave_up, 1);
    assert_int_equal(state_of.waiting, WAITERS - 1); /* the killed one does not count */
    stop(waiters[1], SIGKILL);
    ba_gate_leave(gate, &mine);
    ba_gate_destroy(gate);
}

static void no_queue_at_all(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 1, 0);
    ba_permit mine, permit;
    int lost;

    assert_int_equal(ba_gate_enter(gate, 1000, &mine, &lost), APR_SUCCESS);
    assert_int_equal(ba_gate_enter(gate, 1000, &permit, &lost), APR_EAGAIN);
    ba_gate_leave(gate, &mine);
    assert_int_equal(ba_gate_enter(gate, 1000, &mine, &lost), APR_SUCCESS);
    ba_gate_leave(gate, &mine);
    ba_gate_destroy(gate);
}

/* ---- many processes */

/* Each is served in its turn, in whatever process it waits; who comes later does not pass. */
static void nobody_starves(void **state)
{
    fixture *f = *state;
    enum { CHILDREN = 10 };
    ba_gate *gate = make_gate(f, 1, 64);
    shared *s = make_shared();
    pid_t pids[CHILDREN];
    ba_permit permit;
    int lost;

    assert_int_equal(ba_gate_enter(gate, 0, &permit, &lost), APR_SUCCESS);
    for (int i = 0; i < CHILDREN; ++i) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            int turn = -1;

            if (ba_gate_enter(gate, 30000, &permit, &lost) == APR_SUCCESS) {
                turn = s->entered++; /* alone in here */
                ba_gate_leave(gate, &permit);
            }
            _exit(turn == i ? 0 : 1);
        }
        wait_for_queue(gate, i + 1);
    }
    ba_gate_leave(gate, &permit);
    assert_int_equal(ba_gate_enter(gate, 30000, &permit, &lost), APR_SUCCESS);
    assert_int_equal(s->entered, CHILDREN); /* all of them before us */
    ba_gate_leave(gate, &permit);
    for (int i = 0; i < CHILDREN; ++i) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    ba_gate_destroy(gate);
}

static void come_and_go(ba_gate *gate)
{
    ba_permit permit;
    int lost;

    while (ba_gate_enter(gate, 20000, &permit, &lost) == APR_SUCCESS) {
        nap(1);
        ba_gate_leave(gate, &permit);
    }
    _exit(0);
}

static pid_t start_worker(ba_gate *gate)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        come_and_go(gate);
    }
    return pid;
}

/* Children are killed wherever they happen to be, and the numbers change, as in restarts;
 * when all is over, exactly the permits are there that there should be. */
static void kills_and_restarts_lose_and_double_nothing(void **state)
{
    fixture *f = *state;
    enum { CHILDREN = 8, KILLS = 150 };
    ba_gate *gate = make_gate(f, 3, 64);
    pid_t pids[CHILDREN];
    ba_gate_state state_of;
    ba_permit permits[3];
    ba_permit further;
    int lost;

    for (int i = 0; i < CHILDREN; ++i) {
        pids[i] = start_worker(gate);
    }
    for (int i = 0; i < KILLS; ++i) {
        nap(i % 4);
        stop(pids[i % CHILDREN], SIGKILL);
        if (i % 10 == 0) {
            assert_int_equal(ba_gate_resize(gate, 1 + i / 10 % 5, 64, (uid_t)-1), APR_SUCCESS);
        }
        pids[i % CHILDREN] = start_worker(gate);
        ba_gate_look(gate, &state_of);
        assert_true(state_of.in_use <= 5);
    }
    assert_int_equal(ba_gate_resize(gate, 3, 64, (uid_t)-1), APR_SUCCESS);
    for (int i = 0; i < CHILDREN; ++i) {
        stop(pids[i], SIGKILL);
    }
    ba_gate_look(gate, &state_of);
    assert_true(state_of.entered > KILLS);
    assert_int_equal(state_of.waiting, 0);
    assert_int_equal(state_of.in_use, 0);
    for (int i = 0; i < 3; ++i) {
        assert_int_equal(ba_gate_enter(gate, 0, &permits[i], &lost), APR_SUCCESS);
    }
    assert_int_equal(ba_gate_enter(gate, 0, &further, &lost), APR_TIMEUP);
    ba_gate_destroy(gate);
}

/* ---- other numbers */

/* Who is killed gives back what should have vanished. */
static void a_surplus_does_not_outlive_its_holder(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 2, 8);
    shared *s = make_shared();
    pid_t one = start_holder(gate, s), two = start_holder(gate, s);
    ba_permit permit, further;
    int lost;

    wait_for(&s->entered, 2);
    assert_int_equal(ba_gate_resize(gate, 1, 8, (uid_t)-1), APR_SUCCESS);
    stop(one, SIGKILL);
    stop(two, SIGKILL);
    assert_int_equal(ba_gate_enter(gate, 0, &permit, &lost), APR_SUCCESS);
    assert_int_equal(ba_gate_enter(gate, 0, &further, &lost), APR_TIMEUP);
    ba_gate_leave(gate, &permit);
    ba_gate_destroy(gate);
}

static void grows_at_once(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 1, 0);
    ba_permit a, b, c;
    int lost;

    assert_int_equal(ba_gate_enter(gate, 0, &a, &lost), APR_SUCCESS);
    assert_int_equal(ba_gate_enter(gate, 0, &b, &lost), APR_EAGAIN);
    assert_int_equal(ba_gate_resize(gate, 2, 1, (uid_t)-1), APR_SUCCESS);
    assert_int_equal(ba_gate_enter(gate, 0, &b, &lost), APR_SUCCESS);
    assert_int_equal(ba_gate_enter(gate, 0, &c, &lost), APR_TIMEUP);
    ba_gate_leave(gate, &a);
    ba_gate_leave(gate, &b);
    ba_gate_destroy(gate);
}

/* Held permits are not taken away, but none is given out until enough have come back. */
static void shrinks_as_hashes_end(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 4, 8);
    shared *s = make_shared();
    pid_t holder = start_holder(gate, s);
    ba_permit held[2], permit;
    ba_gate_state state_of;
    int lost;

    wait_for(&s->entered, 1);
    assert_int_equal(ba_gate_enter(gate, 0, &held[0], &lost), APR_SUCCESS);
    assert_int_equal(ba_gate_enter(gate, 0, &held[1], &lost), APR_SUCCESS);
    assert_int_equal(ba_gate_resize(gate, 1, 8, (uid_t)-1), APR_SUCCESS);
    ba_gate_look(gate, &state_of);
    assert_int_equal(state_of.permits, 1);
    assert_int_equal(state_of.in_use, 3);
    for (int i = 0; i < 2; ++i) {
        ba_gate_leave(gate, &held[i]);
        assert_int_equal(ba_gate_enter(gate, 0, &permit, &lost), APR_TIMEUP);
    }
    ba_gate_look(gate, &state_of);
    assert_int_equal(state_of.in_use, 1);
    stop(holder, SIGKILL);
    assert_int_equal(ba_gate_enter(gate, 1000, &permit, &lost), APR_SUCCESS);
    assert_int_equal(ba_gate_enter(gate, 0, &held[0], &lost), APR_TIMEUP);
    ba_gate_leave(gate, &permit);
    ba_gate_destroy(gate);
}

/* The process that took permits of a larger gate leaves none behind when it ends. */
static void what_vanished_is_not_undone(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 2, 8);
    shared *s = make_shared();
    ba_gate_state state_of;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        ba_permit a, b;
        int lost;

        ba_gate_enter(gate, 0, &a, &lost);
        ba_gate_enter(gate, 0, &b, &lost);
        s->entered = 1;
        wait_for(&s->most, 1);
        ba_gate_leave(gate, &a);
        ba_gate_leave(gate, &b);
        _exit(0);
    }
    wait_for(&s->entered, 1);
    assert_int_equal(ba_gate_resize(gate, 1, 8, (uid_t)-1), APR_SUCCESS);
    __atomic_store_n(&s->most, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(waitpid(child, NULL, 0), child);
    ba_gate_look(gate, &state_of);
    assert_int_equal(state_of.permits, 1);
    assert_int_equal(state_of.in_use, 0);
    ba_gate_destroy(gate);
}

static void ignore(int signal)
{
    (void)signal;
}

static void a_signal_does_not_end_the_wait(void **state)
{
    fixture *f = *state;
    const struct sigaction action = {.sa_handler = ignore};
    ba_gate *gate = make_gate(f, 1, 8);
    shared *s = make_shared();
    pid_t holder = start_holder(gate, s), alarmer;
    ba_permit permit;
    int lost;

    sigaction(SIGUSR1, &action, NULL);
    wait_for(&s->entered, 1);
    alarmer = fork();
    assert_true(alarmer >= 0);
    if (alarmer == 0) {
        for (int i = 0; i < 5; ++i) {
            nap(50);
            kill(getppid(), SIGUSR1);
        }
        kill(holder, SIGKILL);
        _exit(0);
    }
    assert_int_equal(ba_gate_enter(gate, 10000, &permit, &lost), APR_SUCCESS);
    ba_gate_leave(gate, &permit);
    assert_int_equal(waitpid(alarmer, NULL, 0), alarmer);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    ba_gate_destroy(gate);
}

/* Removes it as `ipcrm` or systemd would. */
static void remove_semaphore(ba_gate *gate)
{
    ba_gate_state state_of;

    ba_gate_look(gate, &state_of);
    assert_int_equal(semctl(state_of.semaphore, 0, IPC_RMID), 0);
}

static void goes_on_alone_when_the_semaphore_is_gone(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 1, 8);
    ba_permit before, permit, second;
    ba_gate_state state_of;
    int lost;

    assert_int_equal(ba_gate_enter(gate, 1000, &before, &lost), APR_SUCCESS);
    remove_semaphore(gate);
    assert_int_equal(ba_gate_enter(gate, 1000, &permit, &lost), APR_SUCCESS);
    assert_int_equal(permit.kind, BA_PERMIT_LOCAL);
    assert_int_equal(lost, 1);
    /* still bounded, and told once */
    assert_int_equal(ba_gate_enter(gate, 1000, &second, &lost), APR_TIMEUP);
    assert_int_equal(lost, 0);
    ba_gate_look(gate, &state_of);
    assert_true(state_of.lost);
    assert_int_equal(state_of.in_use, 1);
    ba_gate_leave(gate, &before); /* of what is gone: nothing to give back */
    assert_int_equal(ba_gate_enter(gate, 1000, &second, &lost), APR_TIMEUP);
    ba_gate_leave(gate, &permit);
    assert_int_equal(ba_gate_enter(gate, 1000, &permit, &lost), APR_SUCCESS);
    ba_gate_leave(gate, &permit);
    ba_gate_destroy(gate);
}

/* The threads of one process, which are all that the gate then knows of. */
static void *enter_in_thread(void *gate)
{
    static const apr_uintptr_t entered = 1, full = 2, over = 3;
    ba_permit permit;
    int lost;
    apr_status_t rv = ba_gate_enter(gate, 10000, &permit, &lost);

    if (rv == APR_SUCCESS) {
        ba_gate_leave(gate, &permit);
    }
    return (void *)(rv == APR_SUCCESS ? entered : rv == APR_EAGAIN ? full : over);
}

static void alone_the_queue_has_an_end_too(void **state)
{
    fixture *f = *state;
    enum { THREADS = 6 };
    ba_gate *gate = make_gate(f, 1, 2);
    pthread_t threads[THREADS];
    int count[4] = {0};
    ba_permit permit;
    ba_gate_state state_of;
    int lost;

    assert_int_equal(ba_gate_enter(gate, 0, &permit, &lost), APR_SUCCESS);
    remove_semaphore(gate);
    assert_int_equal(ba_gate_enter(gate, 0, &permit, &lost), APR_SUCCESS);
    for (int i = 0; i < THREADS; ++i) {
        assert_int_equal(pthread_create(&threads[i], NULL, enter_in_thread, gate), 0);
    }
    do {
        nap(5);
        ba_gate_look(gate, &state_of);
    } while (state_of.refused < THREADS - 2);
    assert_int_equal(state_of.waiting, 2);
    ba_gate_leave(gate, &permit);
    for (int i = 0; i < THREADS; ++i) {
        void *said;

        assert_int_equal(pthread_join(threads[i], &said), 0);
        ++count[(apr_uintptr_t)said];
    }
    assert_int_equal(count[1], 2); /* one after the other */
    assert_int_equal(count[2], THREADS - 2);
    ba_gate_look(gate, &state_of);
    assert_int_equal(state_of.waiting + state_of.in_use, 0);
    assert_int_equal(state_of.waited, 2);
    ba_gate_destroy(gate);
}

/* A restart heals it. */
static void a_removed_semaphore_is_made_anew(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 1, 2);
    shared *s = make_shared();
    ba_permit permit;
    ba_gate_state state_of;
    int lost;
    pid_t holder;

    assert_int_equal(ba_gate_enter(gate, 0, &permit, &lost), APR_SUCCESS);
    remove_semaphore(gate);
    assert_int_equal(ba_gate_resize(gate, 2, 2, (uid_t)-1), APR_SUCCESS);
    ba_gate_look(gate, &state_of);
    assert_int_equal(state_of.permits, 2);
    assert_int_equal(state_of.in_use + state_of.lost, 0);
    holder = start_holder(gate, s);
    wait_for(&s->entered, 1);
    ba_gate_look(gate, &state_of);
    assert_int_equal(state_of.in_use, 1); /* of another process: it is shared again */
    stop(holder, SIGKILL);
    ba_gate_destroy(gate);
}

/* Removed under a waiter's feet. */
static void a_waiter_survives_the_removal(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 1, 8);
    ba_permit mine;
    pid_t waiter;
    int lost, status;

    assert_int_equal(ba_gate_enter(gate, 1000, &mine, &lost), APR_SUCCESS);
    waiter = fork();
    assert_true(waiter >= 0);
    if (waiter == 0) {
        ba_permit permit;
        apr_status_t rv = ba_gate_enter(gate, 10000, &permit, &lost);

        _exit(rv == APR_SUCCESS && permit.kind == BA_PERMIT_LOCAL && lost == 1 ? 0 : 1);
    }
    wait_for_queue(gate, 1);
    remove_semaphore(gate);
    assert_int_equal(waitpid(waiter, &status, 0), waiter);
    assert_int_equal(status, 0);
    ba_gate_destroy(gate);
}

/* A child that ends must not take the semaphore of the others with it. */
static void only_its_maker_removes_it(void **state)
{
    fixture *f = *state;
    ba_gate *gate = make_gate(f, 1, 8);
    pid_t child = fork();
    ba_permit permit;
    int lost;

    assert_true(child >= 0);
    if (child == 0) {
        ba_gate_destroy(gate);
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(ba_gate_enter(gate, 1000, &permit, &lost), APR_SUCCESS);
    assert_int_equal(permit.kind, BA_PERMIT_SHARED);
    ba_gate_leave(gate, &permit);
    ba_gate_destroy(gate);
    assert_int_equal(ba_gate_enter(gate, 1000, &permit, &lost), APR_SUCCESS);
    assert_int_equal(permit.kind, BA_PERMIT_LOCAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(one_process_comes_and_goes),
        FIXTURE_TEST(permits_bound_all_processes),
        FIXTURE_TEST(a_killed_holder_gives_its_permit_back),
        FIXTURE_TEST(a_killed_waiter_leaves_no_trace),
        FIXTURE_TEST(gives_up_after_its_time),
        FIXTURE_TEST(the_queue_has_an_end),
        FIXTURE_TEST(no_queue_at_all),
        FIXTURE_TEST(nobody_starves),
        FIXTURE_TEST(kills_and_restarts_lose_and_double_nothing),
        FIXTURE_TEST(a_surplus_does_not_outlive_its_holder),
        FIXTURE_TEST(grows_at_once),
        FIXTURE_TEST(shrinks_as_hashes_end),
        FIXTURE_TEST(what_vanished_is_not_undone),
        FIXTURE_TEST(a_signal_does_not_end_the_wait),
        FIXTURE_TEST(goes_on_alone_when_the_semaphore_is_gone),
        FIXTURE_TEST(alone_the_queue_has_an_end_too),
        FIXTURE_TEST(a_removed_semaphore_is_made_anew),
        FIXTURE_TEST(a_waiter_survives_the_removal),
        FIXTURE_TEST(only_its_maker_removes_it),
    };

    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
