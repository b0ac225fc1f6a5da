/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_steady.h"

#include <time.h>

ba_time ba_steady_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return BA_MS(t.tv_sec) + t.tv_nsec / 1000000;
}
