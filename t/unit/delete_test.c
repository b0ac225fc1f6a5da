/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Users delete their account. */

#include "ba_mac.h"
#include "serve.h"

#define EMAIL "zoe@example.com"
#define DELETE "/delete-user"
#define CALLBACK ORIGIN "/api/auth/delete-user/callback"
#define DELETED "{\"success\":true,\"message\":\"User deleted\"}"
#define SENT "{\"success\":true,\"message\":\"Verification email sent\"}"
#define SECRET_PART "abcdefghijklmnopqrstuvwxyz012345"
#define TOKEN_ROW "delete-account-" SECRET_PART

static int with_users(void **state)
{
    int rc = serve_setup(state);

    if (rc == 0) {
        fixture *f = *state;

        f->settings.mailer.kind = BA_MAILER_DIR;
        f->settings.delete_user = BA_DELETE_ON;
        fixture_add_user(f, EMAIL, hash_of(f, PASSWORD));
        fixture_add_user(f, "eve@example.com", NULL);
        fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY)->created_at = NOW - DAY + 1;
        fixture_add_session(f, "user2", "eves", NOW + 7 * DAY);
    }
    return rc;
}

#define USERS_TEST(test) cmocka_unit_test_setup_teardown(test, with_users, serve_teardown)

static int gone(const fixture *f)
{
    return !*APR_ARRAY_IDX(f->store.users, 0, fake_user *)->user.id;
}

static void untouched(const fixture *f)
{
    assert_false(gone(f));
    assert_non_null(fixture_find_session((fixture *)(uintptr_t)f, TOKEN));
    assert_int_equal(cookies_set(f), 0);
}

static ba_verification *add_token(fixture *f, const char *user_id, ba_time expires_at)
{
    ba_verification *row = apr_pcalloc(f->pool, sizeof(*row));

    row->id = apr_psprintf(f->pool, "token%d", f->store.tokens->nelts);
    row->identifier = TOKEN_ROW;
    row->value = user_id;
    row->expires_at = expires_at;
    APR_ARRAY_PUSH(f->store.tokens, ba_verification *) = row;
    return row;
}

static void deletes(void **state)
{
    fixture *f = *state;

    fixture_add_session(f, "user1", "other", NOW + DAY);
    assert_body(serve_as(f, TOKEN, "POST", DELETE, "{}"), DELETED);
    assert_true(gone(f));
    assert_null(fixture_find_session(f, TOKEN));
    assert_null(fixture_find_session(f, "other"));
    assert_non_null(fixture_find_session(f, "eves"));
    assert_non_null(strstr(fixture_cookie(f, NAME), "Max-Age=0"));
    assert_true(fixture_logged(f, "BA0431"));
    assert_int_equal(f->store.mails->nelts, 0);
    assert_error(serve_as(f, TOKEN, "POST", DELETE, "{}"), &ba_err_unauthorized);
}

static void asks_for_a_password_or_a_fresh_session(void **state)
{
    fixture *f = *state;
    ba_session *session = fixture_find_session(f, TOKEN);

    session->created_at = NOW - DAY;
    assert_error(serve_as(f, TOKEN, "POST", DELETE, "{}"), &ba_err_session_expired);
    assert_error(serve_as(f, TOKEN, "POST", DELETE, "{\"password\":\"\"}"), &ba_err_session_expired);
    untouched(f);
    f->settings.session_fresh_age = 0;
    assert_body(serve_as(f, TOKEN, "POST", DELETE, "{}"), DELETED);
}

static void a_password_replaces_freshness(void **state)
{
    fixture *f = *state;

    fixture_find_session(f, TOKEN)->created_at = NOW - 5 * DAY;
    assert_error(serve_as(f, TOKEN, "POST", DELETE, "{\"password\":\"wrong horse\"}"), &ba_err_invalid_password);
    assert_error(serve_as(f, TOKEN, "POST", DELETE,
                          apr_psprintf(f->pool, "{\"password\":\"%0129d\"}", 0)), &ba_err_password_long);
    untouched(f);
    assert_body(serve_as(f, TOKEN, "POST", DELETE, "{\"password\":\"" PASSWORD "\"}"), DELETED);
    assert_true(gone(f));
}

static void a_wrong_password_counts_even_if_fresh(void **state)
{
    fixture *f = *state;

    assert_error(serve_as(f, TOKEN, "POST", DELETE, "{\"password\":\"wrong horse\"}"), &ba_err_invalid_password);
    fixture_find_session(f, "eves")->created_at = NOW;
    assert_error(serve_as(f, "eves", "POST", DELETE, "{\"password\":\"" PASSWORD "\"}"), &ba_err_no_credential);
    /* also where a token is right */
    add_token(f, "user1", NOW);
    assert_error(serve_as(f, TOKEN, "POST", DELETE,
                          "{\"password\":\"wrong horse\",\"token\":\"" SECRET_PART "\"}"), &ba_err_invalid_password);
    untouched(f);
}

static void switched_off(void **state)
{
    fixture *f = *state;

    f->settings.delete_user = BA_DELETE_OFF;
    add_token(f, "user1", NOW);
    assert_error(serve_as(f, TOKEN, "POST", DELETE, "{\"token\":\"" SECRET_PART "\"}"), &ba_err_not_found);
    assert_error(follow(f, TOKEN, CALLBACK "?token=" SECRET_PART), &ba_err_delete_disabled);
    assert_error(serve(f, "POST", DELETE, "{}"), &ba_err_unauthorized);
    untouched(f);
    assert_int_equal(f->store.asked[OP_VERIFICATION], 0);
}

static void bodies_and_queries(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *body;
        const char *message; /* NULL: of a foreign callback */
    } bodies[] = {
        {NULL, "[body] Invalid input: expected object, received undefined"},
        {"null", "[body] Invalid input: expected object, received null"},
        {"[]", "[body] Invalid input: expected object, received array"},
        {"{\"password\":null}", "[body.password] Invalid input: expected string, received null"},
        {"{\"password\":7}", "[body.password] Invalid input: expected string, received number"},
        {"{\"token\":{}}", "[body.token] Invalid input: expected string, received object"},
        {"{\"token\":\"a\\u0000\"}", "[body.token] Invalid input"},
        {"{\"callbackURL\":null}", "[body.callbackURL] Invalid input: expected string, received null"},
        {"{\"callbackURL\":\"//evil.test\"}", NULL},
    };
    static const struct {
        const char *query;
        const char *message;
    } queries[] = {
        {"", "[query.token] Invalid input: expected string, received undefined"},
        {"?token=a&token=b", "[query.token] Invalid input: expected string, received array"},
        {"?token=" SECRET_PART "%00", "[query.token] Invalid input"},
        {"?token=" SECRET_PART "&callbackURL=/&callbackURL=/",
         "[query.callbackURL] Invalid input: expected string, received array"},
        {"?token=" SECRET_PART "&callbackURL=//evil.test", NULL},
        {"?token=" SECRET_PART "&callbackURL=https%3A%2F%2Fevil.test", NULL},
    };

    add_token(f, "user1", NOW);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); ++i) {
        const ba_answer *a = serve_as(f, TOKEN, "POST", DELETE, bodies[i].body);

        assert_error(a, bodies[i].message ? &ba_err_validation : &ba_err_callback_url);
        assert_string_equal(a->message, bodies[i].message ? bodies[i].message : "Invalid callbackURL");
    }
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); ++i) {
        const ba_answer *a = follow(f, TOKEN, apr_pstrcat(f->pool, CALLBACK, queries[i].query, NULL));

        assert_error(a, queries[i].message ? &ba_err_validation : &ba_err_callback_url);
        assert_string_equal(a->message, queries[i].message ? queries[i].message : "Invalid callbackURL");
    }
    untouched(f);
}

static void confirms_by_mail(void **state)
{
    fixture *f = *state;
    const ba_verification *row;
    const char *url, *secret;

    f->settings.delete_user = BA_DELETE_CONFIRM;
    assert_body(serve_as(f, TOKEN, "POST", DELETE, "{\"password\":\"" PASSWORD "\",\"callbackURL\":\"/bye?x&y\"}"), SENT);
    untouched(f);
    assert_int_equal(f->call->mail_waiting, 1);
    assert_string_equal(fixture_mail(f)->recipient, EMAIL);
    url = link_in(f, fixture_mail(f));
    secret = param_of(f, url, "token");
    assert_int_equal(strlen(secret), 32);
    assert_int_equal(strspn(secret, "abcdefghijklmnopqrstuvwxyz0123456789"), 32);
    assert_string_equal(url, apr_pstrcat(f->pool, CALLBACK "?token=", secret,
                                         "&callbackURL=%2Fbye%3Fx%26y", NULL));
    row = APR_ARRAY_IDX(f->store.tokens, 0, ba_verification *);
    assert_string_equal(row->identifier, apr_pstrcat(f->pool, "delete-account-", secret, NULL));
    assert_string_equal(row->value, "user1");
    assert_true(row->expires_at == NOW + DAY);

    assert_error(follow(f, NULL, url), &ba_err_delete_no_user);
    untouched(f);
    assert_redirect(follow(f, TOKEN, url), "/bye?x&y");
    assert_true(gone(f));
    assert_non_null(strstr(fixture_cookie(f, NAME), "Max-Age=0"));
    assert_error(follow(f, TOKEN, url), &ba_err_delete_no_user);
}

static void confirms_without_a_callback(void **state)
{
    fixture *f = *state;
    const char *url;

    f->settings.delete_user = BA_DELETE_CONFIRM;
    f->settings.delete_expires_in = 60;
    assert_body(serve_as(f, TOKEN, "POST", DELETE, "{\"callbackURL\":\"\"}"), SENT);
    url = link_in(f, fixture_mail(f));
    assert_string_equal(param_of(f, url, "callbackURL"), "/");
    assert_true(APR_ARRAY_IDX(f->store.tokens, 0, ba_verification *)->expires_at == NOW + BA_MS(60));
    assert_body(follow(f, TOKEN, apr_pstrmemdup(f->pool, url, strcspn(url, "&"))), DELETED);
    assert_true(gone(f));
}

static void confirming_needs_a_mailer(void **state)
{
    fixture *f = *state;

    f->settings.delete_user = BA_DELETE_CONFIRM;
    f->settings.mailer.kind = BA_MAILER_OFF;
    assert_error(serve_as(f, TOKEN, "POST", DELETE, "{\"password\":\"" PASSWORD "\"}"), &ba_err_not_found);
    untouched(f);
    assert_int_equal(f->store.tokens->nelts, 0);
}

static void mails_only_so_often(void **state)
{
    fixture *f = *state;

    f->settings.delete_user = BA_DELETE_CONFIRM;
    for (int i = 0; i < 7; ++i) {
        assert_body(serve_as(f, TOKEN, "POST", DELETE, "{}"), SENT);
    }
    assert_int_equal(f->store.mails->nelts, 5);
    assert_true(fixture_logged(f, "BA0701"));
}

static void the_token_may_be_in_the_body(void **state)
{
    fixture *f = *state;

    f->settings.delete_user = BA_DELETE_CONFIRM;
    fixture_find_session(f, TOKEN)->created_at = NOW - 5 * DAY;
    add_token(f, "user1", NOW);
    assert_error(serve_as(f, TOKEN, "POST", DELETE, "{\"token\":\"other\"}"), &ba_err_delete_token);
    untouched(f);
    assert_body(serve_as(f, TOKEN, "POST", DELETE, "{\"token\":\"" SECRET_PART "\",\"callbackURL\":\"/a\"}"), DELETED);
    assert_non_null(strstr(fixture_cookie(f, NAME), "Max-Age=0"));
    assert_true(gone(f));
}

static void bad_tokens(void **state)
{
    fixture *f = *state;
    ba_verification *row;
    static const char *const bad[] = {"", "x", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", (SECRET_PART "%20"),
                                      ("delete-account-" SECRET_PART)};

    row = add_token(f, "user1", NOW);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        /* errors never redirect */
        assert_error(follow(f, TOKEN, apr_pstrcat(f->pool, CALLBACK "?callbackURL=/a&token=", bad[i], NULL)),
                     &ba_err_delete_token);
    }
    assert_non_null(row->identifier);
    assert_error(follow(f, TOKEN, apr_psprintf(f->pool, CALLBACK "?token=%05000d", 0)), &ba_err_delete_token);
    row->expires_at = NOW - 1;
    assert_error(follow(f, TOKEN, CALLBACK "?token=" SECRET_PART), &ba_err_delete_token);
    assert_null(row->identifier);
    /* somebody else's: used up */
    row = add_token(f, "user2", NOW);
    assert_error(follow(f, TOKEN, CALLBACK "?token=" SECRET_PART), &ba_err_delete_token);
    assert_null(row->identifier);
    untouched(f);
}

static void hashed_identifiers(void **state)
{
    fixture *f = *state;
    const char *url;

    f->settings.hash_identifiers = 1;
    f->settings.delete_user = BA_DELETE_CONFIRM;
    assert_body(serve_as(f, TOKEN, "POST", DELETE, "{}"), SENT);
    url = link_in(f, fixture_mail(f));
    assert_string_equal(APR_ARRAY_IDX(f->store.tokens, 0, ba_verification *)->identifier,
                        ba_mac_digest(apr_pstrcat(f->pool, "delete-account-", param_of(f, url, "token"), NULL), f->pool));
    /* stored before the setting changed */
    fixture_find_session(f, "eves")->created_at = NOW;
    add_token(f, "user2", NOW);
    assert_body(follow(f, "eves", CALLBACK "?token=" SECRET_PART), DELETED);
    assert_redirect(follow(f, TOKEN, url), "/");
    assert_true(gone(f));
}

static void take_token(fake_store *store)
{
    APR_ARRAY_IDX(store->tokens, store->tokens->nelts - 1, ba_verification *)->identifier = NULL;
}

static void somebody_was_faster(void **state)
{
    fixture *f = *state;

    add_token(f, "user1", NOW);
    f->store.before[OP_USER_DELETE] = take_token;
    assert_error(follow(f, TOKEN, CALLBACK "?callbackURL=/a&token=" SECRET_PART), &ba_err_delete_token);
    add_token(f, "user2", NOW);
    f->store.before[OP_VERIFICATION_CLAIM] = take_token;
    assert_error(follow(f, TOKEN, CALLBACK "?token=" SECRET_PART), &ba_err_delete_token);
    untouched(f);
}

static void fails_closed(void **state)
{
    fixture *f = *state;
    static const struct {
        fake_op op;
        ba_delete_user setting;
        const char *token_of; /* a token of this user is followed; NULL: delete-user */
    } rows[] = {
        {OP_SESSION, BA_DELETE_ON, NULL},    {OP_PASSWORD, BA_DELETE_ON, NULL},
        {OP_USER_DELETE, BA_DELETE_ON, NULL}, {OP_VERIFICATION_ADD, BA_DELETE_CONFIRM, NULL},
        {OP_SESSION, BA_DELETE_ON, "user1"}, {OP_VERIFICATION, BA_DELETE_ON, "user1"},
        {OP_USER_DELETE, BA_DELETE_ON, "user1"}, {OP_VERIFICATION_CLAIM, BA_DELETE_ON, "user2"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        f->settings.delete_user = rows[i].setting;
        add_token(f, rows[i].token_of ? rows[i].token_of : "user1", NOW);
        f->store.answer[rows[i].op] = APR_EGENERAL;
        assert_error(rows[i].token_of ? follow(f, TOKEN, CALLBACK "?callbackURL=/a&token=" SECRET_PART)
                                      : serve_as(f, TOKEN, "POST", DELETE, "{\"password\":\"" PASSWORD "\"}"),
                     &ba_err_unavailable);
        f->store.answer[rows[i].op] = APR_SUCCESS;
        untouched(f);
        assert_non_null(APR_ARRAY_IDX(f->store.tokens, (int)i, ba_verification *)->identifier);
        assert_int_equal(f->store.mails->nelts, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        USERS_TEST(deletes),
        USERS_TEST(asks_for_a_password_or_a_fresh_session),
        USERS_TEST(a_password_replaces_freshness),
        USERS_TEST(a_wrong_password_counts_even_if_fresh),
        USERS_TEST(switched_off),
        USERS_TEST(bodies_and_queries),
        USERS_TEST(confirms_by_mail),
        USERS_TEST(confirms_without_a_callback),
        USERS_TEST(confirming_needs_a_mailer),
        USERS_TEST(mails_only_so_often),
        USERS_TEST(the_token_may_be_in_the_body),
        USERS_TEST(bad_tokens),
        USERS_TEST(hashed_identifiers),
        USERS_TEST(somebody_was_faster),
        USERS_TEST(fails_closed),
    };

    return cmocka_run_group_tests_name("delete", tests, NULL, NULL);
}
