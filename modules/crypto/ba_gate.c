/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_gate.h"

#include <apr_atomic.h>
#include <apr_errno.h>
#include <errno.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

struct ba_gate {
    int id; /* of the System V semaphore */
    int permits;
    int waiters;
    pid_t creator;
    apr_uint32_t lost; /* per process: the semaphore is gone */
    sem_t local;       /* per process after fork(): used when it is */
};

/* semctl() wants the caller to declare it */
union semun {
    int val;
    struct semid_ds *buf;
};

void ba_gate_destroy(ba_gate *gate)
{
    if (gate->creator == getpid()) {
        semctl(gate->id, 0, IPC_RMID);
    }
}

/* Fills the semaphore and gives it to its user; -1 and errno on failure. */
static int prepare(ba_gate *gate, uid_t owner)
{
    struct semid_ds ds;
    union semun arg;

    arg.val = gate->permits;
    if (semctl(gate->id, 0, SETVAL, arg) < 0) {
        return -1;
    }
    if (owner == (uid_t)-1) {
        return 0;
    }
    arg.buf = &ds;
    if (semctl(gate->id, 0, IPC_STAT, arg) < 0) {
        return -1;
    }
    ds.sem_perm.uid = owner;
    return semctl(gate->id, 0, IPC_SET, arg);
}

apr_status_t ba_gate_create(int permits, int waiters, uid_t owner, ba_gate **out, apr_pool_t *pool)
{
    ba_gate *gate = apr_pcalloc(pool, sizeof(*gate));

    gate->permits = permits;
    gate->waiters = waiters;
    gate->creator = getpid();
    if (sem_init(&gate->local, 0, (unsigned)permits) < 0) {
        return errno;
    }
    gate->id = semget(IPC_PRIVATE, 1, 0600);
    if (gate->id < 0) {
        return errno;
    }
    if (prepare(gate, owner) < 0) {
        apr_status_t rv = errno;

        ba_gate_destroy(gate);
        return rv;
    }
    *out = gate;
    return APR_SUCCESS;
}

static apr_status_t enter_local(ba_gate *gate, int timeout_ms, ba_permit *permit)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        ++until.tv_sec;
        until.tv_nsec -= 1000000000L;
    }
    while (sem_timedwait(&gate->local, &until) < 0) {
        if (errno != EINTR) {
            return errno == ETIMEDOUT ? APR_TIMEUP : errno;
        }
    }
    *permit = BA_PERMIT_LOCAL;
    return APR_SUCCESS;
}

apr_status_t ba_gate_enter(ba_gate *gate, int timeout_ms, ba_permit *permit, int *lost)
{
    struct timespec timeout = {timeout_ms / 1000, (timeout_ms % 1000) * 1000000L};
    struct sembuf take = {0, -1, SEM_UNDO | IPC_NOWAIT};

    *permit = BA_PERMIT_NONE;
    *lost = 0;
    if (apr_atomic_read32(&gate->lost)) {
        return enter_local(gate, timeout_ms, permit);
    }
    /* without waiting first: only who would have to wait asks for the queue */
    while (semtimedop(gate->id, &take, 1, &timeout) < 0) {
        if (errno == EAGAIN && (take.sem_flg & IPC_NOWAIT)) {
            if (semctl(gate->id, 0, GETNCNT) >= gate->waiters) {
                return APR_EAGAIN;
            }
            take.sem_flg = SEM_UNDO;
        }
        else if (errno == EIDRM || errno == EINVAL) {
            /* somebody removed it: systemd's RemoveIPC does at a user's logout */
            *lost = apr_atomic_xchg32(&gate->lost, 1) == 0;
            return enter_local(gate, timeout_ms, permit);
        }
        else if (errno != EINTR) {
            return errno == EAGAIN ? APR_TIMEUP : errno;
        }
    }
    *permit = BA_PERMIT_SHARED;
    return APR_SUCCESS;
}

void ba_gate_leave(ba_gate *gate, ba_permit permit)
{
    struct sembuf give = {0, 1, SEM_UNDO};

    if (permit == BA_PERMIT_LOCAL) {
        sem_post(&gate->local);
    }
    else if (permit == BA_PERMIT_SHARED) {
        while (semop(gate->id, &give, 1) < 0 && errno == EINTR) {
        }
    }
}

void ba_gate_load(const ba_gate *gate, int *busy, int *waiting)
{
    int left = semctl(gate->id, 0, GETVAL);
    int queue = semctl(gate->id, 0, GETNCNT);

    *busy = left < 0 ? 0 : gate->permits - left;
    *waiting = queue < 0 ? 0 : queue;
}

int ba_gate_permits(const ba_gate *gate)
{
    return gate->permits;
}

int ba_gate_waiters(const ba_gate *gate)
{
    return gate->waiters;
}
