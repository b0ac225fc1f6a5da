/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_watch.h"
#include "fixture.h"

#define LAG 10

typedef struct watched {
    fixture *f;
    ba_revocations *all;
    ba_session *session;
    ba_watch watch;
} watched;

/* A session of a day, found by a call, and watched from then on. */
static watched *begin(void **state)
{
    fixture *f = *state;
    watched *w = apr_pcalloc(f->pool, sizeof(*w));

    w->f = f;
    w->all = ba_revocations_create(apr_pcalloc(f->pool, ba_revocations_size()), NOW);
    fixture_add_user(f, "zoe@example.com", NULL);
    w->session = fixture_add_session(f, "user1", TOKEN, NOW + DAY);
    f->settings.session_cache.lifetime = LAG;
    fixture_call(f, "GET", "/");
    f->call->revocations = w->all;
    f->call->session = w->session;
    ba_watch_begin(&w->watch, f->call);
    return w;
}

static int hear(watched *w, apr_status_t rv, ba_time now)
{
    return ba_watch_heard(&w->watch, &w->f->settings, rv, w->session, now);
}

/* As begin(), and the database has answered. */
static watched *begun(void **state)
{
    watched *w = begin(state);

    assert_false(hear(w, APR_SUCCESS, NOW));
    return w;
}

static void assert_due(const watched *w, ba_time now, ba_watch_due due)
{
    assert_int_equal(ba_watch_look(&w->watch, w->all, now), due);
}

static void names_whom_it_watches(void **state)
{
    watched *w = begin(state);

    memset(&w->watch, 0xff, sizeof(w->watch));
    ba_watch_begin(&w->watch, w->f->call);
    assert_string_equal(w->watch.token, TOKEN);
    assert_string_equal(w->watch.session_id, w->session->id);
    assert_string_equal(w->watch.user_id, "user1");
    /* until its last moment, while the database is down */
    assert_false(hear(w, APR_EGENERAL, NOW + DAY));
    assert_true(hear(w, APR_EGENERAL, NOW + DAY + 1));
    assert_false(hear(w, APR_SUCCESS, NOW));
    assert_due(w, NOW, BA_WATCH_IDLE);
}

static void a_new_one_is_asked_about_at_once(void **state)
{
    watched *w = begin(state);

    assert_due(w, NOW, BA_WATCH_URGENT);
    assert_false(hear(w, APR_SUCCESS, NOW));
    assert_due(w, NOW, BA_WATCH_IDLE);
}

static void others_may_end_it_unheard(void **state)
{
    watched *w = begun(state);

    assert_due(w, NOW + BA_MS(LAG) - 1, BA_WATCH_IDLE);
    assert_due(w, NOW + BA_MS(LAG), BA_WATCH_LOOK);
    ba_watch_note(&w->watch, w->all);
    assert_true(hear(w, APR_NOTFOUND, NOW + BA_MS(LAG)));
}

static void a_clock_that_is_put_back_hides_nothing(void **state)
{
    watched *w = begun(state);

    assert_due(w, NOW - 1, BA_WATCH_LOOK);
    ba_watch_note(&w->watch, w->all);
    assert_false(hear(w, APR_SUCCESS, NOW - BA_MS(7200)));
    assert_due(w, NOW - BA_MS(7200), BA_WATCH_IDLE);
    assert_due(w, NOW - BA_MS(7200) + BA_MS(LAG), BA_WATCH_LOOK);
}

static void what_is_told_is_urgent(void **state)
{
    watched *w = begun(state);
    const char *const names[] = {TOKEN, "user1"};

    for (int i = 0; i < 2; ++i) {
        ba_revoke_tell(w->all, ba_revoke_slot(names[i]), NOW);
        assert_due(w, NOW, BA_WATCH_URGENT);
        ba_watch_note(&w->watch, w->all);
        assert_due(w, NOW, BA_WATCH_URGENT); /* until there is an answer */
        assert_false(hear(w, APR_SUCCESS, NOW));
        assert_due(w, NOW, BA_WATCH_IDLE);
    }
    ba_revoke_tell(w->all, ba_revoke_slot("somebody else"), NOW);
    assert_due(w, NOW, BA_WATCH_IDLE);
}

/* It was told once more while the database was being asked. */
static void an_answer_may_come_too_early(void **state)
{
    watched *w = begun(state);

    ba_watch_note(&w->watch, w->all);
    ba_revoke_tell(w->all, ba_revoke_slot(TOKEN), NOW);
    assert_false(hear(w, APR_SUCCESS, NOW));
    assert_due(w, NOW, BA_WATCH_URGENT);
}

static void its_time_ends_it_unless_it_was_refreshed(void **state)
{
    watched *w = begun(state);
    ba_time end = NOW + DAY;

    w->watch.ask_at = end + DAY;
    assert_due(w, end, BA_WATCH_IDLE);
    assert_due(w, end + 1, BA_WATCH_URGENT);
    ba_watch_note(&w->watch, w->all);
    w->session->expires_at = end + DAY;
    assert_false(hear(w, APR_SUCCESS, end + 1));
    assert_due(w, end + 1, BA_WATCH_IDLE);
    w->session->expires_at = end;
    assert_true(hear(w, APR_SUCCESS, end + 1));
}

static void a_database_that_is_down_ends_nothing_before_its_time(void **state)
{
    watched *w = begun(state);

    ba_revoke_tell(w->all, ba_revoke_slot(TOKEN), NOW);
    ba_watch_note(&w->watch, w->all);
    assert_false(hear(w, APR_EGENERAL, NOW));
    assert_due(w, NOW, BA_WATCH_URGENT); /* and it is asked again */
    assert_true(hear(w, APR_EGENERAL, NOW + DAY + 1));
}

static void the_longest_life_counts(void **state)
{
    watched *w = begun(state);

    w->f->settings.session_max_lifetime = 60;
    w->session->created_at = NOW - BA_MS(59);
    assert_false(hear(w, APR_SUCCESS, NOW));
    assert_due(w, NOW + BA_MS(1), BA_WATCH_IDLE);
    assert_due(w, NOW + BA_MS(1) + 1, BA_WATCH_URGENT);
    assert_true(hear(w, APR_SUCCESS, NOW + BA_MS(1) + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(names_whom_it_watches), FIXTURE_TEST(a_new_one_is_asked_about_at_once),
        FIXTURE_TEST(others_may_end_it_unheard),
        FIXTURE_TEST(a_clock_that_is_put_back_hides_nothing),
        FIXTURE_TEST(what_is_told_is_urgent),
        FIXTURE_TEST(an_answer_may_come_too_early),
        FIXTURE_TEST(its_time_ends_it_unless_it_was_refreshed),
        FIXTURE_TEST(a_database_that_is_down_ends_nothing_before_its_time),
        FIXTURE_TEST(the_longest_life_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
