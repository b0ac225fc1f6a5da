/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* How long it takes to refuse a signature, in nanoseconds, for t/security/timing: a line
 * "CLASS TIME" for each of many, the classes in random order. first: wrong from the first
 * character on, last: all but the last one are right. */

#include "ba_mac.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOKEN "abcdefghijklmnopqrstuvwxyzABCDEF"

enum { BATCH = 8 };

static uint32_t next_random(void)
{
    static uint32_t state = 2463534242u;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static long long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv)
{
    static const char alphabet[]
        = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int count = argc > 1 ? atoi(argv[1]) : 200000;
    ba_bytes secret = {"0123456789abcdef0123456789abcdef", 32};
    char value[sizeof(TOKEN) + BA_MAC_LENGTH + 1];
    unsigned char mac[BA_MAC_BYTES];
    const char *opened;
    apr_array_header_t *secrets;
    apr_pool_t *forever, *pool;
    const char *good;

    apr_initialize();
    apr_pool_create(&forever, NULL);
    apr_pool_create(&pool, NULL);
    secrets = apr_array_make(forever, 1, sizeof(ba_bytes));
    APR_ARRAY_PUSH(secrets, ba_bytes) = secret;
    good = ba_mac_sign(secret, TOKEN, forever);
    for (int i = 0; i < count; ++i) {
        int last = next_random() & 1, at = last ? BA_MAC_LENGTH - 2 : 0, taken = 0;
        const char *found = strchr(alphabet, good[at]);
        long long begun, ended;

        /* the same work for both: a copy, and one other character */
        apr_snprintf(value, sizeof(value), "%s.%s", TOKEN, good);
        value[sizeof(TOKEN) + at] = alphabet[(found - alphabet + 1 + next_random() % 63) % 64];
        begun = now();
        for (int k = 0; k < BATCH; ++k) {
            taken |= ba_mac_open(secrets, value, &opened, mac, pool) != APR_NOTFOUND;
        }
        ended = now();
        if (taken) {
            fprintf(stderr, "a forged signature is taken\n");
            return 1;
        }
        printf("%s %lld\n", last ? "last" : "first", (ended - begun) / BATCH);
        apr_pool_clear(pool);
    }
    apr_terminate();
    return 0;
}
