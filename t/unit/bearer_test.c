/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_routes.h"
#include "ba_session.h"
#include "fixture.h"

#define NAME "better-auth.session_token"
#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Two users, each with a session; the call shows nothing yet. */
static fixture *two_sessions(void **state, ba_bearer_mode mode)
{
    fixture *f = *state;

    f->settings.bearer = mode;
    fixture_add_user(f, "zoe@example.com", NULL);
    fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);
    fixture_add_user(f, "bob@example.com", NULL);
    fixture_add_session(f, "user2", OTHER, NOW + 7 * DAY);
    return f;
}

/* Who a call with this header is; "" for nobody. */
static const char *who(fixture *f, const char *authorization)
{
    f->store.asked[OP_SESSION] = 0;
    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Authorization", authorization);
    return ba_session_find(f->call) == APR_SUCCESS ? f->call->user->email : "";
}

static void takes_signed_and_bare_tokens(void **state)
{
    static const char *const good[] = {
        "Bearer " SIGNED_TOKEN, "Bearer " COOKIE_TOKEN, "bearer " SIGNED_TOKEN,
        ("BEARER  \t" SIGNED_TOKEN), "Bearer " TOKEN,
    };
    fixture *f = two_sessions(state, BA_BEARER_ON);

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        assert_string_equal(who(f, good[i]), "zoe@example.com");
    }
}

/* None of these is worth a question to the database. */
static void refuses_what_is_no_token(void **state)
{
    static const char *const bad[] = {
        "Bearer", "Bearer ", "Bearer  ", "Basic " SIGNED_TOKEN, "Token " TOKEN, SIGNED_TOKEN,
        ("Bearer" SIGNED_TOKEN), "Bearer\t" SIGNED_TOKEN, "Bearer " TOKEN ".", "Bearer ." TOKEN,
        "Bearer x" SIGNED_TOKEN, "Bearer " SIGNED_TOKEN "=", "Bearer " TOKEN "." TOKEN,
        "Bearer " TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jR=",
        "Bearer " TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ",
        "Bearer " SIGNED_TOKEN "%00", "Bearer " TOKEN " " TOKEN, "Bearer " TOKEN "\xc3\xa9",
        "Bearer " TOKEN ", Bearer " TOKEN,
    };
    fixture *f = two_sessions(state, BA_BEARER_ON);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_string_equal(who(f, bad[i]), "");
        assert_int_equal(f->store.asked[OP_SESSION], 0);
        assert_int_equal(apr_table_elts(f->call->answer.cookies)->nelts, 0);
    }
}

static void a_long_bare_token_is_not_asked_for(void **state)
{
    fixture *f = two_sessions(state, BA_BEARER_ON);
    char header[7 + BA_TOKEN_MAX + 2] = "Bearer ";

    memset(header + 7, 'x', BA_TOKEN_MAX + 1);
    header[7 + BA_TOKEN_MAX + 1] = '\0';
    assert_string_equal(who(f, header), "");
    assert_int_equal(f->store.asked[OP_SESSION], 0);
}

static void off_and_signed(void **state)
{
    fixture *f = two_sessions(state, BA_BEARER_OFF);

    assert_string_equal(who(f, "Bearer " SIGNED_TOKEN), "");
    assert_string_equal(who(f, "Bearer " TOKEN), "");
    assert_int_equal(f->store.asked[OP_SESSION], 0);
    f->settings.bearer = BA_BEARER_SIGNED;
    assert_string_equal(who(f, "Bearer " SIGNED_TOKEN), "zoe@example.com");
    assert_string_equal(who(f, "Bearer " TOKEN), "");
    assert_int_equal(f->store.asked[OP_SESSION], 0);
}

/* A good token goes before the cookie, a bad one leaves it in force. */
static void beside_a_cookie(void **state)
{
    fixture *f = two_sessions(state, BA_BEARER_ON);

    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN);
    fixture_header(f, "Authorization", "Bearer " OTHER);
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_string_equal(f->call->user->email, "bob@example.com");

    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN);
    fixture_header(f, "Authorization", "Bearer " OTHER ".x");
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_string_equal(f->call->user->email, "zoe@example.com");
}

static void claims(void **state)
{
    fixture *f = two_sessions(state, BA_BEARER_ON);

    fixture_call(f, "GET", "/");
    assert_false(ba_session_claimed(f->call));
    fixture_header(f, "Authorization", "Bearer " TOKEN);
    assert_true(ba_session_claimed(f->call));
    f->settings.bearer = BA_BEARER_OFF;
    assert_false(ba_session_claimed(f->call));
    fixture_header(f, "Cookie", NAME "=x");
    assert_true(ba_session_claimed(f->call));
}

static const char *answered(const fixture *f, const char *name)
{
    return f->call->answer.headers ? apr_table_get(f->call->answer.headers, name) : NULL;
}

static void serve(fixture *f, const char *method, const char *path)
{
    ba_route_serve(f->call, ba_route_find(method, path), NULL);
}

/* A refresh sets the cookie, so the token is told; a deleted cookie has none. */
static void tells_the_token(void **state)
{
    fixture *f = two_sessions(state, BA_BEARER_ON);

    fixture_find_session(f, TOKEN)->expires_at = NOW + DAY;
    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Authorization", "Bearer " TOKEN);
    serve(f, "GET", "/get-session");
    assert_string_equal(answered(f, "set-auth-token"), SIGNED_TOKEN);
    assert_string_equal(answered(f, "Access-Control-Expose-Headers"), "set-auth-token");
    assert_non_null(fixture_cookie(f, NAME));

    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Authorization", "Bearer " TOKEN);
    serve(f, "GET", "/get-session");
    assert_null(f->call->answer.headers); /* not due: no cookie, no token */

    fixture_call(f, "POST", "/sign-out");
    fixture_header(f, "Authorization", "Bearer " TOKEN);
    serve(f, "POST", "/sign-out");
    assert_int_equal(f->call->answer.status, 200);
    assert_null(fixture_find_session(f, TOKEN));
    assert_non_null(fixture_find_session(f, OTHER));
    assert_null(f->call->answer.headers);

    f->settings.bearer = BA_BEARER_OFF;
    APR_ARRAY_IDX(f->store.sessions, 0, ba_session *)->token = TOKEN;
    APR_ARRAY_IDX(f->store.sessions, 0, ba_session *)->expires_at = NOW + DAY;
    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN);
    serve(f, "GET", "/get-session");
    assert_non_null(fixture_cookie(f, NAME));
    assert_null(f->call->answer.headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(takes_signed_and_bare_tokens),
        FIXTURE_TEST(refuses_what_is_no_token),
        FIXTURE_TEST(a_long_bare_token_is_not_asked_for),
        FIXTURE_TEST(off_and_signed),
        FIXTURE_TEST(beside_a_cookie),
        FIXTURE_TEST(claims),
        FIXTURE_TEST(tells_the_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
