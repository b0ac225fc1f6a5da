/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_cpus.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

/* Where the groups are mounted, by custom of every distribution and container. The
 * folder of version 1 has the name of its controllers, or a link of that name. */
#define GROUPS "/sys/fs/cgroup"

static int allowed(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef CPU_COUNT
    cpu_set_t set;

    /* fails beyond 1024 processors; then there are enough */
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        return CPU_COUNT(&set);
    }
#endif
    return online > 0 ? (int)online : 1;
}

/* The first line of a file below a group; NULL: there is none. */
static const char *first_line(const char *folder, const char *name, apr_pool_t *pool)
{
    char *line = apr_palloc(pool, LINE_MAX_BYTES);
    apr_file_t *file;
    apr_status_t rv;

    if (apr_file_open(&file, apr_pstrcat(pool, folder, "/", name, NULL), APR_FOPEN_READ,
                      APR_FPROT_OS_DEFAULT, pool)
        != APR_SUCCESS) {
        return NULL;
    }
    rv = apr_file_gets(line, LINE_MAX_BYTES, file);
    apr_file_close(file);
    return rv == APR_SUCCESS ? line : NULL;
}

/* Processors of one group's quota, rounded up; INT_MAX: it has none. */
static int quota_of(const char *folder, apr_pool_t *pool)
{
    const char *both = first_line(folder, "cpu.max", pool); /* "max 100000" or "150000 100000" */
    const char *quota = first_line(folder, "cpu.cfs_quota_us", pool); /* "-1" or "150000" */
    const char *period = quota ? first_line(folder, "cpu.cfs_period_us", pool) : NULL;
    long us = -1, per = 100000;

    if (both) {
        /* "max" is no number */
        if (sscanf(both, "%ld %ld", &us, &per) < 1) {
            return INT_MAX;
        }
    }
    else if (period) {
        us = strtol(quota, NULL, 10);
        per = strtol(period, NULL, 10);
    }
    return us <= 0 || per <= 0 || us / per >= INT_MAX
               ? INT_MAX
               : (int)(us / per + (us % per > 0));
}

/* The smallest quota of a group and of all above it. In a container the path may be that
 * of the machine outside, and only its mount's root be there. */
static int smallest_quota(const char *mount, const char *path, apr_pool_t *pool)
{
    char *folder = apr_pstrcat(pool, mount, path, NULL);
    apr_size_t least = strlen(mount);
    int smallest = INT_MAX;

    for (;;) {
        char *slash = strrchr(folder, '/');
        int quota = quota_of(folder, pool);

        smallest = quota < smallest ? quota : smallest;
        if (!slash || (apr_size_t)(slash - folder) < least) {
            return smallest;
        }
        *slash = '\0';
    }
}

/* Is a controller, "cpu", one of "cpu,cpuacct"? */
static int lists(const char *controllers, const char *one, apr_pool_t *pool)
{
    char *rest, *word = apr_strtok(apr_pstrdup(pool, controllers), ",", &rest);

    while (word && strcmp(word, one)) {
        word = apr_strtok(NULL, ",", &rest);
    }
    return word != NULL;
}

/* A line of /proc/self/cgroup: "0::/path" of version 2, "4:cpu,cpuacct:/path" of 1. */
static int quota_of_line(const char *root, char *line, apr_pool_t *pool)
{
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;

    line[strcspn(line, "\n")] = '\0';
    if (!path) {
        return INT_MAX;
    }
    *path++ = '\0';
    ++controllers;
    if (!*controllers) {
        return smallest_quota(apr_pstrcat(pool, root, GROUPS, NULL), path, pool);
    }
    return lists(controllers, "cpu", pool)
               ? smallest_quota(apr_pstrcat(pool, root, GROUPS "/", controllers, NULL), path, pool)
               : INT_MAX;
}

int ba_cpus_usable(const char *root, apr_pool_t *pool)
{
    char line[LINE_MAX_BYTES];
    int least = allowed();
    apr_file_t *file;

    if (apr_file_open(&file, apr_pstrcat(pool, root, "/proc/self/cgroup", NULL), APR_FOPEN_READ,
                      APR_FPROT_OS_DEFAULT, pool)
        == APR_SUCCESS) {
        while (apr_file_gets(line, sizeof(line), file) == APR_SUCCESS) {
            int quota = quota_of_line(root, line, pool);

            least = quota < least ? quota : least;
        }
        apr_file_close(file);
    }
    return least > 0 ? least : 1;
}
