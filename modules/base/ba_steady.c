/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_steady.h"

#include <time.h>

apr_uint64_t ba_steady_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (apr_uint64_t)t.tv_sec * 1000000 + (apr_uint64_t)t.tv_nsec / 1000;
}

ba_time ba_steady_ms(void)
{
    return (ba_time)(ba_steady_us() / 1000);
}
