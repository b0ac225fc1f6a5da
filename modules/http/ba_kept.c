/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_kept.h"

#include <apr_shm.h>
#include <errno.h>
#include <fcntl.h>
#include <http_config.h>
#include <http_core.h>
#include <sys/mman.h>
#include <unistd.h>
#include <util_mutex.h>

/* NULL: nothing has been kept under this key. */
static void *kept(const char *key)
{
    void **data = ap_retained_data_get(key);

    return data ? *data : NULL;
}

static void keep(const char *key, void *what)
{
    void **data = ap_retained_data_create(key, sizeof(*data));

    *data = what;
}

apr_status_t ba_kept_memory(const char *key, apr_size_t size, server_rec *s, void **memory,
                            int *made)
{
    apr_uintptr_t base;
    apr_shm_t *shm;
    apr_status_t rv;

    *memory = kept(key);
    *made = !*memory;
    if (*made) {
        rv = apr_shm_create(&shm, size + BA_KEPT_ALIGN, NULL, s->process->pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        base = (apr_uintptr_t)apr_shm_baseaddr_get(shm);
        *memory = (void *)APR_ALIGN(base, BA_KEPT_ALIGN);
        keep(key, *memory);
    }
    return APR_SUCCESS;
}

apr_status_t ba_kept_mutex(const char *key, const char *type, const char *instance, server_rec *s,
                           apr_global_mutex_t **mutex)
{
    apr_status_t rv;

    *mutex = kept(key);
    if (!*mutex) {
        rv = ap_global_mutex_create(mutex, NULL, type, instance, s, s->process->pool, 0);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        keep(key, *mutex);
    }
    return APR_SUCCESS;
}

/* Zeroed pages that are there for good: with a hole in the file, a full disk would kill
 * whoever writes. */
static void *map_new_file(const char *path, apr_size_t size)
{
    void *memory = MAP_FAILED;
    int fd;

    unlink(path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return NULL;
    }
    errno = posix_fallocate(fd, 0, (off_t)size);
    if (!errno) {
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    close(fd);
    if (memory == MAP_FAILED) {
        int saved = errno;

        unlink(path);
        errno = saved;
        return NULL;
    }
    return memory;
}

apr_status_t ba_kept_file(const char *key, const char *path, apr_size_t size, void **memory,
                          int *made)
{
    *memory = kept(key);
    *made = !*memory;
    if (*made) {
        *memory = map_new_file(path, size);
        if (!*memory) {
            return errno;
        }
        keep(key, *memory);
    }
    return APR_SUCCESS;
}

static apr_status_t remove_file(void *path)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_EXITING) {
        unlink(path);
    }
    return APR_SUCCESS;
}

void ba_kept_file_ends(const char *path, apr_pool_t *pconf)
{
    /* not a child's: its cleanups run too */
    apr_pool_cleanup_register(pconf, path, remove_file, apr_pool_cleanup_null);
}
