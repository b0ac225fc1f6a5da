/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What holds for all flows with a mailed link: a token is good for one purpose, links are
 * ours, and what sign-up and sign-in have to do with them. */

#include "ba_jwt.h"
#include "ba_mac.h"
#include "ba_password.h"
#include "ba_routes.h"
#include "serve.h"

#define EMAIL "zoe@example.com"
#define BASE ORIGIN "/api/auth"

static int with_mail(void **state)
{
    int rc = serve_setup(state);

    if (rc == 0) {
        fixture *f = *state;

        f->settings.mailer.kind = BA_MAILER_DIR;
        f->settings.change_email = 1;
        f->settings.delete_user = BA_DELETE_CONFIRM;
    }
    return rc;
}

#define MAIL_TEST(test) cmocka_unit_test_setup_teardown(test, with_mail, serve_teardown)

static fake_user *zoe(fixture *f)
{
    return APR_ARRAY_IDX(f->store.users, 0, fake_user *);
}

/* ---- one purpose each (security.md TK-7) */

enum { VERIFY_TOKEN, CONFIRM_TOKEN, CHANGE_TOKEN, RESET_TOKEN, DELETE_TOKEN, SESSION_TOKEN,
       SESSION_COOKIE, TOKENS };

static const char *mailed(fixture *f, const char *name)
{
    return param_of(f, link_in(f, fixture_mail(f)), name);
}

/* One good token of each kind, as a browser or a mail would bring it. */
static void make_tokens(fixture *f, const char *tokens[TOKENS])
{
    const char *reset;

    apr_array_clear(f->store.users);
    apr_array_clear(f->store.sessions);
    apr_array_clear(f->store.tokens);
    apr_array_clear(f->store.mails);
    fixture_add_user(f, EMAIL, hash_of(f, PASSWORD));
    fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);
    serve_as(f, TOKEN, "POST", "/send-verification-email", "{\"email\":\"" EMAIL "\"}");
    tokens[VERIFY_TOKEN] = mailed(f, "token");
    serve_as(f, TOKEN, "POST", "/change-email", "{\"newEmail\":\"new@example.com\"}");
    tokens[CHANGE_TOKEN] = mailed(f, "token");
    zoe(f)->user.email_verified = 1;
    serve_as(f, TOKEN, "POST", "/change-email", "{\"newEmail\":\"new@example.com\"}");
    tokens[CONFIRM_TOKEN] = mailed(f, "token");
    zoe(f)->user.email_verified = 0;
    serve(f, "POST", "/request-password-reset", "{\"email\":\"" EMAIL "\"}");
    reset = link_in(f, fixture_mail(f)) + strlen(BASE "/reset-password/");
    tokens[RESET_TOKEN] = apr_pstrmemdup(f->pool, reset, strcspn(reset, "?"));
    serve_as(f, TOKEN, "POST", "/delete-user", "{}");
    tokens[DELETE_TOKEN] = mailed(f, "token");
    tokens[SESSION_TOKEN] = TOKEN;
    tokens[SESSION_COOKIE] = SIGNED_TOKEN;
}

static const ba_answer *in_query(fixture *f, const char *session, const char *path, const char *token)
{
    return follow(f, session, apr_pstrcat(f->pool, BASE, path, "?token=", token, NULL));
}

static const ba_answer *sink_verify(fixture *f, const char *token)
{
    return in_query(f, TOKEN, "/verify-email", token);
}

static const ba_answer *sink_reset(fixture *f, const char *token)
{
    return serve(f, "POST", "/reset-password",
                 apr_psprintf(f->pool, "{\"newPassword\":\"another horse\",\"token\":\"%s\"}", token));
}

static const ba_answer *sink_reset_link(fixture *f, const char *token)
{
    follow(f, NULL, apr_pstrcat(f->pool, BASE "/reset-password/", token, "?callbackURL=/a", NULL));
    if (strstr(f->call->answer.location, "error=")) {
        ba_call_fail(f->call, &ba_err_invalid_token);
    }
    return &f->call->answer;
}

static const ba_answer *sink_delete(fixture *f, const char *token)
{
    return in_query(f, TOKEN, "/delete-user/callback", token);
}

static const ba_answer *sink_delete_body(fixture *f, const char *token)
{
    return serve_as(f, TOKEN, "POST", "/delete-user", apr_psprintf(f->pool, "{\"token\":\"%s\"}", token));
}

/* As the cookie, whole, with a signature of its own in the cookie's spelling, or signed by
 * us as another value. */
static const ba_answer *sink_cookie(fixture *f, const char *token)
{
    char *respelled = apr_pstrcat(f->pool, token, token[strlen(token) - 1] == '=' ? "" : "=", NULL);

    for (char *p = respelled; *p; ++p) {
        *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
    }
    fixture_call(f, "GET", "/list-sessions");
    fixture_header(f, "Cookie", apr_pstrcat(f->pool, NAME "=", respelled, NULL));
    serve_with(f, "GET", "/list-sessions", NULL, NULL);
    if (f->call->answer.error == &ba_err_unauthorized) {
        serve_as(f, token, "GET", "/list-sessions", NULL);
    }
    return &f->call->answer;
}

static void a_token_is_good_for_one_purpose(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *name;
        const ba_answer *(*use)(fixture *f, const char *token);
        unsigned good; /* bits of the kinds it takes */
    } sinks[] = {
        {"verify-email", sink_verify, 1 << VERIFY_TOKEN | 1 << CONFIRM_TOKEN | 1 << CHANGE_TOKEN},
        {"reset-password", sink_reset, 1 << RESET_TOKEN},
        {"reset link", sink_reset_link, 1 << RESET_TOKEN},
        {"delete link", sink_delete, 1 << DELETE_TOKEN},
        {"delete-user", sink_delete_body, 1 << DELETE_TOKEN},
        {"cookie", sink_cookie, 1 << SESSION_TOKEN | 1 << SESSION_COOKIE},
    };

    f->settings.session_fresh_age = 0;
    for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); ++i) {
        for (int kind = 0; kind < TOKENS; ++kind) {
            const char *tokens[TOKENS];
            int taken;

            make_tokens(f, tokens);
            zoe(f)->user.email_verified = kind == CONFIRM_TOKEN;
            taken = sinks[i].use(f, tokens[kind])->error == NULL;
            if (taken != (int)(sinks[i].good >> kind & 1)) {
                fail_msg("%s %s token %d", sinks[i].name, taken ? "took" : "refused", kind);
            }
            if (!taken) {
                assert_string_equal(zoe(f)->user.email, EMAIL);
                assert_int_equal(zoe(f)->user.email_verified, kind == CONFIRM_TOKEN);
                assert_non_null(fixture_find_session(f, TOKEN));
                assert_int_equal(ba_password_verify(zoe(f)->hash, (ba_bytes){PASSWORD, strlen(PASSWORD)},
                                                    f->pool), BA_PASSWORD_GOOD);
            }
        }
    }
}

static void each_mail_token_does_its_own(void **state)
{
    fixture *f = *state;
    const char *tokens[TOKENS];

    make_tokens(f, tokens);
    sink_verify(f, tokens[VERIFY_TOKEN]);
    assert_int_equal(zoe(f)->user.email_verified, 1);
    assert_string_equal(zoe(f)->user.email, EMAIL);
    /* the old address agrees, and that is not yet the change */
    make_tokens(f, tokens);
    zoe(f)->user.email_verified = 1;
    assert_null(sink_verify(f, tokens[CONFIRM_TOKEN])->error);
    assert_string_equal(zoe(f)->user.email, EMAIL);
    zoe(f)->user.email_verified = 0;
    sink_verify(f, tokens[CHANGE_TOKEN]);
    assert_string_equal(zoe(f)->user.email, "new@example.com");
}

static void a_foreign_secret_signs_nothing(void **state)
{
    fixture *f = *state;
    const char *tokens[TOKENS];
    ba_bytes *secret;

    make_tokens(f, tokens);
    secret = &APR_ARRAY_IDX(f->settings.secrets, 0, ba_bytes);
    secret->data = "fedcba9876543210fedcba9876543210";
    for (int kind = VERIFY_TOKEN; kind <= CHANGE_TOKEN; ++kind) {
        assert_error(in_query(f, NULL, "/verify-email", tokens[kind]), &ba_err_link_token);
    }
    /* the secret of before still verifies when it is named after the new one */
    *(ba_bytes *)apr_array_push(f->settings.secrets) = (ba_bytes){SECRET, strlen(SECRET)};
    assert_int_equal(in_query(f, NULL, "/verify-email", tokens[CHANGE_TOKEN])->status, 200);
    zoe(f)->user.email = EMAIL;
    assert_int_equal(in_query(f, NULL, "/verify-email", tokens[VERIFY_TOKEN])->status, 200);
}

/* ---- a change of address is for the account that asked for it */

static void as_it_was(fixture *f)
{
    (void)f;
}

static void proved_meanwhile(fixture *f)
{
    zoe(f)->user.email_verified = !zoe(f)->user.email_verified;
}

static void with_another_password(fixture *f)
{
    zoe(f)->hash = "another";
}

static void without_a_password(fixture *f)
{
    zoe(f)->hash = NULL;
}

static void with_an_empty_password(fixture *f)
{
    zoe(f)->hash = "";
}

static void another_row(fixture *f)
{
    zoe(f)->user.id = "user2";
}

/* The end of one value must not pass for the beginning of the next. */
static void with_its_parts_moved(fixture *f)
{
    zoe(f)->user.id = apr_psprintf(f->pool, "user1\n%d", zoe(f)->user.email_verified);
}

static void a_change_is_for_the_account_that_asked(void **state)
{
    fixture *f = *state;
    static const struct {
        void (*change)(fixture *f);
        int good_with, good_without; /* a password */
    } rows[] = {
        {as_it_was, 1, 1},          {proved_meanwhile, 0, 0},       {with_another_password, 0, 0},
        {without_a_password, 0, 1}, {with_an_empty_password, 0, 0}, {another_row, 0, 0},
        {with_its_parts_moved, 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        for (int kind = 0; kind < 4; ++kind) {
            int confirms = kind & 1, has_password = kind >> 1;
            const ba_answer *a;
            const char *token;

            apr_array_clear(f->store.users);
            apr_array_clear(f->store.sessions);
            apr_array_clear(f->store.mails);
            fixture_add_user(f, EMAIL, has_password ? "stored" : NULL);
            fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);
            zoe(f)->user.email_verified = confirms;
            assert_int_equal(serve_as(f, TOKEN, "POST", "/change-email",
                                      "{\"newEmail\":\"new@example.com\"}")->status, 200);
            token = mailed(f, "token");
            rows[i].change(f);
            a = in_query(f, NULL, "/verify-email", token);
            if (has_password ? rows[i].good_with : rows[i].good_without) {
                assert_null(a->error);
                assert_int_equal(f->store.mails->nelts, 1 + confirms);
            }
            else {
                assert_error(a, &ba_err_link_token);
                assert_int_equal(f->store.mails->nelts, 1);
                assert_int_equal(f->store.sessions->nelts, 1);
                assert_string_equal(zoe(f)->user.email, EMAIL);
            }
        }
    }
}

/* A Node server's token says nothing of the account; what is no text, or empty, is none. */
static void a_change_of_a_node_server(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *claim;
        int good;
    } rows[] = {{"", 1}, {",\"ba_account\":\"\"", 0}, {",\"ba_account\":null", 0}, {",\"ba_account\":7", 0},
                {",\"ba_account\":\"x\"", 0}};

    fixture_add_user(f, EMAIL, "stored");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const char *claims = apr_psprintf(
            f->pool, "{\"email\":\"" EMAIL "\",\"updateTo\":\"new@example.com\",\"requestType\":"
            "\"change-email-verification\",\"exp\":1893459600%s}", rows[i].claim);
        ba_bytes text = {claims, strlen(claims)};
        const char *token = ba_jwt_sign(APR_ARRAY_IDX(f->settings.secrets, 0, ba_bytes),
                                        ba_json_parse(text, f->pool), f->pool);

        zoe(f)->user.email = EMAIL;
        if (rows[i].good) {
            assert_int_equal(in_query(f, NULL, "/verify-email", token)->status, 200);
        }
        else {
            assert_error(in_query(f, NULL, "/verify-email", token), &ba_err_link_token);
        }
    }
}

/* ---- where links lead */

static void links_are_of_the_configured_origin(void **state)
{
    fixture *f = *state;
    static const char *const requests[][2] = {
        {"/send-verification-email", "{\"email\":\"" EMAIL "\"}"},
        {"/change-email", "{\"newEmail\":\"new@example.com\"}"},
        {"/request-password-reset", "{\"email\":\"" EMAIL "\"}"},
        {"/delete-user", "{}"},
    };
    static const char *const headers[] = {"Host", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"};

    fixture_add_user(f, EMAIL, NULL);
    fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); ++i) {
        fixture_call(f, "POST", requests[i][0]);
        fixture_header(f, "Cookie", cookie_of(f, TOKEN));
        fixture_header(f, "Origin", ORIGIN);
        for (size_t h = 0; h < sizeof(headers) / sizeof(headers[0]); ++h) {
            fixture_header(f, headers[h], "evil.test");
        }
        assert_int_equal(serve_with(f, "POST", requests[i][0], "application/json", requests[i][1])->status, 200);
        assert_non_null(link_in(f, fixture_mail(f)));
        assert_null(strstr(fixture_mail(f)->message, "evil.test"));
    }
}

static void a_callback_stays_one_value(void **state)
{
    fixture *f = *state;
    const char *url;

    fixture_add_user(f, EMAIL, NULL);
    assert_int_equal(serve(f, "POST", "/send-verification-email",
                           "{\"email\":\"" EMAIL "\",\"callbackURL\":\"/x?a=1&token=evil#&token=worse\"}")->status, 200);
    url = link_in(f, fixture_mail(f));
    assert_string_equal(param_of(f, url, "callbackURL"), "/x?a=1&token=evil#&token=worse");
    assert_redirect(follow(f, NULL, url), "/x?a=1&token=evil#&token=worse");
}

/* What no link could carry is refused before anybody is looked up. */
static void callbacks_have_a_length(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *path;
        const char *fields;
        const ba_error *error;
    } rows[] = {
        {"/request-password-reset", "\"email\":\"" EMAIL "\",\"redirectTo\"", &ba_err_redirect_url},
        {"/send-verification-email", "\"email\":\"" EMAIL "\",\"callbackURL\"", &ba_err_callback_url},
        {"/change-email", "\"newEmail\":\"new@example.com\",\"callbackURL\"", &ba_err_callback_url},
        {"/delete-user", "\"callbackURL\"", &ba_err_callback_url},
        {"/sign-up/email", "\"name\":\"\",\"email\":\"b@b.co\",\"password\":\"" PASSWORD "\",\"callbackURL\"",
         &ba_err_callback_url},
    };

    fixture_add_user(f, EMAIL, NULL);
    fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_error(serve_as(f, TOKEN, "POST", rows[i].path,
                              apr_psprintf(f->pool, "{%s:\"/%02048d\"}", rows[i].fields, 0)), rows[i].error);
        assert_int_equal(f->store.asked[OP_LOGIN], 0);
        assert_int_equal(f->store.mails->nelts, 0);
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_int_equal(serve_as(f, TOKEN, "POST", rows[i].path,
                                  apr_psprintf(f->pool, "{%s:\"/%02047d\"}", rows[i].fields, 0))->status, 200);
    }
}

static void segments(void **state)
{
    static const struct {
        const char *path;
        const char *segment; /* NULL: no such route */
    } rows[] = {
        {"/reset-password/abc", "abc"}, {"/reset-password/a?b", "a?b"}, {"/reset-password/%2f", "%2f"},
        {"/reset-password/:token", ":token"}, {"/reset-password/", NULL}, {"/reset-password", NULL},
        {"/reset-password/a/b", NULL}, {"/reset-password/a/", NULL}, {"/reset-password//", NULL},
        {"/reset-passwordx/a", NULL}, {"/Reset-password/a", NULL}, {"/x/reset-password/a", NULL},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const ba_route *row = ba_route_find("GET", rows[i].path);

        assert_int_equal(row != NULL, rows[i].segment != NULL);
        assert_null(ba_route_find("HEAD", rows[i].path));
        if (row) {
            assert_string_equal(row->path, "/reset-password/:token");
            assert_string_equal(ba_route_segment(fixture_call(f, "GET", rows[i].path)), rows[i].segment);
        }
    }
    assert_null(ba_route_find("POST", "/reset-password/abc"));
    assert_null(ba_route_find("HEAD", "/verify-email"));
    assert_null(ba_route_find("HEAD", "/delete-user/callback"));
}

/* ---- sign-up and sign-in */

#define NEW_USER "{\"name\":\"\",\"email\":\"Zoe@Example.com\",\"password\":\"" PASSWORD "\",\"callbackURL\":\"/in\"}"
#define SIGN_IN "{\"email\":\"" EMAIL "\",\"password\":\"" PASSWORD "\",\"callbackURL\":\"/in\"}"

static void sign_up_asks_to_verify(void **state)
{
    fixture *f = *state;
    static const struct {
        ba_auto on_sign_up;
        int required;
        ba_mailer_kind mailer;
        int asked;
    } rows[] = {
        {BA_AUTO, 0, BA_MAILER_DIR, 0}, {BA_AUTO, 1, BA_MAILER_DIR, 1}, {BA_AUTO, 1, BA_MAILER_OFF, 0},
        {BA_ON, 0, BA_MAILER_DIR, 1},   {BA_ON, 1, BA_MAILER_SMTP, 1},  {BA_ON, 1, BA_MAILER_OFF, 0},
        {BA_OFF, 0, BA_MAILER_DIR, 0},  {BA_OFF, 1, BA_MAILER_DIR, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        apr_array_clear(f->store.users);
        apr_array_clear(f->store.mails);
        f->settings.verify_on_sign_up = rows[i].on_sign_up;
        f->settings.require_email_verification = rows[i].required;
        f->settings.mailer.kind = rows[i].mailer;
        assert_int_equal(serve(f, "POST", "/sign-up/email", NEW_USER)->status, 200);
        assert_int_equal(cookies_set(f), !rows[i].required);
        assert_int_equal(f->store.mails->nelts, rows[i].asked);
        assert_int_equal(f->call->mail_waiting, rows[i].asked);
        if (rows[i].asked) {
            assert_string_equal(fixture_mail(f)->recipient, EMAIL);
            assert_redirect(follow(f, NULL, link_in(f, fixture_mail(f))), "/in");
            assert_int_equal(zoe(f)->user.email_verified, 1);
        }
    }
}

static void no_sign_up_without_its_mail(void **state)
{
    fixture *f = *state;

    f->settings.verify_on_sign_up = BA_ON;
    f->subject = "no\rheader";
    assert_int_equal(serve(f, "POST", "/sign-up/email", NEW_USER)->status, 500);
    assert_int_equal(f->store.users->nelts, 0);
    assert_int_equal(cookies_set(f), 0);
    f->subject = NULL;
    assert_int_equal(serve(f, "POST", "/sign-up/email", NEW_USER)->status, 200);
    assert_int_equal(f->store.mails->nelts, 1);
}

static void take_address(fake_store *store)
{
    fake_user *u = apr_pcalloc(store->pool, sizeof(*u));

    u->user.id = "faster";
    u->user.email = EMAIL;
    APR_ARRAY_PUSH(store->users, fake_user *) = u;
}

static void a_taken_address_gets_no_mail(void **state)
{
    fixture *f = *state;

    f->settings.require_email_verification = 1;
    f->store.before[OP_SIGN_UP] = take_address;
    for (int i = 0; i < 2; ++i) { /* lost the race, then taken */
        assert_int_equal(serve(f, "POST", "/sign-up/email", NEW_USER)->status, 200);
        assert_int_equal(f->store.mails->nelts, 0);
        assert_int_equal(f->call->mail_waiting, 0);
        assert_int_equal(cookies_set(f), 0);
    }
    f->store.before[OP_SIGN_UP] = NULL;
    apr_array_clear(f->store.users);
    f->store.answer[OP_SIGN_UP] = APR_EGENERAL;
    assert_error(serve(f, "POST", "/sign-up/email", NEW_USER), &ba_err_unavailable);
    assert_int_equal(f->call->mail_waiting, 0);
}

static void sign_in_may_send_another_link(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, EMAIL, hash_of(f, PASSWORD));
    f->settings.require_email_verification = 1;
    assert_error(serve(f, "POST", "/sign-in/email", SIGN_IN), &ba_err_not_verified);
    assert_int_equal(f->store.mails->nelts, 0);
    f->settings.verify_on_sign_in = 1;
    assert_error(serve(f, "POST", "/sign-in/email", "{\"email\":\"" EMAIL "\",\"password\":\"wrong horse\"}"),
                 &ba_err_credentials);
    assert_int_equal(f->store.mails->nelts, 0);
    for (int i = 1; i < 8; ++i) {
        assert_error(serve(f, "POST", "/sign-in/email", SIGN_IN), &ba_err_not_verified);
        assert_int_equal(f->store.mails->nelts, i < 5 ? i : 5);
    }
    assert_string_equal(fixture_mail(f)->recipient, EMAIL);
    f->settings.mailer.kind = BA_MAILER_OFF;
    assert_error(serve(f, "POST", "/sign-in/email", SIGN_IN), &ba_err_not_verified);
    f->settings.mailer.kind = BA_MAILER_DIR;
    f->store.answer[OP_MAIL_ADD] = APR_EGENERAL;
    assert_error(serve(f, "POST", "/sign-in/email", SIGN_IN), &ba_err_unavailable);
    f->store.answer[OP_MAIL_ADD] = APR_SUCCESS;
    assert_redirect(follow(f, NULL, link_in(f, fixture_mail(f))), "/in");
    assert_int_equal(serve(f, "POST", "/sign-in/email", SIGN_IN)->status, 200);
    assert_int_equal(f->store.mails->nelts, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MAIL_TEST(a_token_is_good_for_one_purpose),
        MAIL_TEST(each_mail_token_does_its_own),
        MAIL_TEST(a_foreign_secret_signs_nothing),
        MAIL_TEST(a_change_is_for_the_account_that_asked),
        MAIL_TEST(a_change_of_a_node_server),
        MAIL_TEST(links_are_of_the_configured_origin),
        MAIL_TEST(a_callback_stays_one_value),
        MAIL_TEST(callbacks_have_a_length),
        MAIL_TEST(segments),
        MAIL_TEST(sign_up_asks_to_verify),
        MAIL_TEST(no_sign_up_without_its_mail),
        MAIL_TEST(a_taken_address_gets_no_mail),
        MAIL_TEST(sign_in_may_send_another_link),
    };

    return cmocka_run_group_tests_name("flows", tests, NULL, NULL);
}
