/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Mail that stays on this machine for now: a sendmail program, a folder. */

#include "ba_courier_int.h"

#include "ba_settings.h"

#include <apr_atomic.h>
#include <apr_file_io.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#define POLL_MS 50

static const char *os_error(apr_status_t rv, apr_pool_t *pool)
{
    char text[120];

    return apr_pstrdup(pool, apr_strerror(rv, text, sizeof(text)));
}

/* ---- sendmail */

/* A file without a name, for what the program reads or says. Not a pipe: nobody has to
 * feed or drain it, so neither side can wait for the other. */
static apr_status_t nameless_file(apr_file_t **file, apr_pool_t *pool)
{
    const char *dir;
    char *name;
    apr_status_t rv = apr_temp_dir_get(&dir, pool);

    if (rv == APR_SUCCESS) {
        name = apr_pstrcat(pool, dir, "/betterauth.XXXXXX", NULL);
        rv = apr_file_mktemp(file, name,
                             APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_EXCL,
                             pool);
        if (rv == APR_SUCCESS) {
            apr_file_remove(name, pool);
        }
    }
    return rv;
}

static int fd_of(apr_file_t *file)
{
    apr_os_file_t fd = -1;

    apr_os_file_get(&fd, file);
    return fd;
}

/* The operator's words, and then ours: -i: a line with a dot alone does not end the
 * mail; after --, nothing is an option. */
static char **arguments(const ba_courier_job *job, apr_pool_t *pool)
{
    apr_array_header_t *argv = apr_array_make(pool, 10, sizeof(const char *));

    for (const char *const *word = job->mailer->argv; *word; ++word) {
        APR_ARRAY_PUSH(argv, const char *) = *word;
    }
    APR_ARRAY_PUSH(argv, const char *) = "-i";
    APR_ARRAY_PUSH(argv, const char *) = "-f";
    APR_ARRAY_PUSH(argv, const char *) = job->sender;
    APR_ARRAY_PUSH(argv, const char *) = "--";
    APR_ARRAY_PUSH(argv, const char *) = job->recipient;
    APR_ARRAY_PUSH(argv, const char *) = NULL;
    return (char **)argv->elts;
}

/* posix_spawn() and not apr_proc_create(), whose child runs clean-ups of pools that
 * other threads are using, and inherits the signals that httpd's threads block. */
static int spawn(const ba_courier_job *job, int in, int out, pid_t *pid, apr_pool_t *pool)
{
    /* httpd's environment may hold secrets of ours */
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *const envp[] = {path, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, out, 2);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    /* a group of its own, to be killed with all it has started */
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
                                        | POSIX_SPAWN_SETPGROUP);
    rc = posix_spawn(pid, job->mailer->target, &files, &attr, arguments(job, pool), envp);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return rc;
}

/* Waits for it, or ends it. 0: *status is how it ended; else why it had to be ended. */
static const char *wait_for(const ba_courier_job *job, pid_t pid, int *status)
{
    apr_time_t end = apr_time_now() + apr_time_from_sec(BA_COURIER_SECONDS);

    for (;;) {
        const char *reason = apr_atomic_read32(job->stop) ? "stopped"
                             : apr_time_now() > end       ? "took longer than a minute"
                                                          : NULL;
        pid_t got;

        if (reason) {
            kill(-pid, SIGKILL);
        }
        got = waitpid(pid, status, reason ? 0 : WNOHANG);
        if (reason || got == pid) {
            return reason;
        }
        if (got < 0 && errno != EINTR) {
            return "cannot be waited for";
        }
        apr_sleep(apr_time_from_msec(POLL_MS));
    }
}

/* The first line of what the program said; "" if nothing. */
static const char *said(apr_file_t *out, apr_pool_t *pool)
{
    char *text = apr_pcalloc(pool, 257);
    apr_size_t len = 256;
    apr_off_t start = 0;

    if (apr_file_seek(out, APR_SET, &start) != APR_SUCCESS
        || apr_file_read(out, text, &len) != APR_SUCCESS) {
        return "";
    }
    return text;
}

ba_courier_result ba_courier_sendmail(ba_courier_job *job, apr_pool_t *pool)
{
    apr_file_t *in, *out;
    apr_off_t start = 0;
    const char *reason;
    int status = 0;
    pid_t pid;
    apr_status_t rv = nameless_file(&in, pool);

    if (rv == APR_SUCCESS) {
        rv = nameless_file(&out, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_file_write_full(in, job->message, strlen(job->message), NULL);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_file_seek(in, APR_SET, &start);
    }
    if (rv == APR_SUCCESS) {
        rv = APR_FROM_OS_ERROR(spawn(job, fd_of(in), fd_of(out), &pid, pool));
    }
    if (rv != APR_SUCCESS) {
        ba_courier_explain(job, os_error(rv, pool), pool);
        return BA_COURIER_LATER;
    }
    reason = wait_for(job, pid, &status);
    if (reason) {
        job->error = reason;
        return apr_atomic_read32(job->stop) ? BA_COURIER_STOPPED : BA_COURIER_LATER;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == EX_OK) {
        return BA_COURIER_SENT;
    }
    ba_courier_explain(job,
                       apr_psprintf(pool, "%s %d: %s", WIFEXITED(status) ? "exit" : "signal",
                                    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
                                    said(out, pool)),
                       pool);
    return WIFEXITED(status) && WEXITSTATUS(status) == EX_NOUSER ? BA_COURIER_NEVER
                                                                 : BA_COURIER_LATER;
}

/* ---- a folder */

ba_courier_result ba_courier_dir(ba_courier_job *job, apr_pool_t *pool)
{
    const char *name = apr_pstrcat(pool, job->mailer->target, "/", job->id, ".eml", NULL);
    const char *draft = apr_pstrcat(pool, name, ".part", NULL);
    apr_file_t *file;
    apr_status_t closed, rv;

    rv = apr_file_open(&file, draft, APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE | APR_FOPEN_WRITE,
                       APR_FPROT_UREAD | APR_FPROT_UWRITE, pool);
    if (rv == APR_SUCCESS) {
        rv = apr_file_write_full(file, job->message, strlen(job->message), NULL);
        if (rv == APR_SUCCESS) {
            rv = apr_file_sync(file);
        }
        closed = apr_file_close(file);
        rv = rv == APR_SUCCESS ? closed : rv;
    }
    if (rv == APR_SUCCESS) {
        rv = apr_file_rename(draft, name, pool);
    }
    if (rv != APR_SUCCESS) {
        ba_courier_explain(job, os_error(rv, pool), pool);
        return BA_COURIER_LATER;
    }
    return BA_COURIER_SENT;
}
