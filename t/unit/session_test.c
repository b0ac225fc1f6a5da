/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_session.h"
#include "fixture.h"

#include <openssl/evp.h>

#define NAME "better-auth.session_token"
#define DATA "better-auth.session_data"
#define REMEMBER "better-auth.dont_remember"

/* With the defaults a session is refreshed when it has this long to live, or less. */
#define DUE (NOW + 6 * DAY)

/* A user, a session until then, and a call that shows the good cookie. */
static fixture *with_session(void **state, ba_time expires_at, const char *more_cookies)
{
    fixture *f = *state;

    fixture_add_user(f, "zoe@example.com", NULL);
    fixture_add_session(f, "user1", TOKEN, expires_at);
    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Cookie", apr_pstrcat(f->pool, NAME "=" COOKIE_TOKEN, more_cookies, NULL));
    return f;
}

static int cookies_set(const fixture *f)
{
    return apr_table_elts(f->call->answer.cookies)->nelts;
}

static void assert_cleared(const fixture *f)
{
    assert_int_equal(cookies_set(f), 3);
    assert_string_equal(fixture_cookie(f, NAME),
                        NAME "=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
    assert_string_equal(fixture_cookie(f, DATA),
                        DATA "=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
    assert_string_equal(fixture_cookie(f, REMEMBER),
                        REMEMBER "=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
}

static void a_young_session_is_returned_as_it_is(void **state)
{
    fixture *f = with_session(state, DUE + 1, "");

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_string_equal(f->call->session->token, TOKEN);
    assert_string_equal(f->call->user->email, "zoe@example.com");
    assert_int_equal(cookies_set(f), 0);
    assert_int_equal(f->store.asked[OP_SESSION_EXTEND], 0);
}

static void an_old_session_is_refreshed(void **state)
{
    fixture *f = with_session(state, DUE, "");

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_true(f->call->session->expires_at == NOW + 7 * DAY);
    assert_true(f->call->session->updated_at == NOW);
    assert_string_equal(f->call->session->token, TOKEN); /* never changes */
    assert_true(fixture_find_session(f, TOKEN)->expires_at == NOW + 7 * DAY);
    assert_int_equal(cookies_set(f), 1);
    assert_string_equal(fixture_cookie(f, NAME),
                        NAME "=" COOKIE_TOKEN "; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax");
}

/* It is the configured life that counts, not what was configured at sign-in. */
static void the_rule_follows_the_settings(void **state)
{
    fixture *f = with_session(state, NOW + BA_MS(3600), "");

    f->settings.session_expires_in = 600;
    f->settings.session_update_age = 86400;
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->store.asked[OP_SESSION_EXTEND], 0); /* never due */
    f->call->session_asked = 0;
    f->settings.session_expires_in = 7200;
    f->settings.session_update_age = 0; /* at every use */
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_true(fixture_find_session(f, TOKEN)->expires_at == NOW + BA_MS(7200));
}

static void dont_remember_is_never_refreshed(void **state)
{
    fixture *f = with_session(state, NOW + 1, "; " REMEMBER "=" COOKIE_TRUE);

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->store.asked[OP_SESSION_EXTEND], 0);
    assert_int_equal(cookies_set(f), 0);
}

/* Without the marker a 24-hour session becomes a whole one at its first use. */
static void a_forged_dont_remember_counts_for_nothing(void **state)
{
    fixture *f = with_session(
        state, NOW + DAY, "; " REMEMBER "=true.LrxJKa3x2eCRjNwwnr9kuw9J8F5SAHRXP10QjfJxfd1%3D");

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_true(fixture_find_session(f, TOKEN)->expires_at == NOW + 7 * DAY);
    /* and it goes, or it would stand beside the new cookie */
    assert_non_null(strstr(fixture_cookie(f, REMEMBER), "Max-Age=0"));
}

/* A session token under that name is signed by us, but says nothing. */
static void only_true_means_dont_remember(void **state)
{
    fixture *f = with_session(state, DUE, "; " REMEMBER "=" COOKIE_TOKEN);

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->store.asked[OP_SESSION_EXTEND], 1);
}

static void disable_refresh(void **state)
{
    static const struct {
        const char *query;
        int refreshed;
    } rows[] = {
        {"disableRefresh=true", 0},
        {"disableRefresh=1", 0},
        {"disableRefresh=false", 0}, /* any text is true, this one too */
        {"disableRefresh=0", 0},
        {"x=y&disableRefresh=%20", 0},
        {"disableRefresh=&disableRefresh=", 0}, /* two make an array: true */
        {"disableRefresh=", 1},
        {"disableRefresh", 1},
        {"disablerefresh=true", 1},
        {"", 1},
        {"&", 1},
    };
    fixture *f = with_session(state, DUE, "");

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        f->call->session_asked = 0;
        f->call->query = rows[i].query;
        f->store.asked[OP_SESSION_EXTEND] = 0;
        fixture_find_session(f, TOKEN)->expires_at = DUE;
        assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
        if (f->store.asked[OP_SESSION_EXTEND] != rows[i].refreshed) {
            fail_msg("?%s", rows[i].query);
        }
    }
}

static void expiry_is_to_the_millisecond(void **state)
{
    fixture *f = with_session(state, NOW, "; " REMEMBER "=" COOKIE_TRUE);

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    f->call->session_asked = 0;
    fixture_find_session(f, TOKEN)->expires_at = NOW - 1;
    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
}

static void an_expired_session_is_cleared_and_deleted(void **state)
{
    fixture *f = with_session(state, NOW - 1, "");

    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_null(f->call->session);
    assert_null(f->call->user);
    assert_null(fixture_find_session(f, TOKEN));
    assert_cleared(f);
}

static void an_unknown_session_is_cleared(void **state)
{
    fixture *f = *state;

    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN);
    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_int_equal(f->store.asked[OP_SESSION], 1);
    assert_cleared(f);
}

/* No question to the database, no cookie touched. */
static void forged_cookies_cost_nothing(void **state)
{
    fixture *f = *state;
    static const char *const cookies[] = {
        "a=b", NAME "=", NAME "=" TOKEN, NAME "=" TOKEN ".", NAME "=x" COOKIE_TOKEN,
        NAME "=" TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jR%3D",
        "__Secure-" NAME "=" COOKIE_TOKEN, "session_token=" COOKIE_TOKEN,
        NAME "=.thNnmggU2ex3L5XXeMNfxf8Wl8STcVZTxscSFEKSxa0%3D",
    };

    for (size_t i = 0; i < sizeof(cookies) / sizeof(cookies[0]); ++i) {
        fixture_call(f, "GET", "/get-session");
        fixture_header(f, "Cookie", cookies[i]);
        assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
        assert_int_equal(cookies_set(f), 0);
    }
    assert_int_equal(f->store.asked[OP_SESSION], 0);
    assert_int_equal(f->log->nelts, 0); /* nor a line of the log */
}

/* Signed by us but longer than any token: nothing that the column could hold. */
static void a_long_token_is_not_asked_for(void **state)
{
    fixture *f = *state;
    char token[301];

    memset(token, 'x', 300);
    token[BA_TOKEN_MAX] = '\0';
    ba_session_set_cookies(f->call, &(ba_session){.token = token}, NULL, 1);
    fixture_header(f, "Cookie", fixture_cookie(f, NAME));
    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_int_equal(f->store.asked[OP_SESSION], 1); /* as long as one may be */
    f->store.asked[OP_SESSION] = 0;
    fixture_call(f, "GET", "/");
    token[BA_TOKEN_MAX] = 'x';
    token[300] = '\0';
    ba_session_set_cookies(f->call, &(ba_session){.token = token}, NULL, 1);
    fixture_header(f, "Cookie", fixture_cookie(f, NAME));
    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_int_equal(f->store.asked[OP_SESSION], 0);
}

/* The marker's value under the session's name is signed, but names no session. */
static void the_marker_is_no_session(void **state)
{
    fixture *f = with_session(state, DUE + 1, "");

    fixture_header(f, "Cookie", NAME "=" COOKIE_TRUE);
    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_null(f->call->session);
}

static void a_store_that_is_down_clears_nothing(void **state)
{
    static const fake_op ops[] = {OP_SESSION, OP_SESSION_EXTEND};
    fixture *f = with_session(state, DUE, "");

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); ++i) {
        memset(f->store.answer, 0, sizeof(f->store.answer));
        f->store.answer[ops[i]] = APR_EGENERAL;
        f->call->session_asked = 0;
        assert_int_equal(ba_session_find(f->call), APR_EGENERAL);
        assert_null(f->call->session);
        assert_null(f->call->user);
        assert_int_equal(cookies_set(f), 0);
    }
}

static void an_expired_session_that_cannot_be_deleted(void **state)
{
    fixture *f = with_session(state, NOW - 1, "");

    f->store.answer[OP_SESSION_DELETE] = APR_EGENERAL;
    assert_int_equal(ba_session_find(f->call), APR_EGENERAL);
    assert_null(f->call->session);
    assert_int_equal(cookies_set(f), 0);
}

static void revoke_it(fake_store *store)
{
    APR_ARRAY_IDX(store->sessions, 0, ba_session *)->token = NULL;
}

/* Revoked between the read and the write: gone, and not brought back (SE-17). */
static void revoked_during_refresh(void **state)
{
    fixture *f = with_session(state, DUE, "");

    f->store.before[OP_SESSION_EXTEND] = revoke_it;
    assert_int_equal(ba_session_find(f->call), APR_INCOMPLETE);
    assert_null(f->call->session);
    assert_null(fixture_find_session(f, TOKEN));
    assert_cleared(f);
}

static void refresh_first(fake_store *store)
{
    APR_ARRAY_IDX(store->sessions, 0, ba_session *)->expires_at = NOW + 7 * DAY - 5;
}

/* Two requests at once: one writes, both are signed in. */
static void refreshed_by_another(void **state)
{
    fixture *f = with_session(state, DUE, "");

    f->store.before[OP_SESSION_EXTEND] = refresh_first;
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_true(f->call->session->expires_at == NOW + 7 * DAY - 5);
    assert_true(fixture_find_session(f, TOKEN)->expires_at == NOW + 7 * DAY - 5);
}

static void asks_once_per_call(void **state)
{
    fixture *f = with_session(state, DUE + 1, "");

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    f->store.answer[OP_SESSION] = APR_EGENERAL;
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->store.asked[OP_SESSION], 1);
}

static void a_failure_is_remembered_too(void **state)
{
    fixture *f = with_session(state, DUE + 1, "");

    f->store.answer[OP_SESSION] = APR_EGENERAL;
    assert_int_equal(ba_session_find(f->call), APR_EGENERAL);
    f->store.answer[OP_SESSION] = APR_SUCCESS;
    assert_int_equal(ba_session_find(f->call), APR_EGENERAL);
}

static void begins_sessions(void **state)
{
    fixture *f = *state;
    const ba_user user = {.id = "user1"};
    const ba_session *s = ba_session_begin(f->call, &user, 1), *t;

    assert_int_equal(strlen(s->token), 32);
    assert_int_equal(strlen(s->id), 32);
    assert_string_equal(s->user_id, "user1");
    assert_string_equal(s->ip_address, "192.0.2.7");
    assert_string_equal(s->user_agent, "");
    assert_true(s->created_at == NOW && s->updated_at == NOW);
    assert_true(s->expires_at == NOW + 7 * DAY);
    fixture_header(f, "User-Agent", "caf\xe9");
    /* what the client offers as token is nobody's business (SE-2) */
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN);
    t = ba_session_begin(f->call, &user, 0);
    assert_true(t->expires_at == NOW + DAY);
    assert_string_equal(t->user_agent, "caf\xc3\xa9");
    assert_string_not_equal(t->token, TOKEN);
    assert_string_not_equal(t->token, s->token);
}

static void cuts_long_user_agents(void **state)
{
    fixture *f = *state;
    char agent[5001];
    const ba_user user = {.id = "user1"};

    memset(agent, '\xe9', 5000);
    agent[5000] = '\0';
    fixture_header(f, "User-Agent", agent);
    assert_int_equal(strlen(ba_session_begin(f->call, &user, 1)->user_agent), 2 * 1024);
}

static void sets_cookies(void **state)
{
    fixture *f = *state;
    const ba_session s = {.token = TOKEN};

    assert_int_equal(ba_session_set_cookies(f->call, &s, NULL, 0), APR_SUCCESS);
    assert_int_equal(cookies_set(f), 2);
    assert_string_equal(fixture_cookie(f, NAME),
                        NAME "=" COOKIE_TOKEN "; Path=/; HttpOnly; SameSite=Lax");
    assert_string_equal(fixture_cookie(f, REMEMBER),
                        REMEMBER "=" COOKIE_TRUE "; Path=/; HttpOnly; SameSite=Lax");
    fixture_call(f, "POST", "/sign-in/email");
    assert_int_equal(ba_session_set_cookies(f->call, &s, NULL, 1), APR_SUCCESS);
    assert_int_equal(cookies_set(f), 1);
}

static void ends_sessions(void **state)
{
    fixture *f = with_session(state, NOW - DAY, ""); /* expired or not */
    ba_session *ended;

    assert_int_equal(ba_session_end(f->call, &ended), APR_SUCCESS);
    assert_string_equal(ended->id, "session1");
    assert_null(fixture_find_session(f, TOKEN));
    assert_cleared(f);
}

static void ending_no_session_clears_cookies(void **state)
{
    fixture *f = *state;
    ba_session *ended;

    fixture_header(f, "Cookie", NAME "=forged; " DATA ".0=x");
    assert_int_equal(ba_session_end(f->call, &ended), APR_SUCCESS);
    assert_null(ended);
    assert_int_equal(f->store.asked[OP_SESSION_DELETE], 0);
    assert_int_equal(cookies_set(f), 4);
    assert_non_null(fixture_cookie(f, DATA ".0"));
}

static void an_end_that_failed_clears_nothing(void **state)
{
    fixture *f = with_session(state, DUE, "");
    ba_session *ended;

    f->store.answer[OP_SESSION_DELETE] = APR_EGENERAL;
    assert_int_equal(ba_session_end(f->call, &ended), APR_EGENERAL);
    assert_int_equal(cookies_set(f), 0);
}

/* ---- BetterAuthSessionMaxLifetime */

/* A session made so long ago, with a cookie; the rule says ten days. */
static fixture *aged_session(void **state, ba_time age, ba_time expires_at)
{
    fixture *f = with_session(state, expires_at, "");

    f->settings.session_max_lifetime = 10 * 86400;
    fixture_find_session(f, TOKEN)->created_at = NOW - age;
    return f;
}

static int openssl_is_broken;

EVP_MD_CTX *__real_EVP_MD_CTX_new(void);
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void);

EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void)
{
    return openssl_is_broken ? NULL : __real_EVP_MD_CTX_new();
}

/* A signature that could not be checked is not forged: the session may live, so nothing is
 * cleared, and nobody is told that it has ended. */
static void whoever_cannot_check_says_so(void **state)
{
    static const char *const shown[][2] = {
        {"Cookie", NAME "=" COOKIE_TOKEN},
        {"Authorization", "Bearer " SIGNED_TOKEN},
        {"Authorization", "Bearer " TOKEN},
    };
    fixture *f = with_session(state, NOW + DAY, "");
    ba_session *ended;

    f->settings.bearer = BA_BEARER_ON;
    openssl_is_broken = 1;
    for (int i = 0; i < 3; ++i) {
        fixture_call(f, "POST", "/sign-out");
        fixture_header(f, shown[i][0], shown[i][1]);
        assert_int_equal(ba_session_end(f->call, &ended), APR_EGENERAL);
        assert_null(ended);
        assert_int_equal(ba_session_find(f->call), APR_EGENERAL);
        assert_null(f->call->user);
        assert_int_equal(cookies_set(f), 0);
        assert_true(ba_session_claimed(f->call));
    }
    assert_int_equal(f->store.asked[OP_SESSION] + f->store.asked[OP_SESSION_DELETE], 0);
    assert_true(fixture_logged(f, "BA0353"));
    /* a browser's session does not become one that outlives it */
    fixture_call(f, "POST", "/sign-out");
    fixture_header(f, "Cookie", REMEMBER "=" COOKIE_TRUE);
    assert_false(ba_session_is_remembered(f->call));
    openssl_is_broken = 0;
}

static void a_refresh_ends_at_the_longest_life(void **state)
{
    fixture *f = aged_session(state, 8 * DAY, NOW + DAY);

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_true(f->call->session->expires_at == NOW + 2 * DAY);
    assert_true(fixture_find_session(f, TOKEN)->expires_at == NOW + 2 * DAY);
    assert_string_equal(fixture_cookie(f, NAME),
                        NAME "=" COOKIE_TOKEN "; Max-Age=172800; Path=/; HttpOnly; SameSite=Lax");
    /* nothing is left to win: no write at each request from now on */
    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN);
    f->store.asked[OP_SESSION_EXTEND] = 0;
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->store.asked[OP_SESSION_EXTEND], 0);
    assert_int_equal(cookies_set(f), 0);
}

static void a_session_older_than_the_longest_life_is_over(void **state)
{
    fixture *f = aged_session(state, 10 * DAY, NOW + 7 * DAY);

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    f->call->session_asked = 0;
    fixture_find_session(f, TOKEN)->created_at -= 1;
    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_null(fixture_find_session(f, TOKEN));
    assert_cleared(f);
}

static void a_new_session_ends_at_the_longest_life(void **state)
{
    fixture *f = *state;
    const ba_user user = {.id = "user1"};
    const ba_session *s;

    f->settings.session_max_lifetime = 3600;
    s = ba_session_begin(f->call, &user, 1);
    assert_true(s->expires_at == NOW + BA_MS(3600));
    assert_true(ba_session_begin(f->call, &user, 0)->expires_at == NOW + BA_MS(3600));
    assert_int_equal(ba_session_set_cookies(f->call, s, &user, 1), APR_SUCCESS);
    assert_non_null(strstr(fixture_cookie(f, NAME), "; Max-Age=3600;"));
    f->settings.session_max_lifetime = 30 * 86400;
    assert_true(ba_session_begin(f->call, &user, 1)->expires_at == NOW + 7 * DAY);
}

/* ---- BetterAuthSessionRefresh */

static void refreshes_that_are_off(void **state)
{
    fixture *f = with_session(state, DUE, "");

    f->settings.session_refresh = BA_REFRESH_OFF;
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->store.asked[OP_SESSION_EXTEND], 0);
    assert_int_equal(f->call->needs_refresh, -1);
    assert_int_equal(cookies_set(f), 0);
}

static void refreshes_that_are_put_off(void **state)
{
    fixture *f = with_session(state, DUE, "");

    f->settings.session_refresh = BA_REFRESH_POST;
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->call->needs_refresh, 1);
    assert_int_equal(f->store.asked[OP_SESSION_EXTEND], 0);
    f->call->session_asked = 0;
    f->call->needs_refresh = -1;
    f->call->refresh_now = 1;
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->call->needs_refresh, -1);
    assert_int_equal(f->store.asked[OP_SESSION_EXTEND], 1);
    assert_int_equal(cookies_set(f), 1);
}

/* Reading does not write, so the row of an expired session stays for a POST. */
static void ends_that_are_put_off(void **state)
{
    fixture *f = with_session(state, NOW - 1, "");

    f->settings.session_refresh = BA_REFRESH_POST;
    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_int_equal(f->store.asked[OP_SESSION_DELETE], 0);
    assert_cleared(f);
    f->call->session_asked = 0;
    f->call->refresh_now = 1;
    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_null(fixture_find_session(f, TOKEN));
}

/* ---- what a session's row and cookie look like */

static void rows_as_configured(void **state)
{
    fixture *f = *state;
    const ba_user user = {.id = "user1"};
    const ba_session *s;

    f->settings.ip_tracking = 0;
    f->settings.generate_id = BA_ID_UUID;
    s = ba_session_begin(f->call, &user, 1);
    assert_string_equal(s->ip_address, "");
    assert_int_equal(strlen(s->id), 36);
    assert_int_equal(strlen(s->token), 32);
}

static void cookies_as_configured(void **state)
{
    static const struct {
        const char *base_url;
        ba_cookie_attributes attributes;
        const char *flags;
    } rows[] = {
        {"http://a.test", {BA_SAME_SITE_LAX, "/", 0}, "; Path=/; HttpOnly; SameSite=Lax"},
        {"http://a.test", {BA_SAME_SITE_STRICT, "/x", 0}, "; Path=/x; HttpOnly; SameSite=Strict"},
        {"https://a.test", {BA_SAME_SITE_NONE, "/", 1},
         "; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"},
        /* no browser would take it otherwise */
        {"http://a.test", {BA_SAME_SITE_NONE, "/", 1}, "; Path=/; HttpOnly; SameSite=Lax"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        f->settings.base_url = rows[i].base_url;
        f->settings.cookie_attributes = rows[i].attributes;
        ba_settings_finish(&f->settings, f->pool);
        assert_string_equal(f->settings.cookie_flags, rows[i].flags);
    }
}

static void names_itself_by_its_host(void **state)
{
    static const char *const rows[][2] = {
        {"http://auth.test", "auth.test"}, {"https://auth.test:8443", "auth.test"},
        {"http://[::1]:8080", "[::1]"}, {"http://[2001:db8::1]", "[2001:db8::1]"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        f->settings.app_name = NULL;
        f->settings.base_url = rows[i][0];
        ba_settings_finish(&f->settings, f->pool);
        assert_string_equal(f->settings.app_name, rows[i][1]);
    }
    f->settings.app_name = "Example";
    ba_settings_finish(&f->settings, f->pool);
    assert_string_equal(f->settings.app_name, "Example");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_young_session_is_returned_as_it_is),
        FIXTURE_TEST(an_old_session_is_refreshed),
        FIXTURE_TEST(the_rule_follows_the_settings),
        FIXTURE_TEST(dont_remember_is_never_refreshed),
        FIXTURE_TEST(a_forged_dont_remember_counts_for_nothing),
        FIXTURE_TEST(only_true_means_dont_remember),
        FIXTURE_TEST(disable_refresh),
        FIXTURE_TEST(expiry_is_to_the_millisecond),
        FIXTURE_TEST(an_expired_session_is_cleared_and_deleted),
        FIXTURE_TEST(an_unknown_session_is_cleared),
        FIXTURE_TEST(forged_cookies_cost_nothing),
        FIXTURE_TEST(a_long_token_is_not_asked_for),
        FIXTURE_TEST(the_marker_is_no_session),
        FIXTURE_TEST(a_store_that_is_down_clears_nothing),
        FIXTURE_TEST(an_expired_session_that_cannot_be_deleted),
        FIXTURE_TEST(revoked_during_refresh),
        FIXTURE_TEST(refreshed_by_another),
        FIXTURE_TEST(asks_once_per_call),
        FIXTURE_TEST(a_failure_is_remembered_too),
        FIXTURE_TEST(begins_sessions),
        FIXTURE_TEST(cuts_long_user_agents),
        FIXTURE_TEST(sets_cookies),
        FIXTURE_TEST(ends_sessions),
        FIXTURE_TEST(ending_no_session_clears_cookies),
        FIXTURE_TEST(an_end_that_failed_clears_nothing),
        FIXTURE_TEST(whoever_cannot_check_says_so),
        FIXTURE_TEST(a_refresh_ends_at_the_longest_life),
        FIXTURE_TEST(a_session_older_than_the_longest_life_is_over),
        FIXTURE_TEST(a_new_session_ends_at_the_longest_life),
        FIXTURE_TEST(refreshes_that_are_off),
        FIXTURE_TEST(refreshes_that_are_put_off),
        FIXTURE_TEST(ends_that_are_put_off),
        FIXTURE_TEST(rows_as_configured),
        FIXTURE_TEST(cookies_as_configured),
        FIXTURE_TEST(names_itself_by_its_host),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
