/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Verify an address, change it. */

#include "ba_jwt.h"
#include "serve.h"

#include <apr_time.h>

#define EMAIL "zoe@example.com"
#define NEW_EMAIL "new@example.com"
#define SEND "/send-verification-email"
#define CHANGE "/change-email"
#define OK_BODY "{\"status\":true}"
#define OK_NULL "{\"status\":true,\"user\":null}"
#define VERIFY_URL ORIGIN "/api/auth/verify-email"

static int with_mail(void **state)
{
    int rc = serve_setup(state);

    if (rc == 0) {
        fixture *f = *state;

        f->settings.mailer.kind = BA_MAILER_DIR;
        f->settings.change_email = 1;
        fixture_add_user(f, EMAIL, NULL);
        fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);
    }
    return rc;
}

#define MAIL_TEST(test) cmocka_unit_test_setup_teardown(test, with_mail, serve_teardown)

static fake_user *zoe(fixture *f)
{
    return APR_ARRAY_IDX(f->store.users, 0, fake_user *);
}

static int mails(const fixture *f)
{
    return f->store.mails->nelts;
}

static const json_t *claims_of(fixture *f, const char *url)
{
    json_t *claims = NULL;

    assert_int_equal(ba_jwt_verify(f->settings.secrets, param_of(f, url, "token"), NOW, &claims, f->pool),
                     APR_SUCCESS);
    return claims;
}

static void assert_claims(fixture *f, const char *url, const char *text)
{
    ba_bytes bytes = {text, strlen(text)};

    assert_string_equal(ba_json_text(claims_of(f, url), f->pool),
                        ba_json_text(ba_json_parse(bytes, f->pool), f->pool));
}

/* The same, where the token says besides what account it is for. */
static void assert_change_claims(fixture *f, const char *url, const char *text)
{
    json_t *claims = ba_json_object(f->pool);
    ba_bytes bytes = {text, strlen(text)};

    json_object_update(claims, (json_t *)claims_of(f, url));
    assert_int_equal(json_string_length(json_object_get(claims, "ba_account")), 43);
    json_object_del(claims, "ba_account");
    assert_string_equal(ba_json_text(claims, f->pool),
                        ba_json_text(ba_json_parse(bytes, f->pool), f->pool));
}

/* A token of a Node server. */
static const char *token_of(fixture *f, const char *claims)
{
    ba_bytes text = {claims, strlen(claims)};

    return ba_jwt_sign(APR_ARRAY_IDX(f->settings.secrets, 0, ba_bytes), ba_json_parse(text, f->pool),
                       f->pool);
}

static const ba_answer *open_link(fixture *f, const char *session, const char *claims, const char *callback)
{
    return follow(f, session,
                  apr_pstrcat(f->pool, VERIFY_URL "?token=", token_of(f, claims),
                              callback ? "&callbackURL=" : "", callback, NULL));
}

#define EXP ",\"iat\":1893456000,\"exp\":1893459600}"
#define PLAIN_CLAIMS "{\"email\":\"" EMAIL "\"" EXP
#define CONFIRM_CLAIMS \
    "{\"email\":\"" EMAIL "\",\"updateTo\":\"" NEW_EMAIL "\",\"requestType\":\"change-email-confirmation\"" EXP
#define CHANGE_CLAIMS \
    "{\"email\":\"" EMAIL "\",\"updateTo\":\"" NEW_EMAIL "\",\"requestType\":\"change-email-verification\"" EXP

/* ---- send-verification-email */

static void sends_to_who_is_signed_in(void **state)
{
    fixture *f = *state;
    const char *url;

    assert_body(serve_as(f, TOKEN, "POST", SEND, "{\"email\":\"Zoe@Example.COM\",\"callbackURL\":\"/a b?c&d\"}"),
                OK_BODY);
    assert_int_equal(f->call->mail_waiting, 1);
    assert_string_equal(fixture_mail(f)->recipient, EMAIL);
    url = link_in(f, fixture_mail(f));
    assert_string_equal(url, apr_pstrcat(f->pool, VERIFY_URL "?token=", param_of(f, url, "token"),
                                         "&callbackURL=%2Fa%20b%3Fc%26d", NULL));
    assert_claims(f, url, PLAIN_CLAIMS);
    for (size_t i = 0; i < 2; ++i) {
        assert_body(serve_as(f, TOKEN, "POST", SEND,
                             i ? "{\"email\":\"" EMAIL "\"}" : "{\"email\":\"" EMAIL "\",\"callbackURL\":\"\"}"),
                    OK_BODY);
        assert_string_equal(param_of(f, link_in(f, fixture_mail(f)), "callbackURL"), "/");
    }
    f->settings.verify_expires_in = 60;
    serve_as(f, TOKEN, "POST", SEND, "{\"email\":\"" EMAIL "\"}");
    assert_true(json_number_value(json_object_get(claims_of(f, link_in(f, fixture_mail(f))), "exp"))
                == NOW / 1000 + 60);
}

static void sends_to_nobody_else(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, "eve@example.com", NULL);
    assert_error(serve_as(f, TOKEN, "POST", SEND, "{\"email\":\"eve@example.com\"}"), &ba_err_email_mismatch);
    zoe(f)->user.email_verified = 1;
    assert_error(serve_as(f, TOKEN, "POST", SEND, "{\"email\":\"" EMAIL "\"}"), &ba_err_already_verified);
    assert_int_equal(mails(f), 0);
}

static void sends_without_telling(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *body;
        int verified;
        int sent;
    } rows[] = {
        {"{\"email\":\"ZOE@example.com\"}", 0, 1},
        {"{\"email\":\"" EMAIL "\"}", 1, 0},
        {"{\"email\":\"eve@example.com\"}", 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        apr_time_t begun = apr_time_now();

        apr_array_clear(f->store.mails);
        zoe(f)->user.email_verified = rows[i].verified;
        assert_body(serve(f, "POST", SEND, rows[i].body), OK_BODY);
        assert_true(apr_time_now() - begun >= apr_time_from_msec(100));
        assert_int_equal(cookies_set(f), 0);
        assert_int_equal(mails(f), rows[i].sent);
        assert_int_equal(f->call->mail_waiting, rows[i].sent);
    }
    /* a session that is over is none */
    APR_ARRAY_IDX(f->store.sessions, 0, ba_session *)->expires_at = NOW - 1;
    assert_body(serve_as(f, TOKEN, "POST", SEND, "{\"email\":\"eve@example.com\"}"), OK_BODY);
}

static void sends_only_so_often(void **state)
{
    fixture *f = *state;

    for (int i = 0; i < 7; ++i) {
        assert_body(serve_as(f, i % 2 ? TOKEN : NULL, "POST", SEND, "{\"email\":\"" EMAIL "\"}"), OK_BODY);
    }
    assert_int_equal(mails(f), 5);
    assert_int_equal(f->call->mail_waiting, 0);
    assert_true(fixture_logged(f, "BA0701"));
}

static void sending_fails_closed(void **state)
{
    fixture *f = *state;
    static const struct {
        fake_op op;
        const char *session;
    } rows[] = {{OP_LOGIN, NULL}, {OP_MAIL_ADD, NULL}, {OP_MAIL_ADD, TOKEN}, {OP_SESSION, TOKEN}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        f->store.answer[rows[i].op] = APR_EGENERAL;
        assert_error(serve_as(f, rows[i].session, "POST", SEND, "{\"email\":\"" EMAIL "\"}"),
                     &ba_err_unavailable);
        f->store.answer[rows[i].op] = APR_SUCCESS;
        assert_int_equal(f->call->mail_waiting, 0);
        assert_int_equal(mails(f), 0);
    }
    f->settings.mailer.kind = BA_MAILER_OFF;
    assert_error(serve(f, "POST", SEND, "{\"email\":\"" EMAIL "\"}"), &ba_err_verify_disabled);
    assert_error(serve_as(f, TOKEN, "POST", SEND, "{\"email\":\"" EMAIL "\"}"), &ba_err_verify_disabled);
}

static void bodies(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *path;
        const char *body;
        const ba_error *error;
        const char *message;
    } rows[] = {
        {SEND, "{}", &ba_err_validation, "[body.email] Invalid input: expected string, received undefined"},
        {SEND, "{\"email\":\"a@b\"}", &ba_err_validation, "[body.email] Invalid email address"},
        {SEND, "{\"email\":{}}", &ba_err_validation, "[body.email] Invalid input: expected string, received object"},
        {SEND, "{\"email\":\"" EMAIL "\",\"callbackURL\":null}", &ba_err_validation,
         "[body.callbackURL] Invalid input: expected string, received null"},
        {SEND, "{\"email\":\"" EMAIL "\",\"callbackURL\":\"//evil.test\"}", &ba_err_callback_url, NULL},
        {SEND, "{\"email\":\"" EMAIL "\",\"callbackURL\":7}", &ba_err_url_type,
         "Invalid callbackURL: expected a string"},
        {SEND, NULL, &ba_err_validation, "[body] Invalid input: expected object, received undefined"},
        {CHANGE, "{}", &ba_err_validation, "[body.newEmail] Invalid input: expected string, received undefined"},
        {CHANGE, "{\"newEmail\":\"new@example.com \"}", &ba_err_validation, "[body.newEmail] Invalid email address"},
        {CHANGE, "{\"newEmail\":\"a@b.co,c@d.co\"}", &ba_err_validation, "[body.newEmail] Invalid email address"},
        {CHANGE, "{\"newEmail\":\"\\u017foe@example.com\"}", &ba_err_validation,
         "[body.newEmail] Invalid email address"},
        {CHANGE, "{\"newEmail\":true,\"callbackURL\":null}", &ba_err_validation,
         "[body.newEmail] Invalid input: expected string, received boolean; "
         "[body.callbackURL] Invalid input: expected string, received null"},
        {CHANGE, "{\"newEmail\":\"" NEW_EMAIL "\",\"callbackURL\":\"https://evil.test\"}", &ba_err_callback_url, NULL},
        {CHANGE, "[]", &ba_err_validation, "[body] Invalid input: expected object, received array"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const ba_answer *a = serve_as(f, TOKEN, "POST", rows[i].path, rows[i].body);

        assert_error(a, rows[i].error);
        assert_string_equal(a->message, rows[i].message ? rows[i].message : rows[i].error->message);
    }
    assert_int_equal(mails(f), 0);
}

/* ---- verify-email */

static void verifies(void **state)
{
    fixture *f = *state;

    assert_body(open_link(f, NULL, PLAIN_CLAIMS, NULL), OK_NULL);
    assert_int_equal(zoe(f)->user.email_verified, 1);
    assert_int_equal(cookies_set(f), 0);
    assert_int_equal(f->store.sessions->nelts, 1);
    assert_true(fixture_logged(f, "BA0442"));
    /* again: harmless */
    assert_body(open_link(f, NULL, PLAIN_CLAIMS, NULL), OK_NULL);
    assert_redirect(open_link(f, NULL, PLAIN_CLAIMS, "/a%3Fb%23c"), "/a?b#c");
    assert_int_equal(f->store.asked[OP_USER_VERIFY], 1);
    zoe(f)->user.email_verified = 0;
    assert_redirect(open_link(f, NULL, PLAIN_CLAIMS, "http://auth.test/x"), "http://auth.test/x");
    assert_int_equal(zoe(f)->user.email_verified, 1);
    /* as json, and nobody signed in by it */
    zoe(f)->user.email_verified = 0;
    assert_body(open_link(f, NULL, PLAIN_CLAIMS, ""), OK_NULL);
    assert_int_equal(f->store.sessions->nelts, 1);
    assert_int_equal(mails(f), 0);
}

static void verifying_may_sign_in(void **state)
{
    fixture *f = *state;

    f->settings.verify_signs_in = 1;
    assert_redirect(open_link(f, NULL, PLAIN_CLAIMS, "/"), "/");
    assert_int_equal(cookies_set(f), 1);
    assert_int_equal(f->store.sessions->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(f->store.sessions, 1, ba_session *)->user_id, "user1");
    /* who has verified already is not signed in once more */
    assert_body(open_link(f, NULL, PLAIN_CLAIMS, NULL), OK_NULL);
    assert_int_equal(cookies_set(f), 0);
    /* the own session goes on */
    zoe(f)->user.email_verified = 0;
    assert_body(open_link(f, TOKEN, PLAIN_CLAIMS, NULL), OK_NULL);
    assert_non_null(strstr(fixture_cookie(f, NAME), TOKEN));
    assert_int_equal(f->store.sessions->nelts, 2);
    /* that of somebody else does not */
    fixture_add_user(f, "eve@example.com", NULL);
    fixture_add_session(f, "user2", "eves", NOW + DAY);
    zoe(f)->user.email_verified = 0;
    assert_body(open_link(f, "eves", PLAIN_CLAIMS, NULL), OK_NULL);
    assert_int_equal(f->store.sessions->nelts, 4);
    assert_string_equal(APR_ARRAY_IDX(f->store.sessions, 3, ba_session *)->user_id, "user1");
    assert_null(strstr(fixture_cookie(f, NAME), "=eves."));
}

/* Another module objects: the link has done nothing, and can be followed again. */
static void verifying_may_be_refused_a_session(void **state)
{
    static const ba_error closed = {403, "CLOSED", "Come back in the morning."};
    fixture *f = *state;

    f->settings.verify_signs_in = 1;
    f->veto = &closed;
    assert_redirect(open_link(f, NULL, PLAIN_CLAIMS, "/a"), "/a?error=CLOSED");
    assert_int_equal(cookies_set(f), 0);
    assert_error(open_link(f, NULL, PLAIN_CLAIMS, NULL), &closed);
    assert_int_equal(zoe(f)->user.email_verified, 0);
    assert_int_equal(f->store.asked[OP_USER_VERIFY], 0);
    f->veto = &ba_err_unavailable;
    assert_error(open_link(f, NULL, PLAIN_CLAIMS, "/a"), &ba_err_unavailable);
    f->veto = &closed;
    /* the own session goes on, and nobody is asked */
    assert_redirect(open_link(f, TOKEN, PLAIN_CLAIMS, "/a"), "/a");
    assert_int_equal(zoe(f)->user.email_verified, 1);
    assert_int_equal(f->vetoes_asked, 3);
    assert_int_equal(f->store.sessions->nelts, 1);
}

static void refuses_tokens(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *claims;
        const ba_error *error;
    } rows[] = {
        {"{\"email\":\"" EMAIL "\",\"iat\":1893452399,\"exp\":1893455999}", &ba_err_link_expired},
        {"{\"email\":\"" EMAIL "\",\"iat\":1893452399,\"exp\":1893456000}", &ba_err_link_expired},
        {"{\"email\":\"" EMAIL "\",\"iat\":1893452399}", &ba_err_link_token},
        {"{\"email\":\"nobody@example.com\"" EXP, &ba_err_link_no_user},
        {"{\"email\":7" EXP, &ba_err_link_token},
        {"{\"email\":\"zoe\"" EXP, &ba_err_link_token},
        {"{\"email\":\"" EMAIL "\\u0000\"" EXP, &ba_err_link_token},
        {"{\"iat\":1893456000,\"exp\":1893459600}", &ba_err_link_token},
        {"{\"email\":\"" EMAIL "\",\"updateTo\":\"" NEW_EMAIL "\"" EXP, &ba_err_link_token},
        {"{\"email\":\"" EMAIL "\",\"updateTo\":\"" NEW_EMAIL "\",\"requestType\":\"other\"" EXP, &ba_err_link_token},
        {"{\"email\":\"" EMAIL "\",\"updateTo\":\"" NEW_EMAIL "\",\"requestType\":\"\"" EXP, &ba_err_link_token},
        {"{\"email\":\"" EMAIL "\",\"updateTo\":\"" NEW_EMAIL "\",\"requestType\":null" EXP, &ba_err_link_token},
        {"{\"email\":\"" EMAIL "\",\"updateTo\":[],\"requestType\":\"change-email-verification\"" EXP,
         &ba_err_link_token},
        {"{\"email\":\"" EMAIL "\",\"updateTo\":\"x\",\"requestType\":\"change-email-verification\"" EXP,
         &ba_err_link_token},
        /* of the cookie cache's jwt form */
        {"{\"session\":{},\"user\":{\"email\":\"" EMAIL "\"}" EXP, &ba_err_link_token},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_error(open_link(f, NULL, rows[i].claims, NULL), rows[i].error);
        assert_redirect(open_link(f, NULL, rows[i].claims, "/a%3Fb=c%23d"),
                        apr_pstrcat(f->pool, "/a?b=c&error=", rows[i].error->code, "#d", NULL));
        assert_error(open_link(f, NULL, rows[i].claims, ""), rows[i].error);
    }
    assert_error(follow(f, NULL, VERIFY_URL "?token=a.b.c"), &ba_err_link_token);
    assert_error(follow(f, NULL, VERIFY_URL "?token="), &ba_err_link_token);
    assert_int_equal(zoe(f)->user.email_verified, 0);
    assert_string_equal(zoe(f)->user.email, EMAIL);
    assert_int_equal(mails(f), 0);
    assert_int_equal(f->store.sessions->nelts, 1);
}

static void a_long_new_address_is_none(void **state)
{
    fixture *f = *state;
    const char *claims = apr_psprintf(
        f->pool, "{\"email\":\"" EMAIL "\",\"updateTo\":\"%0256d@b.co\",\"requestType\":\"change-email-verification\"" EXP, 0);

    assert_error(open_link(f, NULL, claims, NULL), &ba_err_link_token);
}

static void queries(void **state)
{
    fixture *f = *state;
    const char *token = token_of(f, PLAIN_CLAIMS);
    const struct {
        const char *query;
        const ba_error *error;
        const char *message;
    } rows[] = {
        {"", &ba_err_validation, "[query.token] Invalid input: expected string, received undefined"},
        {"callbackURL=/", &ba_err_validation, "[query.token] Invalid input: expected string, received undefined"},
        {"token=a&token=b", &ba_err_validation, "[query.token] Invalid input: expected string, received array"},
        {"token=a%00", &ba_err_validation, "[query.token] Invalid input"},
        {apr_pstrcat(f->pool, "callbackURL=/&callbackURL=/&token=", token, NULL), &ba_err_validation,
         "[query.callbackURL] Invalid input: expected string, received array"},
        {apr_pstrcat(f->pool, "callbackURL=https://evil.test&token=", token, NULL), &ba_err_callback_url, NULL},
        {apr_pstrcat(f->pool, "callback%55RL=//evil.test&token=", token, NULL), &ba_err_callback_url, NULL},
        {apr_pstrcat(f->pool, "callbackURL=/%2fevil.test&token=", token, NULL), &ba_err_callback_url, NULL},
        {apr_psprintf(f->pool, "callbackURL=/%03000d&token=%s", 0, token), &ba_err_callback_url, NULL},
        /* the callback is looked at before the token */
        {"callbackURL=//evil.test&token=x", &ba_err_callback_url, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const ba_answer *a = follow(f, NULL, apr_pstrcat(f->pool, VERIFY_URL "?", rows[i].query, NULL));

        assert_error(a, rows[i].error);
        assert_string_equal(a->message, rows[i].message ? rows[i].message : rows[i].error->message);
    }
    assert_int_equal(zoe(f)->user.email_verified, 0);
    assert_int_equal(f->store.asked[OP_LOGIN], 0);
}

static void forget_zoe(fake_store *store)
{
    APR_ARRAY_IDX(store->users, 0, fake_user *)->user.email = "other@example.com";
}

static void verifying_fails_closed(void **state)
{
    fixture *f = *state;
    static const fake_op ops[] = {OP_LOGIN, OP_SESSION, OP_USER_VERIFY};

    f->settings.verify_signs_in = 1;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); ++i) {
        f->store.answer[ops[i]] = APR_EGENERAL;
        assert_error(open_link(f, TOKEN, PLAIN_CLAIMS, "/a"), &ba_err_unavailable);
        f->store.answer[ops[i]] = APR_SUCCESS;
        assert_int_equal(zoe(f)->user.email_verified, 0);
        assert_int_equal(cookies_set(f), 0);
    }
    f->store.before[OP_USER_VERIFY] = forget_zoe;
    assert_redirect(open_link(f, NULL, PLAIN_CLAIMS, "/a"), "/a?error=USER_NOT_FOUND");
    assert_int_equal(cookies_set(f), 0);
    zoe(f)->user.email = EMAIL;
    assert_error(open_link(f, NULL, PLAIN_CLAIMS, NULL), &ba_err_link_no_user);
    assert_int_equal(f->store.sessions->nelts, 1);
}

/* ---- change-email */

static void changes_an_unproved_address_at_once(void **state)
{
    fixture *f = *state;
    const char *url;

    f->settings.change_email_unverified = 1;
    assert_body(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"New@Example.com\",\"callbackURL\":\"/a\"}"),
                OK_BODY);
    assert_string_equal(zoe(f)->user.email, NEW_EMAIL);
    assert_int_equal(zoe(f)->user.email_verified, 0);
    assert_non_null(strstr(fixture_cookie(f, NAME), TOKEN));
    assert_true(fixture_logged(f, "BA0443"));
    assert_int_equal(mails(f), 1);
    assert_string_equal(fixture_mail(f)->recipient, NEW_EMAIL);
    url = link_in(f, fixture_mail(f));
    assert_claims(f, url, "{\"email\":\"" NEW_EMAIL "\"" EXP);
    assert_redirect(follow(f, NULL, url), "/a");
    assert_int_equal(zoe(f)->user.email_verified, 1);
    /* proved now: from here on one asks first */
    assert_body(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"" EMAIL "\"}"), OK_BODY);
    assert_string_equal(zoe(f)->user.email, NEW_EMAIL);
    /* without a mailer there is just no mail */
    zoe(f)->user.email_verified = 0;
    f->settings.mailer.kind = BA_MAILER_OFF;
    assert_body(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"" EMAIL "\"}"), OK_BODY);
    assert_string_equal(zoe(f)->user.email, EMAIL);
}

static void changes_in_three_steps(void **state)
{
    fixture *f = *state;
    const char *first, *second;

    zoe(f)->user.email_verified = 1;
    assert_body(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"NEW@example.com\",\"callbackURL\":\"/a?b\"}"),
                OK_BODY);
    assert_int_equal(cookies_set(f), 0);
    assert_string_equal(fixture_mail(f)->recipient, EMAIL);
    first = link_in(f, fixture_mail(f));
    assert_change_claims(f, first, CONFIRM_CLAIMS);

    assert_redirect(follow(f, NULL, first), "/a?b");
    assert_int_equal(cookies_set(f), 0);
    assert_string_equal(zoe(f)->user.email, EMAIL);
    assert_string_equal(fixture_mail(f)->recipient, NEW_EMAIL);
    assert_int_equal(f->call->mail_waiting, 1);
    second = link_in(f, fixture_mail(f));
    assert_string_equal(param_of(f, second, "callbackURL"), "/a?b");
    assert_change_claims(f, second, CHANGE_CLAIMS);

    assert_redirect(follow(f, TOKEN, second), "/a?b");
    assert_string_equal(zoe(f)->user.email, NEW_EMAIL);
    assert_int_equal(zoe(f)->user.email_verified, 1);
    assert_non_null(strstr(fixture_cookie(f, NAME), TOKEN));
    assert_true(fixture_logged(f, "BA0441"));
    /* the old one is told */
    assert_int_equal(mails(f), 3);
    assert_string_equal(fixture_mail(f)->recipient, EMAIL);
    assert_null(link_in(f, fixture_mail(f)));

    /* both are spent, as the address is another */
    assert_redirect(follow(f, NULL, first), "/a?b&error=USER_NOT_FOUND");
    assert_redirect(follow(f, NULL, second), "/a?b&error=USER_NOT_FOUND");
    assert_int_equal(mails(f), 3);
}

static void asks_the_new_address_only(void **state)
{
    fixture *f = *state;

    for (int verified = 0; verified < 2; ++verified) {
        zoe(f)->user.email_verified = verified;
        f->settings.change_email_confirm = !verified;
        assert_body(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"" NEW_EMAIL "\"}"), OK_BODY);
        assert_string_equal(fixture_mail(f)->recipient, NEW_EMAIL);
        assert_change_claims(f, link_in(f, fixture_mail(f)), CHANGE_CLAIMS);
        assert_string_equal(param_of(f, link_in(f, fixture_mail(f)), "callbackURL"), "/");
    }
}

static void finishing_signs_in(void **state)
{
    fixture *f = *state;
    const json_t *json = body_of(f, open_link(f, NULL, CHANGE_CLAIMS, NULL));
    const json_t *user = json_object_get(json, "user");

    assert_string_equal(text_at(user, "email"), NEW_EMAIL);
    assert_true(json_is_true(json_object_get(user, "emailVerified")));
    assert_string_equal(text_at(user, "id"), "user1");
    assert_string_equal(text_at(user, "updatedAt"), "2030-01-01T00:00:00.000Z");
    assert_int_equal(cookies_set(f), 1);
    assert_int_equal(f->store.sessions->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(f->store.sessions, 1, ba_session *)->user_id, "user1");
    /* an address that was never proved has nobody to be told */
    assert_int_equal(mails(f), 0);
}

static void only_the_own_session_may(void **state)
{
    fixture *f = *state;
    static const char *const claims[] = {CONFIRM_CLAIMS, CHANGE_CLAIMS};

    fixture_add_user(f, "eve@example.com", NULL);
    fixture_add_session(f, "user2", "eves", NOW + DAY);
    for (size_t i = 0; i < 2; ++i) {
        assert_error(open_link(f, "eves", claims[i], NULL), &ba_err_link_other_user);
        assert_redirect(open_link(f, "eves", claims[i], "/a"), "/a?error=INVALID_USER");
    }
    assert_string_equal(zoe(f)->user.email, EMAIL);
    assert_int_equal(mails(f), 0);
    /* nor is a session that is over one */
    fixture_find_session(f, "eves")->expires_at = NOW - 1;
    assert_body(open_link(f, "eves", CONFIRM_CLAIMS, NULL), OK_BODY);
}

static void confirming_without_a_mailer(void **state)
{
    fixture *f = *state;

    f->settings.mailer.kind = BA_MAILER_OFF;
    assert_body(open_link(f, NULL, CONFIRM_CLAIMS, NULL), OK_BODY);
    assert_int_equal(mails(f), 0);
    zoe(f)->user.email_verified = 1;
    assert_redirect(open_link(f, NULL, CHANGE_CLAIMS, "/"), "/");
    assert_int_equal(mails(f), 0);
    assert_string_equal(zoe(f)->user.email, NEW_EMAIL);
}

static void change_errors(void **state)
{
    fixture *f = *state;

    assert_error(serve(f, "POST", CHANGE, "{\"newEmail\":\"" NEW_EMAIL "\"}"), &ba_err_unauthorized);
    f->settings.change_email = 0;
    assert_error(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"" EMAIL "\"}"), &ba_err_change_email_disabled);
    f->settings.change_email = 1;
    assert_error(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"ZOE@example.com\"}"), &ba_err_same_email);
    f->settings.mailer.kind = BA_MAILER_OFF;
    assert_error(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"" NEW_EMAIL "\"}"), &ba_err_change_email_no_mail);
    assert_error(serve_as(f, TOKEN, "POST", CHANGE,
                          apr_psprintf(f->pool, "{\"newEmail\":\"%0250d@b.co\"}", 0)), &ba_err_change_email_no_mail);
    f->settings.mailer.kind = BA_MAILER_DIR;
    assert_error(serve_as(f, TOKEN, "POST", CHANGE,
                          apr_psprintf(f->pool, "{\"newEmail\":\"%0251d@b.co\"}", 0)), &ba_err_validation);
    assert_int_equal(f->store.asked[OP_LOGIN], 0);
    assert_body(serve_as(f, TOKEN, "POST", CHANGE,
                         apr_psprintf(f->pool, "{\"newEmail\":\"%0250d@b.co\"}", 0)), OK_BODY);
}

static void a_taken_address_is_nobodys_business(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, NEW_EMAIL, NULL);
    for (int at_once = 0; at_once < 2; ++at_once) {
        apr_time_t begun = apr_time_now();

        f->settings.change_email_unverified = at_once;
        assert_body(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"" NEW_EMAIL "\"}"), OK_BODY);
        assert_true(apr_time_now() - begun >= apr_time_from_msec(100));
        begun = apr_time_now();
        if (!at_once) {
            assert_body(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"free@example.com\"}"), OK_BODY);
            assert_true(apr_time_now() - begun >= apr_time_from_msec(100));
        }
    }
    assert_string_equal(zoe(f)->user.email, EMAIL);
    assert_int_equal(mails(f), 1);
    assert_int_equal(f->store.asked[OP_EMAIL_CHANGE], 0);
}

static void take_address(fake_store *store)
{
    APR_ARRAY_IDX(store->users, 1, fake_user *)->user.email = NEW_EMAIL;
}

static void taken_in_the_end(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, "eve@example.com", NULL);
    f->settings.change_email_unverified = 1;
    f->store.before[OP_EMAIL_CHANGE] = take_address;
    assert_body(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"" NEW_EMAIL "\"}"), OK_BODY);
    assert_int_equal(cookies_set(f), 0);
    assert_error(open_link(f, NULL, CHANGE_CLAIMS, NULL), &ba_err_user_exists);
    assert_redirect(open_link(f, NULL, CHANGE_CLAIMS, "/a"), "/a?error=USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    assert_int_equal(cookies_set(f), 0);
    assert_int_equal(f->store.sessions->nelts, 1);
    assert_int_equal(mails(f), 0);
    assert_string_equal(zoe(f)->user.email, EMAIL);

    f->store.before[OP_EMAIL_CHANGE] = forget_zoe;
    assert_redirect(open_link(f, NULL, CHANGE_CLAIMS, "/a"), "/a?error=USER_NOT_FOUND");
    zoe(f)->user.email = EMAIL;
    f->settings.change_email_unverified = 1;
    assert_error(serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"free@example.com\"}"), &ba_err_unauthorized);
}

static void changing_fails_closed(void **state)
{
    fixture *f = *state;
    static const struct {
        fake_op op;
        int verified;
        const char *claims; /* NULL: change-email itself */
    } rows[] = {
        {OP_SESSION, 0, NULL},           {OP_LOGIN, 0, NULL},        {OP_EMAIL_CHANGE, 0, NULL},
        {OP_MAIL_ADD, 1, NULL},          {OP_PASSWORD, 1, NULL},     {OP_LOGIN, 1, CONFIRM_CLAIMS}, {OP_SESSION, 1, CONFIRM_CLAIMS},
        {OP_MAIL_ADD, 1, CONFIRM_CLAIMS}, {OP_SESSION, 1, CHANGE_CLAIMS}, {OP_EMAIL_CHANGE, 1, CHANGE_CLAIMS},
    };

    f->settings.change_email_unverified = 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        zoe(f)->user.email_verified = rows[i].verified;
        f->store.answer[rows[i].op] = APR_EGENERAL;
        assert_error(rows[i].claims ? open_link(f, TOKEN, rows[i].claims, "/a")
                                    : serve_as(f, TOKEN, "POST", CHANGE, "{\"newEmail\":\"" NEW_EMAIL "\"}"),
                     &ba_err_unavailable);
        f->store.answer[rows[i].op] = APR_SUCCESS;
        assert_string_equal(zoe(f)->user.email, EMAIL);
        assert_int_equal(cookies_set(f), 0);
        assert_int_equal(mails(f), 0);
        assert_int_equal(f->call->mail_waiting, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MAIL_TEST(sends_to_who_is_signed_in),
        MAIL_TEST(sends_to_nobody_else),
        MAIL_TEST(sends_without_telling),
        MAIL_TEST(sends_only_so_often),
        MAIL_TEST(sending_fails_closed),
        MAIL_TEST(bodies),
        MAIL_TEST(verifies),
        MAIL_TEST(verifying_may_sign_in),
        MAIL_TEST(verifying_may_be_refused_a_session),
        MAIL_TEST(refuses_tokens),
        MAIL_TEST(a_long_new_address_is_none),
        MAIL_TEST(queries),
        MAIL_TEST(verifying_fails_closed),
        MAIL_TEST(changes_an_unproved_address_at_once),
        MAIL_TEST(changes_in_three_steps),
        MAIL_TEST(asks_the_new_address_only),
        MAIL_TEST(finishing_signs_in),
        MAIL_TEST(only_the_own_session_may),
        MAIL_TEST(confirming_without_a_mailer),
        MAIL_TEST(change_errors),
        MAIL_TEST(a_taken_address_is_nobodys_business),
        MAIL_TEST(taken_in_the_end),
        MAIL_TEST(changing_fails_closed),
    };

    return cmocka_run_group_tests_name("email", tests, NULL, NULL);
}
