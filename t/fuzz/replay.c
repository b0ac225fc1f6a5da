/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* No byte string may crash a reader: each of fuzz.h reads its seeds of t/fuzz/corpus, every
 * beginning of them, and some hundred mutations of each, always the same ones; the build
 * with sanitizers is what makes it worth it. t/fuzz/run searches for more. */

#include "fuzz.h"

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

enum { MUTATIONS = 400, LONGEST = 4096 };

/* xorshift: the same numbers on every machine. */
static uint32_t next_random(void)
{
    static uint32_t state = 2463534242u;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static size_t below(size_t n)
{
    return n ? next_random() % n : 0;
}

static size_t mutate(uint8_t *data, size_t size)
{
    static const char pieces[] = "\"\\/{}[]:;,=&%.@$?# \t\n\r\xff\xc2\xe2\xf0\xed\x80ud8" "0%00+";

    for (size_t n = 1 + below(4); n > 0 && size > 0; --n) {
        size_t at = below(size), len;

        switch (below(6)) {
        case 0:
            data[at] = (uint8_t)next_random();
            break;
        case 1:
            data[at] = (uint8_t)pieces[below(sizeof(pieces))];
            break;
        case 2:
            data[at] = (uint8_t)(data[at] ^ (1u << below(8)));
            break;
        case 3: /* cut */
            size = at;
            break;
        case 4: /* take something out */
            len = below(size - at);
            memmove(data + at, data + at + len, size - at - len);
            size -= len;
            break;
        default: /* say something twice */
            len = below(size - at);
            if (size + len <= LONGEST) {
                memmove(data + at + len, data + at, size - at);
                size += len;
            }
            break;
        }
    }
    return size;
}

static void replay(const fuzz_target *target, const char *file)
{
    uint8_t seed[LONGEST], data[LONGEST];
    FILE *in = fopen(file, "rb");
    size_t size;

    fuzz_must(in != NULL, file);
    size = fread(seed, 1, sizeof(seed), in);
    fclose(in);
    for (size_t cut = 0; cut <= size; ++cut) {
        fuzz_run(target, seed, cut);
    }
    for (int i = 0; i < MUTATIONS; ++i) {
        memcpy(data, seed, size);
        fuzz_run(target, data, mutate(data, size));
    }
}

/* The number of its seeds. */
static int replay_all(const fuzz_target *target, const char *corpus, apr_pool_t *pool)
{
    const char *folder = apr_pstrcat(pool, corpus, "/", target->name, NULL);
    apr_finfo_t entry;
    apr_dir_t *dir;
    int seeds = 0;

    if (apr_dir_open(&dir, folder, pool) != APR_SUCCESS) {
        return 0;
    }
    while (apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (entry.name[0] != '.') {
            const char *file = apr_pstrcat(pool, folder, "/", entry.name, NULL);

            printf("# %s\n", file);
            fflush(stdout); /* a crash shall show how far we came */
            replay(target, file);
            ++seeds;
        }
    }
    apr_dir_close(dir);
    return seeds;
}

int main(void)
{
    const char *source = getenv("BA_SRCDIR");
    apr_pool_t *pool;
    const char *corpus;
    int n = 0, bad = 0;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    corpus = apr_pstrcat(pool, source ? source : BA_SRCDIR, "/t/fuzz/corpus", NULL);
    for (int g = 0; fuzz_groups[g]; ++g) {
        for (const fuzz_target *t = fuzz_groups[g]; t->name; ++t) {
            int seeds = replay_all(t, corpus, pool);

            printf("%sok %d - %s, %d seeds\n", seeds ? "" : "not ", ++n, t->name, seeds);
            bad += !seeds;
        }
    }
    printf("1..%d\n", n);
    return bad || n == 0;
}
