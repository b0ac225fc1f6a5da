/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* A new password by a mailed link. */

#include "ba_mac.h"
#include "ba_password.h"
#include "ba_words.h"
#include "serve.h"

#include <apr_time.h>

#define EMAIL "zoe@example.com"
#define ASK "/request-password-reset"
#define USE "/reset-password"
#define SENT                                                                                  \
    "{\"status\":true,\"message\":\"If this email exists in our system, check your email for " \
    "the reset link\"}"
#define NEW "\"newPassword\":\"another horse\""
#define TOKEN_ROW "reset-password:" "abcdefghijklmnopqrstuvwx"

static int with_mail(void **state)
{
    int rc = serve_setup(state);

    if (rc == 0) {
        fixture *f = *state;

        f->settings.mailer.kind = BA_MAILER_DIR;
        fixture_add_user(f, EMAIL, hash_of(f, PASSWORD))->user.email_verified = 1;
    }
    return rc;
}

#define MAIL_TEST(test) cmocka_unit_test_setup_teardown(test, with_mail, serve_teardown)

static fake_user *zoe(fixture *f)
{
    return APR_ARRAY_IDX(f->store.users, 0, fake_user *);
}

static int password_is(fixture *f, const char *password)
{
    ba_bytes text = {password, strlen(password)};

    return ba_password_verify(zoe(f)->hash, text, f->pool) == BA_PASSWORD_GOOD;
}

static ba_verification *add_token(fixture *f, const char *identifier, ba_time expires_at)
{
    ba_verification *row = apr_pcalloc(f->pool, sizeof(*row));

    row->id = apr_psprintf(f->pool, "token%d", f->store.tokens->nelts);
    row->identifier = identifier;
    row->value = zoe(f)->user.id;
    row->expires_at = expires_at;
    APR_ARRAY_PUSH(f->store.tokens, ba_verification *) = row;
    return row;
}

static const ba_verification *last_token(const fixture *f)
{
    int n = f->store.tokens->nelts;

    return n ? APR_ARRAY_IDX(f->store.tokens, n - 1, ba_verification *) : NULL;
}

/* The token that a request has mailed. */
static const char *ask(fixture *f)
{
    const char *url;

    assert_body(serve(f, "POST", ASK, "{\"email\":\"" EMAIL "\",\"redirectTo\":\"/new\"}"), SENT);
    url = link_in(f, fixture_mail(f)) + strlen(ORIGIN "/api/auth/reset-password/");
    return apr_pstrmemdup(f->pool, url, strcspn(url, "?"));
}

static const ba_answer *use(fixture *f, const char *token)
{
    return serve(f, "POST", USE, apr_psprintf(f->pool, "{" NEW ",\"token\":\"%s\"}", token));
}

/* ---- ask for it */

static void asks(void **state)
{
    fixture *f = *state;
    const ba_verification *row;
    const char *token, *url;

    assert_body(serve(f, "POST", ASK, "{\"email\":\"Zoe@EXAMPLE.com\",\"redirectTo\":\"/new?a=b&c\"}"),
                SENT);
    assert_int_equal(cookies_set(f), 0);
    assert_int_equal(f->call->mail_waiting, 1);
    assert_true(fixture_logged(f, "BA0423"));
    assert_string_equal(fixture_mail(f)->recipient, EMAIL);
    assert_true(fixture_mail(f)->created_at == NOW);
    url = link_in(f, fixture_mail(f));
    token = apr_pstrmemdup(f->pool, url + strlen(ORIGIN "/api/auth/reset-password/"), 24);
    assert_string_equal(url, apr_pstrcat(f->pool, ORIGIN "/api/auth/reset-password/", token,
                                         "?callbackURL=%2Fnew%3Fa%3Db%26c", NULL));
    row = last_token(f);
    assert_string_equal(row->identifier, apr_pstrcat(f->pool, "reset-password:", token, NULL));
    assert_string_equal(row->value, zoe(f)->user.id);
    assert_true(row->expires_at == NOW + BA_MS(3600));
    assert_true(row->created_at == NOW);
    assert_int_equal(strlen(row->id), 32);
    assert_true(password_is(f, PASSWORD));
}

static void asks_without_a_place_to_come_back_to(void **state)
{
    fixture *f = *state;
    static const char *const bodies[] = {"{\"email\":\"" EMAIL "\"}",
                                         "{\"email\":\"" EMAIL "\",\"redirectTo\":\"\"}"};

    for (size_t i = 0; i < 2; ++i) {
        const char *url;

        assert_body(serve(f, "POST", ASK, bodies[i]), SENT);
        url = link_in(f, fixture_mail(f));
        assert_string_equal(url + strlen(url) - strlen("?callbackURL="), "?callbackURL=");
    }
}

static void an_unknown_address_looks_the_same(void **state)
{
    fixture *f = *state;

    assert_body(serve(f, "POST", ASK, "{\"email\":\"eve@example.com\",\"redirectTo\":\"/new\"}"), SENT);
    assert_int_equal(f->store.mails->nelts, 0);
    assert_int_equal(f->store.tokens->nelts, 0);
    assert_int_equal(cookies_set(f), 0);
}

static void the_clock_tells_nothing(void **state)
{
    fixture *f = *state;
    static const char *const bodies[] = {"{\"email\":\"" EMAIL "\"}",
                                         "{\"email\":\"eve@example.com\"}"};

    for (size_t i = 0; i < 2; ++i) {
        apr_time_t begun = apr_time_now();

        assert_body(serve(f, "POST", ASK, bodies[i]), SENT);
        assert_true(apr_time_now() - begun >= apr_time_from_msec(100));
        /* nor how long the body took to come */
        fixture_call(f, "POST", ASK)->now = apr_time_as_msec(apr_time_now()) - 5000;
        begun = apr_time_now();
        assert_body(serve_with(f, "POST", ASK, "application/json", bodies[i]), SENT);
        assert_true(apr_time_now() - begun >= apr_time_from_msec(100));
    }
}

static void asks_only_so_often(void **state)
{
    fixture *f = *state;

    for (int i = 0; i < 7; ++i) {
        assert_body(serve(f, "POST", ASK, "{\"email\":\"" EMAIL "\"}"), SENT);
        assert_int_equal(f->call->mail_waiting, i < 5);
    }
    assert_int_equal(f->store.mails->nelts, 5);
    assert_true(fixture_logged(f, "BA0701"));
}

static void asking_needs_a_mailer(void **state)
{
    fixture *f = *state;

    f->settings.mailer.kind = BA_MAILER_OFF;
    assert_error(serve(f, "POST", ASK, "{\"email\":\"" EMAIL "\"}"), &ba_err_reset_disabled);
    assert_int_equal(f->store.asked[OP_LOGIN], 0);
    /* what was mailed before stays good, but nobody is told */
    add_token(f, TOKEN_ROW, NOW + 1);
    assert_body(use(f, "abcdefghijklmnopqrstuvwx"), "{\"status\":true}");
    assert_int_equal(f->store.mails->nelts, 0);
}

static void asks_for_sane_fields(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *body;
        const ba_error *error;
        const char *message;
    } rows[] = {
        {"{}", &ba_err_validation, "[body.email] Invalid input: expected string, received undefined"},
        {"{\"email\":null}", &ba_err_validation,
         "[body.email] Invalid input: expected string, received null"},
        {"{\"email\":[\"" EMAIL "\"]}", &ba_err_validation,
         "[body.email] Invalid input: expected string, received array"},
        {"{\"email\":\"" EMAIL ",eve@example.com\"}", &ba_err_validation,
         "[body.email] Invalid email address"},
        {"{\"email\":\"" EMAIL "\\u0000\"}", &ba_err_validation, "[body.email] Invalid input"},
        {"{\"email\":\"" EMAIL "\",\"redirectTo\":null}", &ba_err_validation,
         "[body.redirectTo] Invalid input: expected string, received null"},
        {"[]", &ba_err_validation, "[body] Invalid input: expected object, received array"},
        {"{\"email\":\"" EMAIL "\",\"redirectTo\":7}", &ba_err_url_type,
         "Invalid redirectURL: expected a string"},
        {"{\"email\":\"" EMAIL "\",\"redirectTo\":\"//evil.test\"}", &ba_err_redirect_url, NULL},
        {"{\"email\":\"" EMAIL "\",\"redirectTo\":\"https://evil.test/x\"}", &ba_err_redirect_url, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const ba_answer *a = serve(f, "POST", ASK, rows[i].body);

        assert_error(a, rows[i].error);
        assert_string_equal(a->message, rows[i].message ? rows[i].message : rows[i].error->message);
    }
    assert_int_equal(f->store.asked[OP_LOGIN], 0);
}

static void asking_fails_closed(void **state)
{
    fixture *f = *state;
    static const fake_op ops[] = {OP_LOGIN, OP_VERIFICATION_ADD};

    for (size_t i = 0; i < 2; ++i) {
        f->store.answer[ops[i]] = APR_EGENERAL;
        assert_error(serve(f, "POST", ASK, "{\"email\":\"" EMAIL "\"}"), &ba_err_unavailable);
        f->store.answer[ops[i]] = APR_SUCCESS;
        assert_int_equal(f->call->mail_waiting, 0);
    }
    assert_int_equal(f->store.mails->nelts, 0);
    assert_int_equal(f->store.tokens->nelts, 0);
}

/* ---- the link */

static void follows(void **state)
{
    fixture *f = *state;
    const char *token = ask(f);
    const char *url = link_in(f, fixture_mail(f));

    for (int i = 0; i < 2; ++i) { /* it uses nothing up */
        assert_redirect(follow(f, NULL, url),
                        apr_pstrcat(f->pool, ORIGIN "/new?token=", token, NULL));
    }
    assert_int_equal(cookies_set(f), 0);
    APR_ARRAY_IDX(f->store.tokens, 0, ba_verification *)->expires_at = NOW;
    assert_redirect(follow(f, NULL, url), apr_pstrcat(f->pool, ORIGIN "/new?token=", token, NULL));
    APR_ARRAY_IDX(f->store.tokens, 0, ba_verification *)->expires_at = NOW - 1;
    assert_redirect(follow(f, NULL, url), ORIGIN "/new?error=INVALID_TOKEN");
    assert_int_equal(f->store.asked[OP_VERIFICATION_CLAIM], 0);
}

static void follows_to_where_it_may(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *query;
        const char *location; /* without the token, or NULL */
        const ba_error *error;
        const char *message;
    } rows[] = {
        {"callbackURL=%2Fa%3Fx%3D1%23f", ORIGIN "/a?x=1&token=abcdefghijklmnopqrstuvwx#f", NULL, NULL},
        {"callbackURL=http%3A%2F%2Fauth.test", ORIGIN "/?token=abcdefghijklmnopqrstuvwx", NULL, NULL},
        {"callbackURL=/a?token=mine%26error=x", ORIGIN "/a?token=abcdefghijklmnopqrstuvwx&error=x", NULL,
         NULL},
        {"callbackURL=&x=y", ORIGIN "/api/auth/error?error=INVALID_TOKEN", NULL, NULL},
        {NULL, NULL, &ba_err_validation,
         "[query.callbackURL] Invalid input: expected string, received undefined"},
        {"callbackurl=/a", NULL, &ba_err_validation,
         "[query.callbackURL] Invalid input: expected string, received undefined"},
        {"callbackURL=/a&callbackURL=/a", NULL, &ba_err_validation,
         "[query.callbackURL] Invalid input: expected string, received array"},
        {"callbackURL=/a%00", NULL, &ba_err_validation, "[query.callbackURL] Invalid input"},
        {"callbackURL=//evil.test", NULL, &ba_err_callback_url, NULL},
        {"callbackURL=/%5Cevil.test", NULL, &ba_err_callback_url, NULL},
        {"callback%55RL=%2F%2Fevil.test", NULL, &ba_err_callback_url, NULL},
        {"callbackURL=https://auth.test.evil.test/", NULL, &ba_err_callback_url, NULL},
        {"callbackURL=javascript:alert(1)", NULL, &ba_err_callback_url, NULL},
        {"callbackURL=a", NULL, &ba_err_callback_url, NULL},
    };

    add_token(f, TOKEN_ROW, NOW + 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const ba_answer *a
            = follow(f, NULL, apr_pstrcat(f->pool, ORIGIN "/api/auth/reset-password/abcdefghijklmnopqrstuvwx",
                                          rows[i].query ? "?" : "", rows[i].query, NULL));

        if (rows[i].location) {
            assert_redirect(a, rows[i].location);
        }
        else {
            assert_error(a, rows[i].error);
            assert_string_equal(a->message, rows[i].message ? rows[i].message : rows[i].error->message);
        }
    }
}

static void follows_no_other_token(void **state)
{
    fixture *f = *state;
    const char *const bad[] = {
        "ABCDEFGHIJKLMNOPQRSTUVWX", "abcdefghijklmnopqrstuvw", "abcdefghijklmnopqrstuvwx ", "'", ":token",
        "\xff", "reset-password:abcdefghijklmnopqrstuvwx", apr_pstrcat(f->pool, "abcdefghijklmnopqrstuvwx",
        apr_psprintf(f->pool, "%0*d", 5000, 0), NULL),
    };

    add_token(f, TOKEN_ROW, NOW + 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_redirect(follow(f, NULL, apr_pstrcat(f->pool, ORIGIN "/api/auth/reset-password/", bad[i],
                                                    "?callbackURL=/a", NULL)),
                        ORIGIN "/a?error=INVALID_TOKEN");
        assert_error(use(f, bad[i]), &ba_err_invalid_token);
    }
    assert_true(password_is(f, PASSWORD));
    f->store.answer[OP_VERIFICATION] = APR_EGENERAL;
    assert_error(follow(f, NULL, ORIGIN "/api/auth/reset-password/x?callbackURL=/a"), &ba_err_unavailable);
}

/* ---- use it */

static void resets(void **state)
{
    fixture *f = *state;
    const char *token = ask(f);

    fixture_add_session(f, zoe(f)->user.id, TOKEN, NOW + DAY);
    assert_body(use(f, token), "{\"status\":true}");
    assert_int_equal(cookies_set(f), 0);
    assert_true(password_is(f, "another horse"));
    assert_true(fixture_logged(f, "BA0424"));
    assert_non_null(fixture_find_session(f, TOKEN));
    /* one is told of it, without a link */
    assert_int_equal(f->store.mails->nelts, 2);
    assert_int_equal(f->call->mail_waiting, 1);
    assert_string_equal(fixture_mail(f)->recipient, EMAIL);
    assert_null(link_in(f, fixture_mail(f)));
    /* once */
    assert_error(use(f, token), &ba_err_invalid_token);
    assert_int_equal(f->store.mails->nelts, 2);
}

static void resets_with_the_token_in_the_query(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *query;
        const char *body;
        const ba_error *error; /* NULL: good */
    } rows[] = {
        {"token=abcdefghijklmnopqrstuvwx", "{" NEW "}", NULL},
        {"token=abcdefghijklmnopqrstuvwx", "{" NEW ",\"token\":\"\"}", NULL},
        {"token=other", "{" NEW ",\"token\":\"abcdefghijklmnopqrstuvwx\"}", NULL},
        {"token=abcdefghijklmnopqrstuvwx", "{" NEW ",\"token\":\"other\"}", &ba_err_invalid_token},
        {"token=abcdefghijklmnopqrstuvwx&token=x", "{" NEW "}", &ba_err_validation},
        {"token=abcdefghijklmnopqrstuvwx%00", "{" NEW "}", &ba_err_validation},
        {"token=", "{" NEW "}", &ba_err_invalid_token},
        {"token", "{" NEW "}", &ba_err_invalid_token},
        {NULL, "{" NEW "}", &ba_err_invalid_token},
        {NULL, "{" NEW ",\"token\":\"\"}", &ba_err_invalid_token},
        {NULL, "{" NEW ",\"token\":null}", &ba_err_validation},
        {NULL, "{" NEW ",\"token\":7}", &ba_err_validation},
        {NULL, "{\"token\":\"abcdefghijklmnopqrstuvwx\"}", &ba_err_validation},
        {NULL, "[]", &ba_err_validation},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const ba_answer *a;

        apr_array_clear(f->store.tokens);
        apr_array_clear(f->store.mails);
        add_token(f, TOKEN_ROW, NOW);
        fixture_call(f, "POST", USE)->query = rows[i].query;
        a = serve_with(f, "POST", USE, "application/json", rows[i].body);
        if (rows[i].error) {
            assert_error(a, rows[i].error);
            assert_non_null(last_token(f)->identifier);
        }
        else {
            assert_body(a, "{\"status\":true}");
            assert_null(last_token(f)->identifier);
        }
    }
}

static const ba_answer *set(fixture *f, const char *token, const char *password)
{
    return serve(f, "POST", USE, apr_psprintf(f->pool, "{\"newPassword\":\"%s\",\"token\":\"%s\"}",
                                              password, token));
}

static void a_listed_password_does_not_cost_the_token(void **state)
{
    fixture *f = *state;
    char lines[] = "Correct Battery\n";
    const char *token = ask(f);

    f->settings.refused_passwords = ba_words_create(lines, f->pool);
    assert_error(set(f, token, "correct battery"), &ba_err_password_listed);
    assert_int_equal(f->store.asked[OP_VERIFICATION], 0);
    assert_body(use(f, token), "{\"status\":true}");
}

static void a_bad_password_does_not_cost_the_token(void **state)
{
    fixture *f = *state;
    const char *token = ask(f);

    assert_error(set(f, token, "1234567"), &ba_err_password_short);
    assert_error(set(f, token, apr_psprintf(f->pool, "%0129d", 0)), &ba_err_password_long);
    /* no token is told first */
    assert_error(set(f, "", "x"), &ba_err_invalid_token);
    assert_int_equal(f->store.asked[OP_VERIFICATION], 0);
    assert_body(use(f, token), "{\"status\":true}");
}

static void a_full_gate_does_not_cost_the_token(void **state)
{
    fixture *f = *state;
    const char *token = ask(f);
    ba_permit permit;
    int lost;
    ba_gate *full;

    assert_int_equal(ba_gate_create(1, 0, (uid_t)-1, &full, f->pool), APR_SUCCESS);
    assert_int_equal(ba_gate_enter(full, 0, &permit, &lost), APR_SUCCESS);
    ba_gate_destroy(f->gate);
    f->gate = full;
    assert_error(use(f, token), &ba_err_busy);
    ba_gate_leave(full, &permit);
    assert_body(use(f, token), "{\"status\":true}");
}

static void the_token_has_its_time(void **state)
{
    fixture *f = *state;

    add_token(f, TOKEN_ROW, NOW);
    assert_body(use(f, "abcdefghijklmnopqrstuvwx"), "{\"status\":true}");
    add_token(f, TOKEN_ROW, NOW - 1);
    assert_error(use(f, "abcdefghijklmnopqrstuvwx"), &ba_err_invalid_token);
    assert_null(last_token(f)->identifier); /* swept at once */
    f->settings.reset_expires_in = 60;
    ask(f);
    assert_true(last_token(f)->expires_at == NOW + BA_MS(60));
}

static void the_user_may_be_gone(void **state)
{
    fixture *f = *state;

    add_token(f, TOKEN_ROW, NOW + 1)->value = "nobody";
    assert_error(use(f, "abcdefghijklmnopqrstuvwx"), &ba_err_no_user);
    assert_error(use(f, "abcdefghijklmnopqrstuvwx"), &ba_err_invalid_token);
}

/* ---- whose sessions end */

static void sessions_after_it(void **state)
{
    fixture *f = *state;
    static const struct {
        int verified;
        int revokes;
        int survive;
    } rows[] = {{1, 0, 1}, {1, 1, 0}, {0, 0, 0}, {0, 1, 0}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const char *own = apr_psprintf(f->pool, "own%d", (int)i);
        const char *other = apr_psprintf(f->pool, "other%d", (int)i);

        zoe(f)->user.email_verified = rows[i].verified;
        f->settings.reset_revokes_sessions = rows[i].revokes;
        fixture_add_session(f, zoe(f)->user.id, own, NOW + DAY);
        fixture_add_session(f, "somebody", other, NOW + DAY);
        add_token(f, TOKEN_ROW, NOW);
        assert_body(use(f, "abcdefghijklmnopqrstuvwx"), "{\"status\":true}");
        assert_int_equal(fixture_find_session(f, own) != NULL, rows[i].survive);
        assert_non_null(fixture_find_session(f, other));
        assert_int_equal(zoe(f)->user.email_verified, rows[i].verified);
    }
}

static void gives_a_password_to_who_had_none(void **state)
{
    fixture *f = *state;

    zoe(f)->hash = NULL;
    assert_body(use(f, ask(f)), "{\"status\":true}");
    assert_true(password_is(f, "another horse"));
}

/* ---- hashed identifiers */

static void hashed_identifiers(void **state)
{
    fixture *f = *state;
    const char *token;

    f->settings.hash_identifiers = 1;
    token = ask(f);
    assert_string_equal(last_token(f)->identifier,
                        ba_mac_digest(apr_pstrcat(f->pool, "reset-password:", token, NULL), f->pool));
    assert_redirect(follow(f, NULL, link_in(f, fixture_mail(f))),
                    apr_pstrcat(f->pool, ORIGIN "/new?token=", token, NULL));
    /* what the table shows is not what opens */
    assert_error(use(f, last_token(f)->identifier), &ba_err_invalid_token);
    assert_body(use(f, token), "{\"status\":true}");
    /* stored before the setting changed */
    add_token(f, TOKEN_ROW, NOW);
    assert_body(use(f, "abcdefghijklmnopqrstuvwx"), "{\"status\":true}");
    /* and back: as upstream, those are lost */
    token = ask(f);
    f->settings.hash_identifiers = 0;
    assert_error(use(f, token), &ba_err_invalid_token);
    f->settings.hash_identifiers = 1;
    f->store.answer[OP_VERIFICATION] = APR_EGENERAL;
    f->store.asked[OP_VERIFICATION] = 0;
    assert_error(use(f, token), &ba_err_unavailable);
    assert_int_equal(f->store.asked[OP_VERIFICATION], 1);
}

/* ---- failures and races */

static void using_fails_closed(void **state)
{
    fixture *f = *state;
    static const fake_op ops[] = {OP_VERIFICATION, OP_USER, OP_PASSWORD_RESET};
    const char *token = ask(f);

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); ++i) {
        f->store.answer[ops[i]] = APR_EGENERAL;
        assert_error(use(f, token), &ba_err_unavailable);
        f->store.answer[ops[i]] = APR_SUCCESS;
        assert_true(password_is(f, PASSWORD));
        assert_int_equal(f->store.mails->nelts, 1);
        assert_int_equal(f->call->mail_waiting, 0);
    }
    assert_body(use(f, token), "{\"status\":true}");

    add_token(f, TOKEN_ROW, NOW - 1);
    f->store.answer[OP_VERIFICATION_CLAIM] = APR_EGENERAL;
    assert_error(use(f, "abcdefghijklmnopqrstuvwx"), &ba_err_unavailable);
}

static void take_token(fake_store *store)
{
    APR_ARRAY_IDX(store->tokens, store->tokens->nelts - 1, ba_verification *)->identifier = NULL;
}

static void somebody_was_faster(void **state)
{
    fixture *f = *state;
    const char *token = ask(f);

    f->store.before[OP_PASSWORD_RESET] = take_token;
    assert_error(use(f, token), &ba_err_invalid_token);
    assert_true(password_is(f, PASSWORD));
    assert_int_equal(f->store.mails->nelts, 1);
    f->store.before[OP_PASSWORD_RESET] = NULL;

    f->store.before[OP_VERIFICATION_CLAIM] = take_token;
    add_token(f, TOKEN_ROW, NOW - 1);
    assert_error(use(f, "abcdefghijklmnopqrstuvwx"), &ba_err_invalid_token);
    add_token(f, TOKEN_ROW, NOW + 1)->value = "nobody";
    assert_error(use(f, "abcdefghijklmnopqrstuvwx"), &ba_err_invalid_token);
}

static void the_notice_may_be_one_too_many(void **state)
{
    fixture *f = *state;
    const char *token = NULL;

    for (int i = 0; i < 5; ++i) {
        token = ask(f);
    }
    assert_body(use(f, token), "{\"status\":true}");
    assert_true(password_is(f, "another horse"));
    assert_int_equal(f->store.mails->nelts, 5);
    assert_true(fixture_logged(f, "BA0701"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MAIL_TEST(asks),
        MAIL_TEST(asks_without_a_place_to_come_back_to),
        MAIL_TEST(an_unknown_address_looks_the_same),
        MAIL_TEST(the_clock_tells_nothing),
        MAIL_TEST(asks_only_so_often),
        MAIL_TEST(asking_needs_a_mailer),
        MAIL_TEST(asks_for_sane_fields),
        MAIL_TEST(asking_fails_closed),
        MAIL_TEST(follows),
        MAIL_TEST(follows_to_where_it_may),
        MAIL_TEST(follows_no_other_token),
        MAIL_TEST(resets),
        MAIL_TEST(resets_with_the_token_in_the_query),
        MAIL_TEST(a_bad_password_does_not_cost_the_token),
        MAIL_TEST(a_listed_password_does_not_cost_the_token),
        MAIL_TEST(a_full_gate_does_not_cost_the_token),
        MAIL_TEST(the_token_has_its_time),
        MAIL_TEST(the_user_may_be_gone),
        MAIL_TEST(sessions_after_it),
        MAIL_TEST(gives_a_password_to_who_had_none),
        MAIL_TEST(hashed_identifiers),
        MAIL_TEST(using_fails_closed),
        MAIL_TEST(somebody_was_faster),
        MAIL_TEST(the_notice_may_be_one_too_many),
    };

    return cmocka_run_group_tests_name("reset", tests, NULL, NULL);
}
