/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#ifndef BA_STEADY_H
#define BA_STEADY_H

#include "ba_types.h"

/* Milliseconds of a clock that nobody sets, for what is to happen after a while: the
 * clock of the day may be put back by hours. Says nothing about the time of day, and
 * counts from another moment after a reboot. */
ba_time ba_steady_ms(void);

/* The same in microseconds. */
apr_uint64_t ba_steady_us(void);

#endif
