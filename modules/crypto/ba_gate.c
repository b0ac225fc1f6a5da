/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_gate.h"

#include "ba_steady.h"

#include <apr_atomic.h>
#include <apr_errno.h>
#include <apr_shm.h>
#include <errno.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

/* Seen by all processes. Invariant: the semaphore's value + permits held
 * = permits + surplus. */
typedef struct shared {
    apr_uint32_t permits;
    apr_uint32_t waiters;
    apr_uint32_t surplus; /* permits that are not given back but vanish */
    apr_uint64_t entered, waited, refused, gave_up, gone, hashed, wait_us, hash_us;
} shared;

struct ba_gate {
    int id; /* of the System V semaphore */
    pid_t creator;
    shared *all;
    /* per process after fork(), used when the semaphore is gone */
    apr_uint32_t lost;
    apr_uint32_t local_waiting;
    sem_t local;
};

/* semctl() wants the caller to declare it */
union semun {
    int val;
    struct semid_ds *buf;
};

/* ---- made, changed, removed */

void ba_gate_destroy(ba_gate *gate)
{
    if (gate->creator == getpid()) {
        semctl(gate->id, 0, IPC_RMID);
    }
}

/* Fills the semaphore and gives it to its user; -1 and errno on failure. */
static int prepare(int id, int permits, uid_t owner)
{
    struct semid_ds ds;
    union semun arg;

    arg.val = permits;
    if (semctl(id, 0, SETVAL, arg) < 0) {
        return -1;
    }
    if (owner == (uid_t)-1) {
        return 0;
    }
    arg.buf = &ds;
    if (semctl(id, 0, IPC_STAT, arg) < 0) {
        return -1;
    }
    ds.sem_perm.uid = owner;
    return semctl(id, 0, IPC_SET, arg);
}

static apr_status_t make_semaphore(ba_gate *gate, int permits, uid_t owner)
{
    int id = semget(IPC_PRIVATE, 1, 0600);

    if (id < 0) {
        return errno;
    }
    if (prepare(id, permits, owner) < 0) {
        apr_status_t rv = errno;

        semctl(id, 0, IPC_RMID);
        return rv;
    }
    gate->id = id;
    return APR_SUCCESS;
}

apr_status_t ba_gate_create(int permits, int waiters, uid_t owner, ba_gate **out, apr_pool_t *pool)
{
    ba_gate *gate = apr_pcalloc(pool, sizeof(*gate));
    apr_shm_t *shm;
    apr_status_t rv = apr_shm_create(&shm, sizeof(shared), NULL, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    gate->creator = getpid();
    gate->all = apr_shm_baseaddr_get(shm);
    gate->all->permits = (apr_uint32_t)permits;
    gate->all->waiters = (apr_uint32_t)waiters;
    if (sem_init(&gate->local, 0, (unsigned)permits) < 0) {
        return errno;
    }
    rv = make_semaphore(gate, permits, owner);
    if (rv == APR_SUCCESS) {
        *out = gate;
    }
    return rv;
}

/* Takes one permit out of the surplus, if there is any. */
static int take_surplus(shared *all)
{
    apr_uint32_t n = apr_atomic_read32(&all->surplus);

    while (n > 0) {
        apr_uint32_t before = apr_atomic_cas32(&all->surplus, n - 1, n);

        if (before == n) {
            return 1;
        }
        n = before;
    }
    return 0;
}

/* Takes out what is too much as far as nobody holds it. Not only leaving does that: who
 * is killed gives back by SEM_UNDO alone. */
static void collect(ba_gate *gate)
{
    struct sembuf take = {0, -1, IPC_NOWAIT};

    while (take_surplus(gate->all)) {
        if (semop(gate->id, &take, 1) < 0) {
            apr_atomic_inc32(&gate->all->surplus); /* in use */
            return;
        }
    }
}

/* Brings the semaphore to other permits without a look at who holds them. */
static void change(ba_gate *gate, apr_uint32_t permits)
{
    shared *all = gate->all;
    struct sembuf give = {0, 1, 0};

    for (; all->permits < permits; apr_atomic_inc32(&all->permits)) {
        if (!take_surplus(all)) {
            semop(gate->id, &give, 1);
        }
    }
    for (; all->permits > permits; apr_atomic_dec32(&all->permits)) {
        apr_atomic_inc32(&all->surplus);
    }
    collect(gate);
}

apr_status_t ba_gate_resize(ba_gate *gate, int permits, int waiters, uid_t owner)
{
    apr_status_t rv = APR_SUCCESS;

    if (semctl(gate->id, 0, GETVAL) < 0) {
        rv = make_semaphore(gate, permits, owner);
        apr_atomic_set32(&gate->all->surplus, 0);
        apr_atomic_set32(&gate->all->permits, (apr_uint32_t)permits);
    }
    else {
        change(gate, (apr_uint32_t)permits);
    }
    apr_atomic_set32(&gate->all->waiters, (apr_uint32_t)waiters);
    sem_destroy(&gate->local);
    return sem_init(&gate->local, 0, (unsigned)permits) < 0 ? errno : rv;
}

/* ---- in */

static apr_status_t enter_shared(ba_gate *gate, apr_uint64_t until, ba_permit *permit)
{
    struct sembuf take = {0, -1, SEM_UNDO | IPC_NOWAIT};

    collect(gate);
    for (;;) {
        apr_uint64_t now = ba_steady_us();
        apr_uint64_t left = until > now ? until - now : 0;
        struct timespec timeout = {(time_t)(left / 1000000), (long)(left % 1000000) * 1000};

        if (semtimedop(gate->id, &take, 1, &timeout) == 0) {
            return APR_SUCCESS;
        }
        if (errno == EAGAIN && permit->waited) {
            return APR_TIMEUP;
        }
        if (errno == EAGAIN) {
            /* only who would have to wait asks for the queue */
            if (semctl(gate->id, 0, GETNCNT) >= (int)apr_atomic_read32(&gate->all->waiters)) {
                return APR_EAGAIN;
            }
            permit->waited = 1;
            take.sem_flg = SEM_UNDO;
        }
        else if (errno != EINTR) {
            return errno;
        }
    }
}

static apr_status_t enter_local(ba_gate *gate, apr_uint64_t until, ba_permit *permit)
{
    apr_uint64_t now = ba_steady_us();
    apr_uint64_t left = until > now ? until - now : 0;
    struct timespec end;
    apr_status_t rv;
    int failed;

    if (sem_trywait(&gate->local) == 0) {
        return APR_SUCCESS;
    }
    if (apr_atomic_inc32(&gate->local_waiting) >= apr_atomic_read32(&gate->all->waiters)) {
        apr_atomic_dec32(&gate->local_waiting);
        return APR_EAGAIN;
    }
    permit->waited = 1;
    clock_gettime(CLOCK_REALTIME, &end);
    left += (apr_uint64_t)end.tv_nsec / 1000;
    end.tv_sec += (time_t)(left / 1000000);
    end.tv_nsec = (long)(left % 1000000) * 1000;
    while ((failed = sem_timedwait(&gate->local, &end)) < 0 && errno == EINTR) {
    }
    rv = !failed ? APR_SUCCESS : errno == ETIMEDOUT ? APR_TIMEUP : errno;
    apr_atomic_dec32(&gate->local_waiting);
    return rv;
}

static void count_entry(shared *all, apr_status_t rv, const ba_permit *permit)
{
    if (permit->waited) {
        apr_atomic_inc64(&all->waited);
        apr_atomic_add64(&all->wait_us, permit->wait_us);
    }
    if (rv == APR_SUCCESS) {
        apr_atomic_inc64(&all->entered);
    }
    else if (rv == APR_EAGAIN) {
        apr_atomic_inc64(&all->refused);
    }
    else if (rv == APR_TIMEUP) {
        apr_atomic_inc64(&all->gave_up);
    }
}

apr_status_t ba_gate_enter(ba_gate *gate, int timeout_ms, ba_permit *permit, int *lost)
{
    static const ba_permit none;
    apr_uint64_t start = ba_steady_us();
    apr_uint64_t until = start + (apr_uint64_t)timeout_ms * 1000;
    apr_status_t rv = EIDRM;
    int all = !apr_atomic_read32(&gate->lost);

    *permit = none;
    *lost = 0;
    if (all) {
        rv = enter_shared(gate, until, permit);
    }
    if (rv == EIDRM || rv == EINVAL) {
        /* somebody removed it: systemd's RemoveIPC does at a user's logout */
        *lost = apr_atomic_xchg32(&gate->lost, 1) == 0;
        all = 0;
        rv = enter_local(gate, until, permit);
    }
    permit->since = ba_steady_us();
    permit->wait_us = permit->since - start;
    if (rv == APR_SUCCESS) {
        permit->kind = all ? BA_PERMIT_SHARED : BA_PERMIT_LOCAL;
    }
    count_entry(gate->all, rv, permit);
    return rv;
}

/* ---- out */

static void give_back(ba_gate *gate, ba_permit *permit)
{
    /* the second takes it out again, and nothing is left to undo */
    struct sembuf give[] = {{0, 1, SEM_UNDO}, {0, -1, 0}};

    if (permit->kind == BA_PERMIT_LOCAL) {
        sem_post(&gate->local);
    }
    else {
        size_t n = take_surplus(gate->all) ? 2 : 1;

        while (semop(gate->id, give, n) < 0 && errno == EINTR) {
        }
    }
    permit->kind = BA_PERMIT_NONE;
}

apr_uint64_t ba_gate_leave(ba_gate *gate, ba_permit *permit)
{
    apr_uint64_t held = ba_steady_us() - permit->since;

    if (permit->kind == BA_PERMIT_NONE) {
        return 0;
    }
    apr_atomic_inc64(&gate->all->hashed);
    apr_atomic_add64(&gate->all->hash_us, held);
    give_back(gate, permit);
    return held;
}

void ba_gate_abandon(ba_gate *gate, ba_permit *permit)
{
    if (permit->kind != BA_PERMIT_NONE) {
        apr_atomic_inc64(&gate->all->gone);
        give_back(gate, permit);
    }
}

/* ---- a look */

void ba_gate_look(ba_gate *gate, ba_gate_state *state)
{
    shared *all = gate->all;
    int value = semctl(gate->id, 0, GETVAL);

    state->semaphore = gate->id;
    state->permits = (int)apr_atomic_read32(&all->permits);
    state->queue = (int)apr_atomic_read32(&all->waiters);
    state->lost = value < 0 || apr_atomic_read32(&gate->lost);
    if (state->lost) {
        sem_getvalue(&gate->local, &value);
        state->in_use = state->permits - value;
        state->waiting = (int)apr_atomic_read32(&gate->local_waiting);
    }
    else {
        state->in_use = state->permits + (int)apr_atomic_read32(&all->surplus) - value;
        state->waiting = semctl(gate->id, 0, GETNCNT);
    }
    state->entered = apr_atomic_read64(&all->entered);
    state->waited = apr_atomic_read64(&all->waited);
    state->refused = apr_atomic_read64(&all->refused);
    state->gave_up = apr_atomic_read64(&all->gave_up);
    state->gone = apr_atomic_read64(&all->gone);
    state->hashed = apr_atomic_read64(&all->hashed);
    state->wait_us = apr_atomic_read64(&all->wait_us);
    state->hash_us = apr_atomic_read64(&all->hash_us);
}
