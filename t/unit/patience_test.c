/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ba_patience.h"

/* The clock's lower half wraps meanwhile. */
static const ba_time start = ((ba_time)1 << 32) - 700;

static int asks(ba_patience *p, ba_time now, ba_patience_news expected)
{
    ba_patience_news news;
    int asked = ba_patience_enter(p, now, &news);

    assert_int_equal(news, expected);
    return asked;
}

static void many_ask_what_answers(void **state)
{
    ba_patience p = {0};

    (void)state;
    for (ba_time now = start; now < start + 2000; now += 100) {
        assert_true(asks(&p, now, BA_PATIENCE_SAME));
        assert_true(asks(&p, now, BA_PATIENCE_SAME));
        assert_int_equal(ba_patience_leave(&p, now, now + 90), BA_PATIENCE_SAME);
        assert_int_equal(ba_patience_leave(&p, now, now + 95), BA_PATIENCE_SAME);
    }
}

static void who_comes_after_one_that_waits_goes_without(void **state)
{
    ba_patience p = {0};

    (void)state;
    assert_true(asks(&p, start, BA_PATIENCE_SAME));
    assert_true(asks(&p, start + 400, BA_PATIENCE_SAME));
    assert_false(asks(&p, start + 501, BA_PATIENCE_LOST));
    assert_false(asks(&p, start + 502, BA_PATIENCE_SAME));
    /* nor later, while somebody still waits */
    assert_false(asks(&p, start + 9000, BA_PATIENCE_SAME));
    assert_int_equal(ba_patience_leave(&p, start, start + 9001), BA_PATIENCE_SAME);
    assert_false(asks(&p, start + 9002, BA_PATIENCE_SAME));
    assert_int_equal(ba_patience_leave(&p, start + 400, start + 9003), BA_PATIENCE_SAME);
    /* then one looks */
    assert_true(asks(&p, start + 9004, BA_PATIENCE_SAME));
    assert_false(asks(&p, start + 9004, BA_PATIENCE_SAME));
    assert_int_equal(ba_patience_leave(&p, start + 9004, start + 9005), BA_PATIENCE_BACK);
    assert_true(asks(&p, start + 9006, BA_PATIENCE_SAME));
    assert_true(asks(&p, start + 9006, BA_PATIENCE_SAME));
}

static void one_that_waited_tells_the_others(void **state)
{
    ba_patience p = {0};

    (void)state;
    assert_true(asks(&p, start, BA_PATIENCE_SAME));
    assert_int_equal(ba_patience_leave(&p, start, start + 501), BA_PATIENCE_LOST);
    assert_false(asks(&p, start + 502, BA_PATIENCE_SAME));
    assert_false(asks(&p, start + 501 + BA_PATIENCE_PAUSE_MS - 1, BA_PATIENCE_SAME));
    /* who looks waits too, and tells nothing new */
    assert_true(asks(&p, start + 502 + BA_PATIENCE_PAUSE_MS, BA_PATIENCE_SAME));
    assert_int_equal(ba_patience_leave(&p, start + 5502, start + 6500), BA_PATIENCE_SAME);
    assert_false(asks(&p, start + 6501, BA_PATIENCE_SAME));
    assert_true(asks(&p, start + 20000, BA_PATIENCE_SAME));
    assert_int_equal(ba_patience_leave(&p, start + 20000, start + 20001), BA_PATIENCE_BACK);
}

/* Long after the last question, the first to ask is not late. */
static void a_rest_is_no_wait(void **state)
{
    ba_patience p = {0};

    (void)state;
    assert_true(asks(&p, start, BA_PATIENCE_SAME));
    assert_int_equal(ba_patience_leave(&p, start, start + 1), BA_PATIENCE_SAME);
    assert_true(asks(&p, start + 60000, BA_PATIENCE_SAME));
    assert_true(asks(&p, start + 60001, BA_PATIENCE_SAME));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_ask_what_answers),
        cmocka_unit_test(who_comes_after_one_that_waits_goes_without),
        cmocka_unit_test(one_that_waited_tells_the_others),
        cmocka_unit_test(a_rest_is_no_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
