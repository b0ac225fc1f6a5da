/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_random.h"
#include "fixture.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void has_the_asked_length(void **state)
{
    fixture *f = *state;
    static const apr_size_t lengths[] = {0, 1, 24, 32, 63, 64, 65, 1000};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
        const char *text = ba_random_text(lengths[i], f->pool);

        assert_int_equal(strlen(text), lengths[i]);
        assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
                         lengths[i]);
    }
}

static void uuids_are_version_4(void **state)
{
    fixture *f = *state;
    int variants[4] = {0};

    for (int n = 0; n < 1000; ++n) {
        const char *id = ba_random_id(BA_ID_UUID, f->pool);

        assert_int_equal(strlen(id), 36);
        for (int i = 0; i < 36; ++i) {
            assert_non_null(strchr(i == 8 || i == 13 || i == 18 || i == 23 ? "-" : i == 14 ? "4" : i == 19 ? "89ab"
                                                                                                       : "0123456789abcdef",
                                   id[i]));
        }
        ++variants[strchr("89ab", id[19]) - "89ab"];
        assert_string_not_equal(id, ba_random_id(BA_ID_UUID, f->pool));
    }
    for (int i = 0; i < 4; ++i) {
        assert_true(variants[i] > 100);
    }
    assert_int_equal(strlen(ba_random_id(BA_ID_RANDOM, f->pool)), BA_ID_LENGTH);
}

/* Every position, every character: chi-square with 61 degrees of freedom stays
 * below 120 but once in 100,000 draws. `byte % 62` alone would give some 1400. */
static void is_not_biased(void **state)
{
    fixture *f = *state;
    enum { TOKENS = 20000, LENGTH = 32, LETTERS = 62 };
    static int count[LENGTH][128];
    double total = 0;

    for (int n = 0; n < TOKENS; ++n) {
        apr_pool_t *pool;
        const char *text;

        apr_pool_create(&pool, f->pool);
        text = ba_random_text(LENGTH, pool);
        for (int i = 0; i < LENGTH; ++i) {
            ++count[i][(int)text[i]];
        }
        apr_pool_destroy(pool);
    }
    for (int i = 0; i < LENGTH; ++i) {
        const double expected = (double)TOKENS / LETTERS;
        double chi = 0;

        for (int c = '0'; c <= 'z'; ++c) {
            if ((c > '9' && c < 'A') || (c > 'Z' && c < 'a')) {
                assert_int_equal(count[i][c], 0);
                continue;
            }
            chi += (count[i][c] - expected) * (count[i][c] - expected) / expected;
        }
        assert_true(chi < 160);
        total += chi;
    }
    /* mean 61 each; 32 of them have a standard deviation of 62 in sum */
    assert_true(total < 32 * 61 + 6 * 63);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void does_not_repeat(void **state)
{
    fixture *f = *state;
    enum { TOKENS = 20000 };
    const char **tokens = apr_palloc(f->pool, TOKENS * sizeof(*tokens));

    for (int i = 0; i < TOKENS; ++i) {
        tokens[i] = ba_random_text(32, f->pool);
    }
    qsort(tokens, TOKENS, sizeof(*tokens), compare);
    for (int i = 1; i < TOKENS; ++i) {
        assert_string_not_equal(tokens[i - 1], tokens[i]);
    }
}

/* Forked children must not go on from the same state (security.md CR-3). */
static void children_differ(void **state)
{
    fixture *f = *state;
    enum { CHILDREN = 16 };
    char seen[CHILDREN][33];
    int fd[2];

    assert_non_null(ba_random_text(8, f->pool));
    assert_int_equal(pipe(fd), 0);
    for (int i = 0; i < CHILDREN; ++i) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            _exit(write(fd[1], ba_random_text(32, f->pool), 33) != 33);
        }
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(read(fd[0], seen[i], 33), 33);
        for (int before = 0; before < i; ++before) {
            assert_string_not_equal(seen[before], seen[i]);
        }
    }
    close(fd[0]);
    close(fd[1]);
}

static void fills_bytes(void **state)
{
    unsigned char a[32] = {0}, b[32] = {0};

    (void)state;
    assert_int_equal(ba_random_bytes(a, sizeof(a)), APR_SUCCESS);
    assert_int_equal(ba_random_bytes(b, sizeof(b)), APR_SUCCESS);
    assert_memory_not_equal(a, b, sizeof(a));
}

static void lower_case_and_digits(void **state)
{
    fixture *f = *state;
    const char *text = ba_random_lower(20000, f->pool);
    int seen[128] = {0};

    assert_int_equal(strlen(text), 20000);
    assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789"), 20000);
    for (const char *p = text; *p; ++p) {
        ++seen[(unsigned char)*p];
    }
    /* 555 of each on the average, with a deviation of 23; `byte % 36` gives the first four 625 */
    for (const char *p = "abcdefghijklmnopqrstuvwxyz0123456789"; *p; ++p) {
        assert_in_range(seen[(unsigned char)*p], 400, 720);
    }
    assert_string_not_equal(ba_random_lower(32, f->pool), ba_random_lower(32, f->pool));
    assert_string_equal(ba_random_lower(0, f->pool), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(has_the_asked_length),
        FIXTURE_TEST(uuids_are_version_4),
        FIXTURE_TEST(is_not_biased),
        FIXTURE_TEST(does_not_repeat),
        FIXTURE_TEST(children_differ),
        cmocka_unit_test(fills_bytes),
        FIXTURE_TEST(lower_case_and_digits),
    };

    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
