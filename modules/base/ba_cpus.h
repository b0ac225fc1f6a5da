/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#ifndef BA_CPUS_H
#define BA_CPUS_H

#include <apr_pools.h>

/* How many processors' worth of work this process may do at a time, at least 1: those
 * that it may run on (taskset, systemd's CPUAffinity, cpusets), and no more than the
 * quota of its control groups, rounded up (CPUQuota, docker run --cpus; versions 2 and
 * 1). root: put before /proc and /sys, "" for the machine itself. */
int ba_cpus_usable(const char *root, apr_pool_t *pool);

#endif
