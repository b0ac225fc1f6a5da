/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The most password checks that this machine can do: libargon2 in a loop, one
 * thread per core, nothing else. Prints checks per second.
 *
 *   argon2_rate SECONDS THREADS ENCODED-HASH PASSWORD
 */

#include <argon2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *encoded, *password;
static double until;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *work(void *count)
{
    do {
        if (argon2id_verify(encoded, password, strlen(password)) != ARGON2_OK) {
            fprintf(stderr, "argon2_rate: the password does not fit the hash\n");
            exit(1);
        }
        ++*(long *)count;
    } while (now() < until);
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argc == 5 ? atoi(argv[2]) : 0;
    double start = now();
    long all = 0;

    if (threads < 1 || threads > 256) {
        fprintf(stderr, "usage: argon2_rate SECONDS THREADS ENCODED-HASH PASSWORD\n");
        return 2;
    }
    until = start + atof(argv[1]);
    encoded = argv[3];
    password = argv[4];
    {
        pthread_t thread[256];
        long count[256] = {0};

        for (int i = 0; i < threads; ++i) {
            if (pthread_create(&thread[i], NULL, work, &count[i]) != 0) {
                return 1;
            }
        }
        for (int i = 0; i < threads; ++i) {
            pthread_join(thread[i], NULL);
            all += count[i];
        }
    }
    printf("%.2f\n", (double)all / (now() - start));
    return 0;
}
