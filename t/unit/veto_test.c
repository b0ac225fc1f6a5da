/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Another module says that somebody may not sign in: whatever the way, nothing is left
 * behind, and they are told why. */

#include "ba_session.h"
#include "serve.h"

#define LOGIN "\"email\":\"zoe@example.com\",\"password\":\"" PASSWORD "\""
#define SIGN_IN "/sign-in/email"
#define SIGN_UP "/sign-up/email"
#define NEXT "another good one"

static const ba_error closed = {403, "CLOSED", "Come back in the morning."};

static int logged_times(const fixture *f, const char *tag)
{
    int n = 0;

    for (int i = 0; i < f->log->nelts; ++i) {
        n += !strncmp(APR_ARRAY_IDX(f->log, i, const char *), tag, strlen(tag));
    }
    return n;
}

/* The answer is what the module said, and nobody is signed in by it. */
static void assert_vetoed(const fixture *f, const ba_answer *a, int sessions)
{
    assert_error(a, &closed);
    assert_int_equal(cookies_set(f), 0);
    assert_int_equal(f->store.sessions->nelts, sessions);
    assert_int_equal(f->vetoes_asked, 1);
    assert_int_equal(logged_times(f, "BA0350: another module refuses the sign-in (CLOSED), user "),
                     1);
    assert_ptr_equal(f->call->vetoed, &closed);
}

static void sign_in(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    /* a wrong password is not worth a question, and its answer tells nothing */
    f->veto = &closed;
    assert_error(serve(f, "POST", SIGN_IN, "{\"email\":\"zoe@example.com\",\"password\":\"wrong one\"}"),
                 &ba_err_credentials);
    assert_error(serve(f, "POST", SIGN_IN, "{\"email\":\"a@example.com\",\"password\":\"wrong one\"}"),
                 &ba_err_credentials);
    assert_int_equal(f->vetoes_asked, 0);
    assert_vetoed(f, serve(f, "POST", SIGN_IN, "{" LOGIN "}"), 0);
    assert_int_equal(f->store.asked[OP_SESSION_ADD], 0);
    assert_false(fixture_logged(f, "BA0404"));
    /* nor is an address that is to be verified first */
    f->settings.require_email_verification = 1;
    assert_error(serve(f, "POST", SIGN_IN, "{" LOGIN "}"), &ba_err_not_verified);
    assert_int_equal(f->vetoes_asked, 1);
    f->settings.require_email_verification = 0;
    f->veto = NULL;
    body_of(f, serve(f, "POST", SIGN_IN, "{" LOGIN "}"));
    assert_int_equal(f->vetoes_asked, 2);
    assert_int_equal(f->store.sessions->nelts, 1);
}

static void sign_up(void **state)
{
    fixture *f = *state;

    f->veto = &closed;
    assert_vetoed(f, serve(f, "POST", SIGN_UP, "{\"name\":\"Zoe\"," LOGIN "}"), 0);
    assert_int_equal(f->store.users->nelts, 0);
    assert_int_equal(f->store.asked[OP_SIGN_UP], 0);
    assert_int_equal(f->store.mails->nelts, 0);
    /* who gets no session is not asked about */
    f->settings.auto_sign_in = 0;
    body_of(f, serve(f, "POST", SIGN_UP, "{\"name\":\"Zoe\"," LOGIN "}"));
    assert_int_equal(f->store.users->nelts, 1);
    assert_int_equal(f->vetoes_asked, 1);
}

static void change_password(void **state)
{
    static const char body[] = "{\"currentPassword\":\"" PASSWORD "\",\"newPassword\":\"" NEXT
                               "\",\"revokeOtherSessions\":true}";
    fixture *f = *state;
    const char *hash = hash_of(f, PASSWORD);
    const fake_user *u = fixture_add_user(f, "zoe@example.com", hash);

    fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);
    f->veto = &closed;
    assert_vetoed(f, serve_as(f, TOKEN, "POST", "/change-password", body), 1);
    assert_string_equal(u->hash, hash);
    assert_non_null(fixture_find_session(f, TOKEN));
    assert_int_equal(f->store.asked[OP_PASSWORD_CHANGE], 0);
}

static void sessions_go_on(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, "zoe@example.com", NULL);
    fixture_add_session(f, "user1", TOKEN, NOW + DAY); /* due for a refresh */
    f->veto = &closed;
    body_of(f, serve_as(f, TOKEN, "GET", "/get-session", NULL));
    assert_true(fixture_find_session(f, TOKEN)->expires_at == NOW + 7 * DAY);
    assert_int_equal(f->vetoes_asked, 0);
}

static void cannot_say(void **state)
{
    fixture *f = *state;
    const ba_answer *a;

    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    f->veto = &ba_err_unavailable;
    a = serve(f, "POST", SIGN_IN, "{" LOGIN "}");
    assert_error(a, &ba_err_unavailable);
    assert_int_equal(a->retry_after, BA_RETRY_AFTER);
    assert_int_equal(f->store.sessions->nelts, 0);
    assert_int_equal(logged_times(f, "BA0351"), 1);
    assert_false(fixture_logged(f, "BA0350"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sign_in), TEST(sign_up), TEST(change_password), TEST(sessions_go_on), TEST(cannot_say),
    };

    return cmocka_run_group_tests_name("veto", tests, NULL, NULL);
}
