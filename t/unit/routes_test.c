/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The endpoints on a store in memory: every branch that the wire tests cannot
 * reach at will, failures above all. */

#include "ba_limit.h"
#include "ba_password.h"
#include "ba_routes.h"
#include "ba_words.h"
#include "serve.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DATA "better-auth.session_data"
#define REMEMBER "better-auth.dont_remember"

/* ---- dispatch */

static void finds_rows_exactly(void **state)
{
    static const char *const none[][2] = {
        {"GET", "/sign-in/email"}, {"HEAD", "/get-session"}, {"OPTIONS", "/get-session"},
        {"GET", "/ok/"}, {"GET", "//ok"}, {"GET", "/OK"}, {"GET", "/%6fk"}, {"GET", ""},
        {"GET", "/"}, {"get", "/ok"}, {"POST", "/ok"}, {"DELETE", "/sign-out"}, {"GET", "/sign-out"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); ++i) {
        assert_null(ba_route_find(none[i][0], none[i][1]));
    }
    for (const ba_feature *const *feature = ba_route_features(); *feature; ++feature) {
        for (const ba_route *row = (*feature)->routes; row->method; ++row) {
            assert_ptr_equal(ba_route_find(row->method, row->path), row);
        }
    }
}

static void media_types(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *path;
        const char *type;
        const char *body;
        const char *message; /* of a 415, or NULL */
    } rows[] = {
        {"/sign-out", "application/json", "{}", NULL},
        {"/sign-out", "Application/JSON; charset=utf-8", "{}", NULL},
        {"/sign-out", "application/json+x", "{}", NULL},
        {"/sign-out", "text/plain", "", NULL}, /* no body: no type */
        {"/sign-out", NULL, "not json", NULL}, /* no type: no body */
        {"/sign-out", "", "not json", NULL},
        {"/sign-out", "text/plain", "{}",
         "Content-Type \"text/plain\" is not allowed. Allowed types: application/json"},
        {"/sign-out", "application/x-www-form-urlencoded", "a=b",
         "Content-Type \"application/x-www-form-urlencoded\" is not allowed. Allowed types: "
         "application/json"},
        {"/sign-out", "application/vnd.api+json", "{}",
         "Content-Type \"application/vnd.api+json\" is not allowed. Allowed types: "
         "application/json"},
        {"/sign-out", "text/plain; a=application/json", "{}",
         "Content-Type \"text/plain; a=application/json\" is not allowed. Allowed types: "
         "application/json"},
        {"/sign-in/email", "multipart/form-data", "x",
         "Content-Type \"multipart/form-data\" is not allowed. Allowed types: "
         "application/x-www-form-urlencoded, application/json"},
        {"/sign-out", "x\xff", "{}",
         "Content-Type \"x\xef\xbf\xbd\" is not allowed. Allowed types: application/json"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const ba_answer *a;

        fixture_call(f, "POST", rows[i].path);
        a = serve_with(f, "POST", rows[i].path, rows[i].type, rows[i].body);
        if (rows[i].message) {
            assert_error(a, &ba_err_media_type);
            assert_string_equal(a->message, rows[i].message);
        }
        else {
            assert_int_equal(a->status, 200);
        }
    }
}

static void bad_json(void **state)
{
    fixture *f = *state;

    assert_error(serve(f, "POST", "/sign-in/email", "{"), &ba_err_bad_json);
    assert_error(serve(f, "POST", "/sign-in/email", " "), &ba_err_bad_json);
    assert_error(serve(f, "POST", "/sign-out", "\xff"), &ba_err_bad_json);
}

static void origin_comes_before_validation_and_form_rules_after(void **state)
{
    fixture *f = *state;
    static const char *const form_paths[] = {"/sign-in/email", "/sign-up/email"};

    for (size_t i = 0; i < 2; ++i) {
        fixture_call(f, "POST", form_paths[i]);
        fixture_header(f, "Sec-Fetch-Site", "cross-site");
        fixture_header(f, "Sec-Fetch-Mode", "navigate");
        assert_error(serve_with(f, "POST", form_paths[i], "application/json", "{}"),
                     &ba_err_validation);
        assert_error(serve_with(f, "POST", form_paths[i], "application/json",
                                "{\"name\":\"\",\"email\":\"a@b.co\",\"password\":\"12345678\"}"),
                     &ba_err_cross_site);
        assert_int_equal(f->store.asked[OP_LOGIN], 0);
    }
    /* an endpoint that takes no form has no such rules */
    assert_int_equal(serve_with(f, "POST", "/sign-out", NULL, NULL)->status, 200);
    fixture_call(f, "POST", "/sign-in/email");

    fixture_header(f, "Cookie", "a=b");
    assert_error(serve_with(f, "POST", "/sign-in/email", "application/json", "{}"),
                 &ba_err_missing_origin);
    assert_true(fixture_logged(f, "BA0502"));
    fixture_header(f, "Origin", "http://evil.test");
    assert_error(serve_with(f, "POST", "/sign-in/email", "application/json", "{}"),
                 &ba_err_invalid_origin);
}

static void url_fields(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *body;
        const char *query;
        const ba_error *error;
        const char *message;
    } rows[] = {
        {"{\"callbackURL\":\"//evil.test\"}", NULL, &ba_err_callback_url, NULL},
        {"{\"redirectTo\":\"https://evil.test\"}", NULL, &ba_err_redirect_url, NULL},
        {"{\"errorCallbackURL\":\"x\"}", NULL, &ba_err_error_callback_url, NULL},
        {"{\"newUserCallbackURL\":\"javascript:x\"}", NULL, &ba_err_new_user_callback_url, NULL},
        {"{\"callbackURL\":\"/x\\u0000\"}", NULL, &ba_err_callback_url, NULL},
        {"{\"callbackURL\":7}", NULL, &ba_err_url_type, "Invalid callbackURL: expected a string"},
        {"{\"callbackURL\":[\"/x\"]}", NULL, &ba_err_url_type,
         "Invalid callbackURL: expected a string"},
        {"{\"callbackURL\":true}", NULL, &ba_err_url_type, "Invalid callbackURL: expected a string"},
        {"{\"redirectTo\":{}}", NULL, &ba_err_url_type, "Invalid redirectURL: expected a string"},
        {"{\"errorCallbackURL\":1}", NULL, &ba_err_url_type,
         "Invalid errorCallbackURL: expected a string"},
        {"{\"newUserCallbackURL\":1}", NULL, &ba_err_url_type,
         "Invalid newUserCallbackURL: expected a string"},
        /* the first wrong one is named */
        {"{\"redirectTo\":\"//e\",\"callbackURL\":\"//e\"}", NULL, &ba_err_callback_url, NULL},
        /* the query counts where the body says nothing */
        {"{}", "callbackURL=//evil.test", &ba_err_callback_url, NULL},
        {"{\"callbackURL\":\"\"}", "callbackURL=%2F%2Fevil.test", &ba_err_callback_url, NULL},
        {"{\"callbackURL\":\"/x\"}", "callbackURL=//evil.test", NULL, NULL},
        {"{}", "callbackURL=/x&callbackURL=/x", &ba_err_url_type,
         "Invalid callbackURL: expected a string"},
        {"{\"callbackURL\":\"/x\"}", "callbackURL=/x&callbackURL=/x", NULL, NULL},
        {"{}", "callbackURL=/x", NULL, NULL},
        {"{}", "callbackURL", NULL, NULL},
        {"{}", "callbackURL=", NULL, NULL},
        {"{}", "redirectTo=//evil.test", NULL, NULL},
        /* falsy is absent, and no concern of the schema where it has no such field */
        {"{\"redirectTo\":null,\"errorCallbackURL\":0,\"newUserCallbackURL\":false}", NULL, NULL, NULL},
        {"{\"callbackURL\":\"/x\",\"redirectTo\":\"http://auth.test/y\"}", NULL, NULL, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const ba_answer *a;

        fixture_call(f, "POST", "/sign-out")->query = rows[i].query;
        a = serve_with(f, "POST", "/sign-out", "application/json", rows[i].body);
        if (rows[i].error) {
            assert_error(a, rows[i].error);
            assert_string_equal(a->message,
                                rows[i].message ? rows[i].message : rows[i].error->message);
        }
        else if (a->status != 200) {
            fail_msg("%s ?%s: %d", rows[i].body, rows[i].query, a->status);
        }
    }
    assert_true(fixture_logged(f, "BA0501"));
}

/* ---- sign-up */

#define NEW_USER "\"name\":\"Zo\xc3\xab\",\"email\":\"Zoe@Example.com\",\"password\":\"" PASSWORD "\""

static void sign_up_signs_in(void **state)
{
    fixture *f = *state;
    const json_t *json = body_of(f, serve(f, "POST", "/sign-up/email", "{" NEW_USER "}"));
    const json_t *user = json_object_get(json, "user");
    const fake_user *row = APR_ARRAY_IDX(f->store.users, 0, fake_user *);

    assert_string_equal(text_at(user, "email"), "zoe@example.com");
    assert_string_equal(text_at(user, "name"), "Zo\xc3\xab");
    assert_true(json_is_false(json_object_get(user, "emailVerified")));
    assert_true(json_is_null(json_object_get(user, "image")));
    assert_string_equal(text_at(user, "createdAt"), "2030-01-01T00:00:00.000Z");
    assert_int_equal(strlen(text_at(user, "id")), 32);
    assert_non_null(fixture_find_session(f, text_at(json, "token")));
    assert_true(fixture_find_session(f, text_at(json, "token"))->expires_at == NOW + 7 * DAY);
    assert_int_equal(cookies_set(f), 1);
    assert_non_null(strstr(fixture_cookie(f, NAME), "Max-Age=604800"));
    assert_string_equal(row->user.email, "zoe@example.com");
    assert_int_equal(ba_password_verify(row->hash, (ba_bytes){PASSWORD, strlen(PASSWORD)}, f->pool),
                     BA_PASSWORD_GOOD);
    assert_true(fixture_logged(f, "BA0401"));
}

static void sign_up_takes_named_fields_only(void **state)
{
    fixture *f = *state;
    const json_t *user = json_object_get(
        body_of(f, serve(f, "POST", "/sign-up/email",
                         "{" NEW_USER ",\"id\":\"mine\",\"emailVerified\":true,\"role\":\"admin\","
                         "\"createdAt\":\"2001-01-01T00:00:00.000Z\",\"__proto__\":{\"id\":\"x\"},"
                         "\"image\":\"/me.png\"}")),
        "user");

    assert_string_not_equal(text_at(user, "id"), "mine");
    assert_true(json_is_false(json_object_get(user, "emailVerified")));
    assert_string_equal(text_at(user, "createdAt"), "2030-01-01T00:00:00.000Z");
    assert_string_equal(text_at(user, "image"), "/me.png");
}

static void sign_up_without_remembering(void **state)
{
    fixture *f = *state;
    const json_t *json
        = body_of(f, serve(f, "POST", "/sign-up/email", "{" NEW_USER ",\"rememberMe\":false}"));

    assert_true(fixture_find_session(f, text_at(json, "token"))->expires_at == NOW + DAY);
    assert_int_equal(cookies_set(f), 2);
    assert_null(strstr(fixture_cookie(f, NAME), "Max-Age"));
    assert_non_null(fixture_cookie(f, REMEMBER));
}

static void sign_up_without_signing_in(void **state)
{
    fixture *f = *state;

    f->settings.auto_sign_in = 0;
    for (int i = 0; i < 2; ++i) {
        /* the second time the address is taken, and nothing shows it */
        const json_t *json = body_of(f, serve(f, "POST", "/sign-up/email", "{" NEW_USER "}"));
        const json_t *user = json_object_get(json, "user");

        assert_true(json_is_null(json_object_get(json, "token")));
        assert_string_equal(text_at(user, "email"), "zoe@example.com");
        assert_string_equal(text_at(user, "name"), "Zo\xc3\xab");
        assert_int_equal(strlen(text_at(user, "id")), 32);
        assert_string_equal(text_at(user, "createdAt"), "2030-01-01T00:00:00.000Z");
        assert_int_equal(json_object_size(user), 7);
        assert_int_equal(cookies_set(f), 0);
    }
    assert_int_equal(f->store.users->nelts, 1);
    assert_int_equal(f->store.sessions->nelts, 0);
    assert_true(fixture_logged(f, "BA0402"));
}

static void a_taken_address(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, "zoe@example.com", NULL);
    assert_error(serve(f, "POST", "/sign-up/email", "{" NEW_USER "}"), &ba_err_user_exists);
    assert_int_equal(f->store.asked[OP_SIGN_UP], 0);
    f->settings.require_email_verification = 1;
    body_of(f, serve(f, "POST", "/sign-up/email", "{" NEW_USER "}"));
    assert_int_equal(f->store.users->nelts, 1);
}

/* Storing an account takes longer than not storing one; where a taken address must not
 * show, neither does that. */
static void a_taken_address_takes_as_long(void **state)
{
    fixture *f = *state;
    static const struct {
        int auto_sign_in, verify, hidden;
    } settings[] = {{1, 0, 0}, {0, 0, 1}, {1, 1, 1}, {0, 1, 1}};

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); ++i) {
        f->settings.auto_sign_in = settings[i].auto_sign_in;
        f->settings.require_email_verification = settings[i].verify;
        f->store.users->nelts = 0;
        for (int taken = 0; taken < 2; ++taken) {
            apr_time_t begun = apr_time_now();

            serve(f, "POST", "/sign-up/email", "{" NEW_USER "}");
            assert_int_equal(f->store.users->nelts, 1);
            if (settings[i].hidden) {
                assert_int_equal(f->call->answer.status, 200);
                assert_true(apr_time_now() - begun >= apr_time_from_msec(100));
            }
            else {
                assert_int_equal(f->call->answer.status, taken ? 422 : 200);
            }
        }
    }
}

/* Two at once: the unique index decides, and the answer is the usual one. */
static void a_lost_race(void **state)
{
    fixture *f = *state;

    f->store.answer[OP_SIGN_UP] = APR_EEXIST;
    assert_error(serve(f, "POST", "/sign-up/email", "{" NEW_USER "}"), &ba_err_user_exists);
    assert_int_equal(cookies_set(f), 0);
    f->settings.auto_sign_in = 0;
    assert_true(json_is_null(json_object_get(
        body_of(f, serve(f, "POST", "/sign-up/email", "{" NEW_USER "}")), "token")));
    assert_int_equal(f->store.users->nelts, 0);
}

static void sign_up_store_failures(void **state)
{
    fixture *f = *state;

    f->store.answer[OP_LOGIN] = APR_EGENERAL;
    assert_error(serve(f, "POST", "/sign-up/email", "{" NEW_USER "}"), &ba_err_unavailable);
    f->store.answer[OP_LOGIN] = APR_SUCCESS;
    f->store.answer[OP_SIGN_UP] = APR_EGENERAL;
    assert_error(serve(f, "POST", "/sign-up/email", "{" NEW_USER "}"), &ba_err_unavailable);
    assert_int_equal(cookies_set(f), 0);
    f->store.answer[OP_SIGN_UP] = APR_EINVAL;
    assert_error(serve(f, "POST", "/sign-up/email", "{" NEW_USER "}"), &ba_err_create_user);
    assert_int_equal(cookies_set(f), 0);
}

static void sign_up_switched_off(void **state)
{
    fixture *f = *state;

    f->settings.sign_up = 0;
    assert_error(serve(f, "POST", "/sign-up/email", "{" NEW_USER "}"), &ba_err_sign_up_disabled);
    /* after validation, as upstream */
    assert_error(serve(f, "POST", "/sign-up/email", "{}"), &ba_err_validation);
}

static const ba_answer *sign_up_with_password(fixture *f, const char *password)
{
    return serve(f, "POST", "/sign-up/email",
                 apr_pstrcat(f->pool, "{\"name\":\"\",\"email\":\"z@b.co\",\"password\":\"", password,
                             "\"}", NULL));
}

#define EMOJI "\xf0\x9f\x98\x80"

static void password_lengths(void **state)
{
    fixture *f = *state;
    char text[130];

    memset(text, 'x', 129);
    text[129] = '\0';
    assert_error(sign_up_with_password(f, text), &ba_err_password_long);
    text[128] = '\0';
    assert_int_equal(sign_up_with_password(f, text)->status, 200);
    f->store.users->nelts = 0;
    assert_error(sign_up_with_password(f, ""), &ba_err_validation);
    assert_error(sign_up_with_password(f, "x"), &ba_err_password_short);
    assert_error(sign_up_with_password(f, "1234567"), &ba_err_password_short);
    assert_error(sign_up_with_password(f, EMOJI EMOJI EMOJI "x"), &ba_err_password_short);
    assert_int_equal(sign_up_with_password(f, EMOJI EMOJI EMOJI EMOJI)->status, 200);
    f->store.users->nelts = 0;
    assert_int_equal(sign_up_with_password(f, "12345678")->status, 200);
    f->store.users->nelts = 0;
    /* the length is of what was typed, before NFKC: U+FDFA alone becomes 18 characters */
    assert_error(sign_up_with_password(f, "\xef\xb7\xba"), &ba_err_password_short);
}

static void what_no_column_holds(void **state)
{
    fixture *f = *state;
    char name[257], email[261];

    memset(name, 'n', 256);
    name[256] = '\0';
    assert_error(serve(f, "POST", "/sign-up/email",
                       apr_pstrcat(f->pool, "{" NEW_USER ",\"name\":\"", name, "\"}", NULL)),
                 &ba_err_create_user);
    name[255] = '\0';
    assert_int_equal(serve(f, "POST", "/sign-up/email",
                           apr_pstrcat(f->pool, "{" NEW_USER ",\"name\":\"", name, "\"}", NULL))
                         ->status,
                     200);
    memset(email, 'e', 260);
    memcpy(email + 250, "@b.coco", 8);
    assert_error(serve(f, "POST", "/sign-up/email",
                       apr_pstrcat(f->pool, "{" NEW_USER ",\"email\":\"", email, "\"}", NULL)),
                 &ba_err_create_user);
    assert_int_equal(f->store.asked[OP_SIGN_UP], 1);
}

static void forms_are_read_too(void **state)
{
    fixture *f = *state;
    static const char type[] = "application/x-www-form-urlencoded";

    fixture_call(f, "POST", "/sign-up/email");
    body_of(f, serve_with(f, "POST", "/sign-up/email", type,
                          "name=Zo%C3%AB+M&email=zoe%40example.com&password=correct+horse"));
    assert_string_equal(APR_ARRAY_IDX(f->store.users, 0, fake_user *)->user.name, "Zo\xc3\xab M");
    fixture_call(f, "POST", "/sign-in/email");
    body_of(f, serve_with(f, "POST", "/sign-in/email", type,
                          "email=zoe%40example.com&password=correct+horse"));
    /* all values are texts: no boolean can come in a form */
    fixture_call(f, "POST", "/sign-in/email");
    assert_error(serve_with(f, "POST", "/sign-in/email", type,
                            "email=zoe%40example.com&password=correct+horse&rememberMe=true"),
                 &ba_err_validation);
    fixture_call(f, "POST", "/sign-in/email");
    body_of(f, serve_with(f, "POST", "/sign-in/email", type,
                          "email=a%40b.co&email=zoe%40example.com&password=correct+horse"));
}

/* ---- sign-in */

#define LOGIN "\"email\":\"Zoe@Example.COM\",\"password\":\"" PASSWORD "\""

/* What has become known since it was chosen still opens the account. */
static void a_listed_password_signs_in(void **state)
{
    fixture *f = *state;
    char lines[] = "Correct Horse\n";

    f->settings.refused_passwords = ba_words_create(lines, f->pool);
    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    assert_int_equal(serve(f, "POST", "/sign-in/email", "{" LOGIN "}")->status, 200);
    assert_error(sign_up_with_password(f, PASSWORD), &ba_err_password_listed);
    assert_int_equal(sign_up_with_password(f, PASSWORD "s")->status, 200);
}

static void sign_in_good(void **state)
{
    fixture *f = *state;
    const json_t *json;

    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    json = body_of(f, serve(f, "POST", "/sign-in/email", "{" LOGIN "}"));
    assert_true(json_is_false(json_object_get(json, "redirect")));
    assert_null(json_object_get(json, "url"));
    assert_null(f->call->answer.location);
    assert_string_equal(text_at(json_object_get(json, "user"), "id"), "user1");
    assert_non_null(fixture_find_session(f, text_at(json, "token")));
    assert_int_equal(cookies_set(f), 1);
    assert_int_equal(f->store.asked[OP_PASSWORD_RENEW], 0);
    assert_true(fixture_logged(f, "BA0404"));
}

static void sign_in_with_a_callback(void **state)
{
    fixture *f = *state;
    const json_t *json;

    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    json = body_of(f, serve(f, "POST", "/sign-in/email", "{" LOGIN ",\"callbackURL\":\"/x?y\"}"));
    assert_true(json_is_true(json_object_get(json, "redirect")));
    assert_string_equal(text_at(json, "url"), "/x?y");
    assert_string_equal(f->call->answer.location, "/x?y");
    json = body_of(f, serve(f, "POST", "/sign-in/email", "{" LOGIN ",\"callbackURL\":\"\"}"));
    assert_true(json_is_false(json_object_get(json, "redirect")));
    assert_string_equal(text_at(json, "url"), "");
    assert_null(f->call->answer.location);
}

static void sign_in_drops_an_old_marker(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    fixture_call(f, "POST", "/sign-in/email");
    fixture_header(f, "Cookie", REMEMBER "=" COOKIE_TRUE "; " NAME "=" COOKIE_TOKEN);
    fixture_header(f, "Origin", ORIGIN);
    body_of(f, serve_with(f, "POST", "/sign-in/email", "application/json", "{" LOGIN "}"));
    assert_non_null(strstr(fixture_cookie(f, REMEMBER), "Max-Age=0"));
    /* never the token that the client brought */
    assert_null(strstr(fixture_cookie(f, NAME), TOKEN));
}

static void sign_in_refused(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, "zoe@example.com", hash_of(f, "another one"));
    fixture_add_user(f, "social@example.com", NULL);
    assert_error(serve(f, "POST", "/sign-in/email", "{" LOGIN "}"), &ba_err_credentials);
    assert_error(serve(f, "POST", "/sign-in/email",
                       "{\"email\":\"nobody@example.com\",\"password\":\"" PASSWORD "\"}"),
                 &ba_err_credentials);
    assert_error(serve(f, "POST", "/sign-in/email",
                       "{\"email\":\"social@example.com\",\"password\":\"" PASSWORD "\"}"),
                 &ba_err_credentials);
    assert_error(serve(f, "POST", "/sign-in/email", "{\"email\":\"zoe@example.com\",\"password\":\"\"}"),
                 &ba_err_credentials);
    assert_error(serve(f, "POST", "/sign-in/email", "{\"email\":\"no\",\"password\":\"x\"}"),
                 &ba_err_invalid_email);
    assert_error(serve(f, "POST", "/sign-in/email", "{\"email\":\"zoe@example.com\"}"),
                 &ba_err_validation);
    assert_int_equal(cookies_set(f), 0);
    assert_int_equal(f->store.sessions->nelts, 0);
    assert_true(fixture_logged(f, "BA0405"));
}

static void long_passwords_are_not_hashed(void **state)
{
    fixture *f = *state;
    char *text = apr_palloc(f->pool, 60001);

    memset(text, 'x', 60000);
    text[60000] = '\0';
    assert_error(serve(f, "POST", "/sign-in/email",
                       apr_pstrcat(f->pool, "{\"email\":\"zoe@example.com\",\"password\":\"", text,
                                   "\"}", NULL)),
                 &ba_err_password_long);
    assert_int_equal(f->store.asked[OP_LOGIN], 0);
}

/* A hash that we cannot read is a wrong password, not an error (PW-8). */
static void unreadable_hashes(void **state)
{
    fixture *f = *state;
    static const char *const stored[] = {
        "", "x", "correct horse", ":", "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$Q1Rm"};

    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); ++i) {
        f->store.users->nelts = 0;
        fixture_add_user(f, "zoe@example.com", stored[i]);
        assert_error(serve(f, "POST", "/sign-in/email", "{" LOGIN "}"), &ba_err_credentials);
    }
    assert_true(fixture_logged(f, "BA0605"));
}

static void verification_is_asked_for_after_the_password(void **state)
{
    fixture *f = *state;
    fake_user *u = fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));

    f->settings.require_email_verification = 1;
    assert_error(serve(f, "POST", "/sign-in/email", "{" LOGIN "}"), &ba_err_not_verified);
    assert_error(serve(f, "POST", "/sign-in/email",
                       "{\"email\":\"zoe@example.com\",\"password\":\"wrong\"}"),
                 &ba_err_credentials);
    assert_int_equal(f->store.sessions->nelts, 0);
    u->user.email_verified = 1;
    body_of(f, serve(f, "POST", "/sign-in/email", "{" LOGIN "}"));
}

static void sign_in_store_failures(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    f->store.answer[OP_LOGIN] = APR_EGENERAL;
    assert_error(serve(f, "POST", "/sign-in/email", "{" LOGIN "}"), &ba_err_unavailable);
    f->store.answer[OP_LOGIN] = APR_SUCCESS;
    f->store.answer[OP_SESSION_ADD] = APR_EGENERAL;
    assert_error(serve(f, "POST", "/sign-in/email", "{" LOGIN "}"), &ba_err_unavailable);
    assert_int_equal(cookies_set(f), 0);
}

static void old_hashes_are_renewed(void **state)
{
    fixture *f = *state;
    static const char *const stored[] = {
        /* "correct horse", as crypt(3), npm's scrypt and a costlier argon2id have it */
        "$1$saltsalt$NuzA7WTAelpl95xgBGWN60",
        NULL,
        NULL,
    };
    static const ba_hash_params others[] = {
        {0}, {BA_HASH_SCRYPT, 0, 0, 0}, {BA_HASH_ARGON2ID, 16, 2, 1}};

    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); ++i) {
        const char *old = stored[i] ? stored[i]
                                    : ba_password_hash(&others[i], (ba_bytes){PASSWORD, 13}, f->pool);
        fake_user *u;

        f->store.users->nelts = 0;
        u = fixture_add_user(f, "zoe@example.com", old);
        /* not for a wrong password */
        assert_error(serve(f, "POST", "/sign-in/email",
                           "{\"email\":\"zoe@example.com\",\"password\":\"wrong\"}"),
                     &ba_err_credentials);
        assert_string_equal(u->hash, old);
        body_of(f, serve(f, "POST", "/sign-in/email", "{" LOGIN "}"));
        assert_string_not_equal(u->hash, old);
        assert_false(ba_password_outdated(&f->settings.hash, u->hash));
        body_of(f, serve(f, "POST", "/sign-in/email", "{" LOGIN "}"));
        assert_int_equal(f->store.asked[OP_PASSWORD_RENEW], (int)i + 1);
    }
}

static void a_renewal_that_fails_is_no_matter(void **state)
{
    fixture *f = *state;
    const ba_hash_params other = {BA_HASH_ARGON2ID, 16, 2, 1};

    fixture_add_user(f, "zoe@example.com",
                     ba_password_hash(&other, (ba_bytes){PASSWORD, 13}, f->pool));
    f->store.answer[OP_PASSWORD_RENEW] = APR_EGENERAL;
    body_of(f, serve(f, "POST", "/sign-in/email", "{" LOGIN "}"));
    assert_int_equal(f->call->answer.retry_after, 0);
}

/* ---- the gate */

/* Nobody may learn from a full queue whether the address exists. */
static void a_full_gate_is_503(void **state)
{
    fixture *f = *state;
    ba_gate *full;
    ba_permit permit;
    int lost;

    assert_int_equal(ba_gate_create(1, 0, (uid_t)-1, &full, f->pool), APR_SUCCESS);
    assert_int_equal(ba_gate_enter(full, 0, &permit, &lost), APR_SUCCESS);
    ba_gate_destroy(f->gate);
    f->gate = full;
    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    assert_error(serve(f, "POST", "/sign-in/email", "{" LOGIN "}"), &ba_err_busy);
    assert_error(serve(f, "POST", "/sign-in/email",
                       "{\"email\":\"nobody@example.com\",\"password\":\"" PASSWORD "\"}"),
                 &ba_err_busy);
    assert_error(serve(f, "POST", "/sign-up/email",
                       "{\"name\":\"\",\"email\":\"new@b.co\",\"password\":\"" PASSWORD "\"}"),
                 &ba_err_busy);
    assert_true(fixture_logged(f, "BA0602"));
    assert_int_equal(f->store.asked[OP_SIGN_UP] + f->store.asked[OP_SESSION_ADD], 0);
    ba_gate_leave(full, &permit);
}

/* Somebody who holds the only permit of a gate for a while, in a process of their own. */
static pid_t hold(ba_gate *gate, int ms)
{
    const struct timespec nap = {ms / 1000, (ms % 1000) * 1000000L};
    ba_gate_state state;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        ba_permit permit;
        int lost;

        ba_gate_enter(gate, 1000, &permit, &lost);
        nanosleep(&nap, NULL);
        ba_gate_leave(gate, &permit);
        _exit(0);
    }
    do {
        ba_gate_look(gate, &state);
    } while (!state.in_use);
    return pid;
}

/* A hash for nobody is not made; who did not have to wait is not asked. */
static void who_has_gone_costs_no_hash(void **state)
{
    fixture *f = *state;
    ba_gate_state before, after;
    ba_gate *one;
    pid_t holder;

    assert_int_equal(ba_gate_create(1, 4, (uid_t)-1, &one, f->pool), APR_SUCCESS);
    ba_gate_destroy(f->gate);
    f->gate = one;
    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    f->gone = 1;
    assert_int_equal(serve(f, "POST", "/sign-in/email", "{" LOGIN "}")->status, 200);
    ba_gate_look(one, &before);

    holder = hold(one, 100);
    assert_error(serve(f, "POST", "/sign-in/email", "{" LOGIN "}"), &ba_err_busy);
    assert_true(fixture_logged(f, "BA0602"));
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    ba_gate_look(one, &after);
    assert_int_equal(after.gone, 1);
    assert_int_equal(after.in_use, 0);
    assert_int_equal(after.hashed, before.hashed + 1); /* the holder's */

    f->gone = 0;
    holder = hold(one, 100);
    assert_int_equal(serve(f, "POST", "/sign-in/email", "{" LOGIN "}")->status, 200);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    ba_gate_look(one, &after);
    assert_int_equal(after.gone, 1);
    assert_int_equal(after.waited, 2);
}

/* Each way out of a handler gives its permit back. */
static void permits_come_back(void **state)
{
    fixture *f = *state;
    ba_gate *one;

    assert_int_equal(ba_gate_create(1, 0, (uid_t)-1, &one, f->pool), APR_SUCCESS);
    ba_gate_destroy(f->gate);
    f->gate = one;
    fixture_add_user(f, "zoe@example.com", "unreadable");
    fixture_add_user(f, "old@example.com", "$1$saltsalt$NuzA7WTAelpl95xgBGWN60");
    for (int i = 0; i < 3; ++i) {
        assert_error(serve(f, "POST", "/sign-in/email", "{" LOGIN "}"), &ba_err_credentials);
        assert_error(serve(f, "POST", "/sign-in/email",
                           "{\"email\":\"nobody@example.com\",\"password\":\"" PASSWORD "\"}"),
                     &ba_err_credentials);
        body_of(f, serve(f, "POST", "/sign-in/email",
                         "{\"email\":\"old@example.com\",\"password\":\"" PASSWORD "\"}"));
        f->store.answer[OP_SIGN_UP] = APR_EGENERAL;
        assert_error(serve(f, "POST", "/sign-up/email",
                           "{\"name\":\"\",\"email\":\"new@b.co\",\"password\":\"" PASSWORD "\"}"),
                     &ba_err_unavailable);
    }
}

/* ---- sessions */

static void get_session(void **state)
{
    fixture *f = *state;
    const json_t *json;

    assert_string_equal(serve(f, "GET", "/get-session", NULL)->body, "null");
    assert_int_equal(cookies_set(f), 0);
    fixture_add_user(f, "zoe@example.com", NULL);
    fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);
    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN);
    json = body_of(f, serve_with(f, "GET", "/get-session", NULL, NULL));
    assert_int_equal(json_object_size(json), 2);
    assert_string_equal(text_at(json_object_get(json, "session"), "token"), TOKEN);
    assert_string_equal(text_at(json_object_get(json, "user"), "email"), "zoe@example.com");
}

/* The body of a GET is not looked at. */
static void get_ignores_bodies(void **state)
{
    fixture *f = *state;

    fixture_call(f, "GET", "/get-session");
    assert_string_equal(serve_with(f, "GET", "/get-session", "text/plain", "{")->body, "null");
}

static void get_session_drops_cache_cookies(void **state)
{
    fixture *f = *state;

    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Cookie", DATA "=x; " DATA ".0=y");
    assert_string_equal(serve_with(f, "GET", "/get-session", NULL, NULL)->body, "null");
    assert_int_equal(cookies_set(f), 2);
    assert_non_null(strstr(fixture_cookie(f, DATA), "Max-Age=0"));
    assert_non_null(strstr(fixture_cookie(f, DATA ".0"), "Max-Age=0"));
}

static void revoke_it(fake_store *store)
{
    APR_ARRAY_IDX(store->sessions, 0, ba_session *)->token = NULL;
}

static void get_session_failures(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, "zoe@example.com", NULL);
    fixture_add_session(f, "user1", TOKEN, NOW + DAY);
    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN);
    f->store.answer[OP_SESSION] = APR_EGENERAL;
    assert_error(serve_with(f, "GET", "/get-session", NULL, NULL), &ba_err_unavailable);
    assert_int_equal(cookies_set(f), 0);
    f->store.answer[OP_SESSION] = APR_SUCCESS;
    f->store.before[OP_SESSION_EXTEND] = revoke_it;
    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN);
    assert_error(serve_with(f, "GET", "/get-session", NULL, NULL), &ba_err_get_session);
    assert_int_equal(cookies_set(f), 3);
    assert_error(serve(f, "POST", "/get-session", NULL), &ba_err_post_get_session);
}

static void sign_out(void **state)
{
    fixture *f = *state;

    assert_string_equal(serve(f, "POST", "/sign-out", NULL)->body, "{\"success\":true}");
    assert_int_equal(cookies_set(f), 3);
    assert_string_equal(serve(f, "POST", "/sign-out", "{}")->body, "{\"success\":true}");
    assert_error(serve(f, "POST", "/sign-out", "null"), &ba_err_validation);
    assert_error(serve(f, "POST", "/sign-out", "[]"), &ba_err_validation);
    assert_false(fixture_logged(f, "BA0406")); /* nobody was signed in */
    fixture_add_user(f, "zoe@example.com", NULL);
    fixture_add_session(f, "user1", TOKEN, NOW + DAY);
    fixture_call(f, "POST", "/sign-out");
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN);
    fixture_header(f, "Origin", ORIGIN);
    f->store.answer[OP_SESSION_DELETE] = APR_EGENERAL;
    assert_error(serve_with(f, "POST", "/sign-out", NULL, NULL), &ba_err_unavailable);
    assert_int_equal(cookies_set(f), 0);
    f->store.answer[OP_SESSION_DELETE] = APR_SUCCESS;
    assert_int_equal(serve_with(f, "POST", "/sign-out", NULL, NULL)->status, 200);
    assert_null(fixture_find_session(f, TOKEN));
    assert_true(fixture_logged(f, "BA0406"));
}

/* ---- a signed-in user */

#define OTHER "otherotherotherotherotherother00"
#define HOUR BA_MS(3600)

/* Zoe with PASSWORD and a session of an hour, a second one, and somebody else with one. */
static fixture *with_zoe(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY)->created_at = NOW - HOUR;
    fixture_add_session(f, "user1", OTHER, NOW + 7 * DAY);
    fixture_add_user(f, "bob@example.com", hash_of(f, "Bob's horse"));
    fixture_add_session(f, "user2", "bob", NOW + 7 * DAY);
    return f;
}

static const ba_answer *serve_zoe(fixture *f, const char *method, const char *path,
                                  const char *body)
{
    fixture_call(f, method, path);
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN);
    fixture_header(f, "Origin", ORIGIN);
    return serve_with(f, method, path, body ? "application/json" : NULL, body);
}

static void assert_status_true(fixture *f, const ba_answer *a)
{
    body_of(f, a);
    assert_string_equal(a->body, "{\"status\":true}");
}

/* No endpoint of this body finds anything to complain about. */
#define ANY_BODY                                                                                   \
    "{\"token\":\"x\",\"name\":\"x\",\"accountId\":\"x\",\"password\":\"x\","                      \
    "\"newPassword\":\"12345678\",\"currentPassword\":\"x\",\"newEmail\":\"x@example.com\"}"

static int asked_but_for_sessions(const fixture *f)
{
    int count = 0;

    for (int op = 0; op < OP_COUNT; ++op) {
        count += op == OP_SESSION || op == OP_SESSION_EXTEND ? 0 : f->store.asked[op];
    }
    return count;
}

/* The session of the call, as a case may want it. */
static ba_session *first_session(fixture *f)
{
    return APR_ARRAY_IDX(f->store.sessions, 0, ba_session *);
}

static void admits_nobody_else(void **state)
{
    fixture *f = with_zoe(state);
    int rows = 0;

    for (const ba_feature *const *feature = ba_route_features(); *feature; ++feature) {
        for (const ba_route *row = (*feature)->routes; row->method; ++row) {
            const char *body = strcmp(row->method, "GET") ? ANY_BODY : NULL;

            if (row->access == BA_ANYONE) {
                continue;
            }
            ++rows;
            assert_error(serve(f, row->method, row->path, body), &ba_err_unauthorized);
            assert_int_equal(cookies_set(f), 0);
            /* the database cannot say */
            f->store.answer[OP_SESSION] = APR_EGENERAL;
            assert_error(serve_zoe(f, row->method, row->path, body), &ba_err_unavailable);
            assert_int_equal(cookies_set(f), 0);
            f->store.answer[OP_SESSION] = APR_SUCCESS;
            /* it ends while it is being refreshed */
            first_session(f)->expires_at = NOW + DAY;
            f->store.before[OP_SESSION_EXTEND] = revoke_it;
            assert_error(serve_zoe(f, row->method, row->path, body), &ba_err_unauthorized);
            assert_int_equal(cookies_set(f), 3);
            f->store.before[OP_SESSION_EXTEND] = NULL;
            first_session(f)->token = TOKEN;
            first_session(f)->expires_at = NOW + 7 * DAY;
            assert_int_equal(asked_but_for_sessions(f), 0);
        }
    }
    assert_true(rows >= 10);
}

static void freshness(void **state)
{
    fixture *f = with_zoe(state);
    static const struct {
        ba_time created;
        ba_time updated;
        int fresh_age;
        int fresh;
    } rows[] = {
        {NOW, NOW, 86400, 1},
        {NOW - DAY + 1, NOW, 86400, 1},
        {NOW - DAY, NOW, 86400, 0}, /* refreshes do not make it young */
        {NOW - 30 * DAY, NOW, 86400, 0},
        {NOW - HOUR, NOW - 3 * DAY, 86400, 1},
        {NOW + DAY, NOW, 86400, 1},
        {NOW - 30 * DAY, NOW - 30 * DAY, 0, 1}, /* 0: always */
        {NOW - 10, NOW, 1, 1},
        {NOW - 1000, NOW, 1, 0},
    };

    fixture_add_account(f, "user1", "a");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const ba_answer *a;

        first_session(f)->created_at = rows[i].created;
        first_session(f)->updated_at = rows[i].updated;
        f->settings.session_fresh_age = rows[i].fresh_age;
        a = serve_zoe(f, "GET", "/list-sessions", NULL);
        if (rows[i].fresh ? a->status != 200 : a->error != &ba_err_not_fresh) {
            fail_msg("row %d: %d", (int)i, a->status);
        }
        assert_error(serve_zoe(f, "POST", "/unlink-account", "{\"accountId\":\"a\"}"),
                     rows[i].fresh ? &ba_err_last_account : &ba_err_not_fresh);
        /* the others do not mind */
        assert_int_equal(serve_zoe(f, "GET", "/list-accounts", NULL)->status, 200);
    }
}

static void list_sessions(void **state)
{
    fixture *f = with_zoe(state);
    const json_t *list;

    fixture_add_session(f, "user1", "expired", NOW - 1);
    list = body_of(f, serve_zoe(f, "GET", "/list-sessions", NULL));
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text_at(json_array_get(list, 0), "token"), OTHER);
    assert_string_equal(text_at(json_array_get(list, 1), "token"), TOKEN);
    assert_string_equal(text_at(json_array_get(list, 1), "createdAt"), "2029-12-31T23:00:00.000Z");
    assert_int_equal(json_object_size(json_array_get(list, 1)), 8);
    f->store.answer[OP_SESSIONS] = APR_EGENERAL;
    assert_error(serve_zoe(f, "GET", "/list-sessions", NULL), &ba_err_unavailable);
}

static void fail_after_the_first(fake_store *store)
{
    store->answer[OP_SESSION] = store->asked[OP_SESSION] > 1 ? APR_EGENERAL : APR_SUCCESS;
}

static void revoke_session(void **state)
{
    fixture *f = with_zoe(state);
    char *token = apr_palloc(f->pool, 300);

    assert_status_true(f, serve_zoe(f, "POST", "/revoke-session", "{\"token\":\"bob\"}"));
    assert_status_true(f, serve_zoe(f, "POST", "/revoke-session", "{\"token\":\"nobody\"}"));
    assert_status_true(f, serve_zoe(f, "POST", "/revoke-session", "{\"token\":\"\"}"));
    assert_int_equal(f->store.asked[OP_SESSION_DELETE], 0);
    assert_non_null(fixture_find_session(f, "bob"));
    assert_false(fixture_logged(f, "BA0407"));

    assert_status_true(f, serve_zoe(f, "POST", "/revoke-session", "{\"token\":\"" OTHER "\"}"));
    assert_null(fixture_find_session(f, OTHER));
    assert_int_equal(cookies_set(f), 0);
    assert_true(fixture_logged(f, "BA0407"));

    /* no column holds it, so it is not asked for */
    memset(token, 't', 256);
    token[256] = '\0';
    f->store.asked[OP_SESSION] = 0;
    assert_status_true(f, serve_zoe(f, "POST", "/revoke-session",
                                    apr_pstrcat(f->pool, "{\"token\":\"", token, "\"}", NULL)));
    assert_int_equal(f->store.asked[OP_SESSION], 1);

    f->store.answer[OP_SESSION_DELETE] = APR_EGENERAL;
    assert_error(serve_zoe(f, "POST", "/revoke-session", "{\"token\":\"" TOKEN "\"}"),
                 &ba_err_unavailable);
    f->store.answer[OP_SESSION_DELETE] = APR_SUCCESS;
    f->store.asked[OP_SESSION] = 0;
    f->store.before[OP_SESSION] = fail_after_the_first;
    assert_error(serve_zoe(f, "POST", "/revoke-session", "{\"token\":\"" TOKEN "\"}"),
                 &ba_err_unavailable);
    f->store.asked[OP_SESSION] = 0;
    f->store.before[OP_SESSION] = NULL;
    f->store.answer[OP_SESSION] = APR_SUCCESS;
    assert_status_true(f, serve_zoe(f, "POST", "/revoke-session", "{\"token\":\"" TOKEN "\"}"));
    assert_null(fixture_find_session(f, TOKEN));
    assert_error(serve_zoe(f, "POST", "/revoke-session", "{\"token\":\"" TOKEN "\"}"),
                 &ba_err_unauthorized);
}

static void revoke_many(void **state)
{
    fixture *f = with_zoe(state);

    fixture_add_session(f, "user1", "expired", NOW - 1);
    f->store.answer[OP_SESSIONS_DELETE] = APR_EGENERAL;
    assert_error(serve_zoe(f, "POST", "/revoke-other-sessions", NULL), &ba_err_unavailable);
    assert_error(serve_zoe(f, "POST", "/revoke-sessions", NULL), &ba_err_unavailable);
    assert_false(fixture_logged(f, "BA0408")); /* nothing was revoked */
    f->store.answer[OP_SESSIONS_DELETE] = APR_SUCCESS;

    assert_status_true(f, serve_zoe(f, "POST", "/revoke-other-sessions", "null"));
    assert_null(fixture_find_session(f, OTHER));
    assert_null(fixture_find_session(f, "expired"));
    assert_non_null(fixture_find_session(f, TOKEN));
    assert_non_null(fixture_find_session(f, "bob"));
    assert_true(fixture_logged(f, "BA0408"));

    assert_status_true(f, serve_zoe(f, "POST", "/revoke-sessions", "[]"));
    assert_int_equal(cookies_set(f), 0);
    assert_null(fixture_find_session(f, TOKEN));
    assert_non_null(fixture_find_session(f, "bob"));
}

static void update_session(void **state)
{
    fixture *f = with_zoe(state);

    assert_error(serve_zoe(f, "POST", "/update-session", "{}"), &ba_err_no_fields);
    assert_error(serve_zoe(f, "POST", "/update-session", "{\"token\":\"mine\"}"),
                 &ba_err_no_fields);
    assert_error(serve_zoe(f, "POST", "/update-session", "[]"), &ba_err_validation);
    assert_string_equal(f->call->answer.message,
                        "[body] Invalid input: expected record, received array");
    assert_error(serve_zoe(f, "POST", "/update-session", NULL), &ba_err_validation);
}

static void update_user(void **state)
{
    fixture *f = with_zoe(state);
    const ba_user *zoe = &APR_ARRAY_IDX(f->store.users, 0, fake_user *)->user;

    assert_status_true(f, serve_zoe(f, "POST", "/update-user",
                                    "{\"name\":\"Zo\xc3\xab\",\"image\":\"/z.png\"}"));
    assert_string_equal(zoe->name, "Zo\xc3\xab");
    assert_string_equal(zoe->image, "/z.png");
    assert_true(zoe->updated_at == NOW);
    assert_int_equal(cookies_set(f), 1);
    assert_string_equal(fixture_cookie(f, NAME),
                        NAME "=" COOKIE_TOKEN "; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax");
    assert_status_true(f, serve_zoe(f, "POST", "/update-user", "{\"name\":\"\"}"));
    assert_string_equal(zoe->name, "");
    assert_string_equal(zoe->image, "/z.png");
    assert_status_true(f, serve_zoe(f, "POST", "/update-user", "{\"image\":null}"));
    assert_null(zoe->image);
    assert_string_equal(zoe->name, "");

    /* as remembered as it was */
    fixture_call(f, "POST", "/update-user");
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN "; " REMEMBER "=" COOKIE_TRUE);
    fixture_header(f, "Origin", ORIGIN);
    assert_status_true(f, serve_with(f, "POST", "/update-user", "application/json",
                                     "{\"name\":\"x\"}"));
    assert_int_equal(cookies_set(f), 2);
    assert_null(strstr(fixture_cookie(f, NAME), "Max-Age"));
}

static void update_user_refused(void **state)
{
    fixture *f = with_zoe(state);
    char name[257];
    static const struct {
        const char *body;
        const ba_error *error;
        const char *message;
    } rows[] = {
        {"{}", &ba_err_no_fields, NULL},
        {"{\"emailVerified\":true,\"id\":\"x\"}", &ba_err_no_fields, NULL},
        {"{\"email\":\"a@b.co\"}", &ba_err_email_update, NULL},
        {"{\"email\":\"a@b.co\",\"name\":1}", &ba_err_email_update, NULL},
        /* whatever is true to upstream */
        {"{\"email\":true,\"name\":\"x\"}", &ba_err_email_update, NULL},
        {"{\"email\":1,\"name\":\"x\"}", &ba_err_email_update, NULL},
        {"{\"email\":-0.5,\"name\":\"x\"}", &ba_err_email_update, NULL},
        {"{\"email\":[],\"name\":\"x\"}", &ba_err_email_update, NULL},
        {"{\"email\":{},\"name\":\"x\"}", &ba_err_email_update, NULL},
        {"{\"email\":\"\\u0000\",\"name\":\"x\"}", &ba_err_email_update, NULL},
        {"{\"email\":\"\"}", &ba_err_no_fields, NULL},
        {"{\"email\":0}", &ba_err_no_fields, NULL},
        {"{\"name\":null}", &ba_err_validation, "[body.name] Invalid input: expected string"},
        {"{\"name\":1}", &ba_err_validation, "[body.name] Invalid input: expected string"},
        {"{\"name\":[\"x\"]}", &ba_err_validation, "[body.name] Invalid input: expected string"},
        {"{\"name\":\"a\\u0000b\"}", &ba_err_validation,
         "[body.name] Invalid input: expected string"},
        {"{\"image\":false}", &ba_err_validation, "[body.image] Invalid input: expected string"},
        {"{\"name\":\"x\",\"image\":{}}", &ba_err_validation,
         "[body.image] Invalid input: expected string"},
        {"{\"image\":\"\\u0000\"}", &ba_err_validation,
         "[body.image] Invalid input: expected string"},
        {"[]", &ba_err_validation, "[body] Invalid input: expected record, received array"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const ba_answer *a = serve_zoe(f, "POST", "/update-user", rows[i].body);

        if (a->error != rows[i].error) {
            fail_msg("%s: %d %s", rows[i].body, a->status, a->error ? a->error->message : "-");
        }
        assert_string_equal(a->message, rows[i].message ? rows[i].message : rows[i].error->message);
        assert_int_equal(cookies_set(f), 0);
    }
    memset(name, 'n', 256);
    name[256] = '\0';
    assert_error(serve_zoe(f, "POST", "/update-user",
                           apr_pstrcat(f->pool, "{\"name\":\"", name, "\"}", NULL)),
                 &ba_err_validation);
    assert_int_equal(f->store.asked[OP_USER_UPDATE], 0);
    name[255] = '\0';
    assert_status_true(f, serve_zoe(f, "POST", "/update-user",
                                    apr_pstrcat(f->pool, "{\"name\":\"", name, "\"}", NULL)));

    f->store.answer[OP_USER_UPDATE] = APR_EGENERAL;
    assert_error(serve_zoe(f, "POST", "/update-user", "{\"name\":\"x\"}"), &ba_err_unavailable);
    assert_int_equal(cookies_set(f), 0);
    f->store.answer[OP_USER_UPDATE] = APR_EINVAL;
    assert_error(serve_zoe(f, "POST", "/update-user", "{\"name\":\"x\"}"), &ba_err_validation);
    assert_int_equal(cookies_set(f), 0);
}

#define NEXT "another horse"
#define CHANGE "\"currentPassword\":\"" PASSWORD "\",\"newPassword\":\"" NEXT "\""

static const char *hash_now(fixture *f)
{
    return APR_ARRAY_IDX(f->store.users, 0, fake_user *)->hash;
}

static void assert_password(fixture *f, const char *password)
{
    ba_bytes text = {password, strlen(password)};

    assert_int_equal(ba_password_verify(hash_now(f), text, f->pool), BA_PASSWORD_GOOD);
}

static void change_password(void **state)
{
    fixture *f = with_zoe(state);
    const json_t *json = body_of(f, serve_zoe(f, "POST", "/change-password", "{" CHANGE "}"));

    assert_int_equal(json_object_size(json), 2);
    assert_true(json_is_null(json_object_get(json, "token")));
    assert_string_equal(text_at(json_object_get(json, "user"), "email"), "zoe@example.com");
    assert_int_equal(cookies_set(f), 0);
    assert_password(f, NEXT);
    assert_false(ba_password_outdated(&f->settings.hash, hash_now(f)));
    assert_non_null(fixture_find_session(f, OTHER));
    assert_int_equal(f->store.sessions->nelts, 3);
    assert_true(fixture_logged(f, "BA0410"));
    /* asked not to */
    body_of(f, serve_zoe(f, "POST", "/change-password",
                         "{\"currentPassword\":\"" NEXT "\",\"newPassword\":\"" PASSWORD
                         "\",\"revokeOtherSessions\":false}"));
    assert_non_null(fixture_find_session(f, OTHER));
    assert_password(f, PASSWORD);
}

static void change_password_and_revoke(void **state)
{
    fixture *f = with_zoe(state);
    const json_t *json;
    const char *token;

    json = body_of(f, serve_zoe(f, "POST", "/change-password",
                                "{" CHANGE ",\"revokeOtherSessions\":true}"));
    token = text_at(json, "token");
    assert_int_equal(strlen(token), 32);
    assert_string_not_equal(token, TOKEN);
    assert_null(fixture_find_session(f, TOKEN));
    assert_null(fixture_find_session(f, OTHER));
    assert_non_null(fixture_find_session(f, "bob"));
    assert_true(fixture_find_session(f, token)->expires_at == NOW + 7 * DAY);
    assert_true(fixture_find_session(f, token)->created_at == NOW);
    assert_int_equal(cookies_set(f), 1);
    assert_non_null(strstr(fixture_cookie(f, NAME), token));
    assert_password(f, NEXT);
}

/* The row lives as long as any, the cookie ends with the browser. */
static void change_password_not_remembered(void **state)
{
    fixture *f = with_zoe(state);
    const json_t *json;

    fixture_call(f, "POST", "/change-password");
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN "; " REMEMBER "=" COOKIE_TRUE);
    fixture_header(f, "Origin", ORIGIN);
    json = body_of(f, serve_with(f, "POST", "/change-password", "application/json",
                                 "{" CHANGE ",\"revokeOtherSessions\":true}"));
    assert_true(fixture_find_session(f, text_at(json, "token"))->expires_at == NOW + 7 * DAY);
    assert_int_equal(cookies_set(f), 2);
    assert_null(strstr(fixture_cookie(f, NAME), "Max-Age"));
    assert_null(strstr(fixture_cookie(f, REMEMBER), "Max-Age"));
}

static void change_password_refused(void **state)
{
    fixture *f = with_zoe(state);
    const char *before = hash_now(f);
    char text[130];
    static const char *const wrong[] = {"", "Correct Horse", PASSWORD " ", "Bob's horse", NEXT};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        assert_error(serve_zoe(f, "POST", "/change-password",
                               apr_pstrcat(f->pool, "{\"newPassword\":\"" NEXT
                                           "\",\"revokeOtherSessions\":true,"
                                           "\"currentPassword\":\"", wrong[i], "\"}", NULL)),
                     &ba_err_invalid_password);
        assert_int_equal(cookies_set(f), 0);
    }
    assert_true(fixture_logged(f, "BA0409"));
    /* lengths are looked at before the database is, short first */
    f->store.asked[OP_PASSWORD] = 0;
    memset(text, 'x', 129);
    text[129] = '\0';
    assert_error(serve_zoe(f, "POST", "/change-password",
                           apr_pstrcat(f->pool, "{\"newPassword\":\"1234567\",\"currentPassword\":\"",
                                       text, "\"}", NULL)),
                 &ba_err_password_short);
    assert_error(serve_zoe(f, "POST", "/change-password",
                           apr_pstrcat(f->pool, "{\"newPassword\":\"" NEXT
                                       "\",\"currentPassword\":\"", text, "\"}", NULL)),
                 &ba_err_password_long);
    assert_error(serve_zoe(f, "POST", "/change-password",
                           apr_pstrcat(f->pool, "{\"currentPassword\":\"x\",\"newPassword\":\"", text,
                                       "\"}", NULL)),
                 &ba_err_password_long);
    assert_error(serve_zoe(f, "POST", "/change-password", "{" CHANGE ",\"revokeOtherSessions\":1}"),
                 &ba_err_validation);
    assert_error(serve_zoe(f, "POST", "/change-password", "{\"newPassword\":\"" NEXT "\"}"),
                 &ba_err_validation);
    assert_int_equal(f->store.asked[OP_PASSWORD], 0);
    assert_int_equal(f->store.asked[OP_PASSWORD_CHANGE], 0);
    assert_ptr_equal(hash_now(f), before);
    assert_non_null(fixture_find_session(f, TOKEN));
    assert_false(fixture_logged(f, "BA0410"));
}

static void change_password_without_one(void **state)
{
    fixture *f = with_zoe(state);
    fake_user *zoe = APR_ARRAY_IDX(f->store.users, 0, fake_user *);

    zoe->hash = NULL;
    assert_error(serve_zoe(f, "POST", "/change-password", "{" CHANGE "}"), &ba_err_no_credential);
    assert_error(serve_zoe(f, "POST", "/verify-password", "{\"password\":\"" PASSWORD "\"}"),
                 &ba_err_invalid_password);
    zoe->hash = "nonsense";
    assert_error(serve_zoe(f, "POST", "/change-password", "{" CHANGE "}"),
                 &ba_err_invalid_password);
    assert_error(serve_zoe(f, "POST", "/verify-password", "{\"password\":\"nonsense\"}"),
                 &ba_err_invalid_password);
    assert_true(fixture_logged(f, "BA0605"));
    assert_string_equal(zoe->hash, "nonsense");
}

static void change_it(fake_store *store)
{
    APR_ARRAY_IDX(store->users, 0, fake_user *)->hash = "of another request";
}

/* Two at once with the same current password: the second one's is wrong by then. */
static void change_password_lost_race(void **state)
{
    fixture *f = with_zoe(state);

    f->store.before[OP_PASSWORD_CHANGE] = change_it;
    assert_error(serve_zoe(f, "POST", "/change-password",
                           "{" CHANGE ",\"revokeOtherSessions\":true}"),
                 &ba_err_invalid_password);
    assert_int_equal(cookies_set(f), 0);
    assert_string_equal(hash_now(f), "of another request");
    assert_non_null(fixture_find_session(f, TOKEN));
    assert_int_equal(f->store.sessions->nelts, 3);
    assert_false(fixture_logged(f, "BA0410"));
}

static void change_password_store_failures(void **state)
{
    fixture *f = with_zoe(state);
    static const fake_op ops[] = {OP_PASSWORD, OP_PASSWORD_CHANGE};

    for (size_t i = 0; i < 2; ++i) {
        f->store.answer[ops[i]] = APR_EGENERAL;
        assert_error(serve_zoe(f, "POST", "/change-password",
                               "{" CHANGE ",\"revokeOtherSessions\":true}"),
                     &ba_err_unavailable);
        assert_int_equal(cookies_set(f), 0);
        f->store.answer[ops[i]] = APR_SUCCESS;
    }
    assert_password(f, PASSWORD);
    assert_non_null(fixture_find_session(f, TOKEN));
    f->store.answer[OP_PASSWORD] = APR_EGENERAL;
    assert_error(serve_zoe(f, "POST", "/verify-password", "{\"password\":\"" PASSWORD "\"}"),
                 &ba_err_unavailable);
}

static void verify_password(void **state)
{
    fixture *f = with_zoe(state);
    char text[130];

    assert_status_true(f, serve_zoe(f, "POST", "/verify-password",
                                    "{\"password\":\"" PASSWORD "\"}"));
    assert_int_equal(cookies_set(f), 0);
    assert_error(serve_zoe(f, "POST", "/verify-password", "{\"password\":\"x\"}"),
                 &ba_err_invalid_password);
    assert_error(serve_zoe(f, "POST", "/verify-password", "{\"password\":\"\"}"),
                 &ba_err_invalid_password);
    memset(text, 'x', 129);
    text[129] = '\0';
    assert_error(serve_zoe(f, "POST", "/verify-password",
                           apr_pstrcat(f->pool, "{\"password\":\"", text, "\"}", NULL)),
                 &ba_err_password_long);
    assert_error(serve_zoe(f, "POST", "/verify-password", "{}"), &ba_err_validation);
}

/* A full queue is said before anything is changed; permits come back on all ways out. */
static void passwords_behind_the_gate(void **state)
{
    fixture *f = with_zoe(state);
    ba_gate *one;
    ba_permit permit;
    int lost;

    assert_int_equal(ba_gate_create(1, 0, (uid_t)-1, &one, f->pool), APR_SUCCESS);
    ba_gate_destroy(f->gate);
    f->gate = one;
    assert_int_equal(ba_gate_enter(one, 0, &permit, &lost), APR_SUCCESS);
    assert_error(serve_zoe(f, "POST", "/change-password", "{" CHANGE "}"), &ba_err_busy);
    assert_error(serve_zoe(f, "POST", "/verify-password", "{\"password\":\"x\"}"), &ba_err_busy);
    ba_gate_leave(one, &permit);
    for (int i = 0; i < 3; ++i) {
        assert_error(serve_zoe(f, "POST", "/verify-password", "{\"password\":\"x\"}"),
                     &ba_err_invalid_password);
        assert_error(serve_zoe(f, "POST", "/change-password",
                               "{\"currentPassword\":\"x\",\"newPassword\":\"" NEXT "\"}"),
                     &ba_err_invalid_password);
        f->store.answer[OP_PASSWORD_CHANGE] = APR_EGENERAL;
        assert_error(serve_zoe(f, "POST", "/change-password", "{" CHANGE "}"), &ba_err_unavailable);
    }
    f->store.answer[OP_PASSWORD_CHANGE] = APR_SUCCESS;
    body_of(f, serve_zoe(f, "POST", "/change-password", "{" CHANGE "}"));
}

static ba_time clock_at;

static ba_time stopped_clock(void)
{
    return clock_at;
}

static const ba_answer *sign_in_as(fixture *f, const char *address, const char *password)
{
    return serve(f, "POST", "/sign-in/email",
                 apr_psprintf(f->pool, "{\"email\":\"%s\",\"password\":\"%s\"}", address,
                              password));
}

static ba_limit *limited(fixture *f, ba_time (*clock)(void))
{
    ba_limit *limit = apr_pcalloc(f->pool, sizeof(*limit));
    char *memory = apr_pcalloc(f->pool, ba_counters_size() + BA_COUNTERS_ALIGN);

    limit->clock = clock;
    limit->scope = "";
    assert_int_equal(ba_counters_create((void *)APR_ALIGN((apr_uintptr_t)memory, BA_COUNTERS_ALIGN),
                                        &limit->counters),
                     APR_SUCCESS);
    clock_at = NOW;
    return f->limit = limit;
}

static ba_gate *gate_of_one(fixture *f)
{
    ba_gate *one;

    assert_int_equal(ba_gate_create(1, 0, (uid_t)-1, &one, f->pool), APR_SUCCESS);
    ba_gate_destroy(f->gate);
    return f->gate = one;
}

/* After ten wrong passwords nothing more is compared, wherever it comes in. */
static void wrong_passwords_slow_an_account_down(void **state)
{
    fixture *f = with_zoe(state);
    ba_gate *one = gate_of_one(f);
    ba_permit permit;
    int lost;

    limited(f, stopped_clock);
    /* without a place to hash nothing is tried */
    assert_int_equal(ba_gate_enter(one, 0, &permit, &lost), APR_SUCCESS);
    for (int i = 0; i < 20; ++i) {
        assert_error(sign_in_as(f, "zoe@example.com", "wrong"), &ba_err_busy);
        assert_error(sign_in_as(f, "nobody@example.com", "wrong"), &ba_err_busy);
    }
    ba_gate_leave(one, &permit);
    for (int i = 0; i < 5; ++i) {
        assert_error(sign_in_as(f, i % 2 ? "zoe@example.com" : "ZOE@Example.com", "wrong"),
                     &ba_err_credentials);
        assert_error(serve_zoe(f, "POST", "/verify-password", "{\"password\":\"x\"}"),
                     &ba_err_invalid_password);
        assert_error(sign_in_as(f, "nobody@example.com", "wrong"), &ba_err_credentials);
        assert_error(sign_in_as(f, "Nobody@example.com", "wrong"), &ba_err_credentials);
    }
    assert_int_equal(ba_gate_enter(one, 0, &permit, &lost), APR_SUCCESS);
    assert_error(sign_in_as(f, "zoe@example.com", PASSWORD), &ba_err_too_many);
    assert_int_equal(f->call->answer.retry_after, 30);
    assert_error(sign_in_as(f, "nobody@example.com", PASSWORD), &ba_err_too_many);
    assert_int_equal(f->call->answer.retry_after, 30);
    assert_error(serve_zoe(f, "POST", "/verify-password", "{\"password\":\"" PASSWORD "\"}"),
                 &ba_err_too_many);
    assert_error(serve_zoe(f, "POST", "/change-password", "{" CHANGE "}"), &ba_err_too_many);
    ba_gate_leave(one, &permit);
    assert_error(sign_in_as(f, "bob@example.com", "wrong"), &ba_err_credentials);
    clock_at += BA_MS(30);
    assert_error(serve_zoe(f, "POST", "/change-password",
                           "{\"currentPassword\":\"x\",\"newPassword\":\"" NEXT "\"}"),
                 &ba_err_invalid_password);
    assert_error(sign_in_as(f, "zoe@example.com", PASSWORD), &ba_err_too_many);
    assert_int_equal(f->call->answer.retry_after, 60);
    clock_at += BA_MS(60);
    body_of(f, sign_in_as(f, "zoe@example.com", PASSWORD));
    for (int i = 0; i < 9; ++i) {
        assert_error(sign_in_as(f, "zoe@example.com", "wrong"), &ba_err_credentials);
    }
    body_of(f, serve_zoe(f, "POST", "/verify-password", "{\"password\":\"" PASSWORD "\"}"));
    assert_error(sign_in_as(f, "zoe@example.com", "wrong"), &ba_err_credentials);
}

/* What happens between the look at the clock before a password is compared and the one
 * after it. */
static struct {
    fixture *f;
    const char *fails;
    int looks;
    int takes_permit;
    ba_permit permit;
} meanwhile;

static ba_time eventful_clock(void)
{
    if (++meanwhile.looks == 2) {
        ba_try other = {.address = meanwhile.fails};
        int lost;

        for (int i = 0; other.address && i < 10; ++i) {
            assert_int_equal(ba_limit_try(meanwhile.f->call, &other), 1);
            assert_int_equal(ba_limit_tried(meanwhile.f->call, &other, 0), 1);
        }
        if (meanwhile.takes_permit) {
            assert_int_equal(ba_gate_enter(meanwhile.f->gate, 0, &meanwhile.permit, &lost),
                             APR_SUCCESS);
        }
    }
    return NOW;
}

static apr_uint64_t hashed(fixture *f)
{
    ba_gate_state now;

    ba_gate_look(f->gate, &now);
    return now.hashed;
}

/* Ten others fail while it is compared. */
static void what_comes_too_late_shows_nothing(void **state)
{
    fixture *f = *state;
    static const char *const passwords[] = {PASSWORD, "wrong"};
    const struct {
        const char *hash;
        apr_uint64_t cost;
    } stored[] = {
        {hash_of(f, PASSWORD), 1},
        {NULL, 1},
        {"$1$saltsalt$NuzA7WTAelpl95xgBGWN60", 2},
        {"unreadable", 2},
    };

    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); ++i) {
        for (size_t k = 0; k < sizeof(passwords) / sizeof(passwords[0]); ++k) {
            apr_uint64_t before = hashed(f);

            f->store.users->nelts = 0;
            fixture_add_user(f, "zoe@example.com", stored[i].hash);
            limited(f, eventful_clock);
            meanwhile.f = f;
            meanwhile.fails = "zoe@example.com";
            meanwhile.looks = meanwhile.takes_permit = 0;
            assert_error(sign_in_as(f, "zoe@example.com", passwords[k]), &ba_err_too_many);
            assert_int_equal(f->call->answer.retry_after, 30);
            assert_int_equal(hashed(f) - before, stored[i].cost);
            assert_int_equal(cookies_set(f), 0);
            assert_int_equal(f->store.asked[OP_PASSWORD_RENEW], 0);
        }
    }
    assert_int_equal(f->store.sessions->nelts, 0);
    assert_false(fixture_logged(f, "BA0405"));
}

/* There is no place for the hash that hides what it was compared with. */
static void what_was_compared_is_counted(void **state)
{
    fixture *f = *state;

    fixture_add_user(f, "zoe@example.com", "$1$saltsalt$NuzA7WTAelpl95xgBGWN60");
    gate_of_one(f);
    limited(f, eventful_clock);
    meanwhile.f = f;
    meanwhile.fails = NULL;
    meanwhile.takes_permit = 1;
    for (int i = 0; i < 10; ++i) {
        meanwhile.looks = 0;
        assert_error(sign_in_as(f, "zoe@example.com", "wrong"), &ba_err_busy);
        ba_gate_leave(f->gate, &meanwhile.permit);
    }
    assert_error(sign_in_as(f, "zoe@example.com", PASSWORD), &ba_err_too_many);
}

static void endpoints_by_path(void **state)
{
    static const char *const same[] = {"/sign-in/email", "/sign-in/email/", "/sign-in/email//"};
    static const char *const none[] = {"", "/", "/sign-in", "/sign-in/", "/sign-in/emai",
                                       "/sign-in/emails", "/Sign-In/Email", "/sign-in/email/x"};

    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); ++i) {
        assert_string_equal(ba_route_endpoint(same[i]), same[0]);
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); ++i) {
        assert_null(ba_route_endpoint(none[i]));
    }
}

static void list_accounts(void **state)
{
    fixture *f = with_zoe(state);
    const json_t *list, *scopes;
    ba_account *account;
    static const struct {
        const char *scope;
        const char *listed; /* joined by ";" */
    } rows[] = {
        {NULL, ""},      {"", ""},          {",", ""},       {" , ", ""},     {"a", "a"},
        {"a,b", "a;b"},  {"a, b ", "a;b"},  {"a,,b,", "a;b"}, {"a b", "a b"}, {",a", "a"},
    };

    assert_string_equal(serve_zoe(f, "GET", "/list-accounts", NULL)->body, "[]");
    account = fixture_add_account(f, "user1", "a");
    fixture_add_account(f, "user2", "b");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const char *joined = "";

        account->scope = rows[i].scope;
        list = body_of(f, serve_zoe(f, "GET", "/list-accounts", NULL));
        assert_int_equal(json_array_size(list), 1);
        scopes = json_object_get(json_array_get(list, 0), "scopes");
        for (size_t n = 0; n < json_array_size(scopes); ++n) {
            joined = apr_pstrcat(f->pool, joined, n ? ";" : "",
                                 json_string_value(json_array_get(scopes, n)), NULL);
        }
        assert_string_equal(joined, rows[i].listed);
    }
    assert_int_equal(json_object_size(json_array_get(list, 0)), 7);
    assert_string_equal(text_at(json_array_get(list, 0), "id"), "a");
    assert_string_equal(text_at(json_array_get(list, 0), "accountId"), "4711");
    f->store.answer[OP_ACCOUNTS] = APR_EGENERAL;
    assert_error(serve_zoe(f, "GET", "/list-accounts", NULL), &ba_err_unavailable);
}

static void unlink_account(void **state)
{
    fixture *f = with_zoe(state);

    assert_error(serve_zoe(f, "POST", "/unlink-account", "{\"accountId\":\"a\"}"),
                 &ba_err_no_account);
    fixture_add_account(f, "user1", "a");
    fixture_add_account(f, "user2", "b");
    assert_error(serve_zoe(f, "POST", "/unlink-account", "{\"accountId\":\"a\"}"),
                 &ba_err_last_account);
    fixture_add_account(f, "user1", "c");
    assert_error(serve_zoe(f, "POST", "/unlink-account", "{\"accountId\":\"b\"}"),
                 &ba_err_no_account);
    assert_error(serve_zoe(f, "POST", "/unlink-account", "{\"accountId\":\"4711\"}"),
                 &ba_err_no_account);
    assert_error(serve_zoe(f, "POST", "/unlink-account", "{\"accountId\":4711}"),
                 &ba_err_validation);
    f->store.answer[OP_ACCOUNT_DELETE] = APR_EGENERAL;
    assert_error(serve_zoe(f, "POST", "/unlink-account", "{\"accountId\":\"a\"}"),
                 &ba_err_unavailable);
    f->store.answer[OP_ACCOUNT_DELETE] = APR_SUCCESS;
    assert_status_true(f, serve_zoe(f, "POST", "/unlink-account", "{\"accountId\":\"a\"}"));
    assert_int_equal(cookies_set(f), 0);
    /* the last one by now */
    assert_error(serve_zoe(f, "POST", "/unlink-account", "{\"accountId\":\"c\"}"),
                 &ba_err_last_account);
}

/* ---- service */

static void ok_and_error(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *query;
        const char *location;
    } rows[] = {
        {NULL, "/?error=UNKNOWN"},
        {"", "/?error=UNKNOWN"},
        {"error=", "/?error=UNKNOWN"},
        {"error=invalid_code", "/?error=invalid_code"},
        {"error=It's-1", "/?error=It%27s-1"},
        {"error=%3Cscript%3E", "/?error=UNKNOWN"},
        {"error=a%0d%0ab", "/?error=UNKNOWN"},
        {"error=x&error_description=a+b%26c%0d%0aSet-Cookie:", "/?error=x&error_description=a+b%26c%0D%0ASet-Cookie%3A"},
        {"error=x&error_description=", "/?error=x"},
        {"error_description=%ff", "/?error=UNKNOWN&error_description=%EF%BF%BD"},
    };

    assert_string_equal(serve(f, "GET", "/ok", NULL)->body, "{\"ok\":true}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        fixture_call(f, "GET", "/error")->query = rows[i].query;
        serve_with(f, "GET", "/error", NULL, NULL);
        assert_int_equal(f->call->answer.status, 302);
        assert_string_equal(f->call->answer.location, rows[i].location);
        assert_null(f->call->answer.type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_rows_exactly),
        TEST(media_types),
        TEST(bad_json),
        TEST(origin_comes_before_validation_and_form_rules_after),
        TEST(url_fields),
        TEST(sign_up_signs_in),
        TEST(sign_up_takes_named_fields_only),
        TEST(sign_up_without_remembering),
        TEST(sign_up_without_signing_in),
        TEST(a_taken_address),
        TEST(a_taken_address_takes_as_long),
        TEST(a_lost_race),
        TEST(sign_up_store_failures),
        TEST(sign_up_switched_off),
        TEST(password_lengths),
        TEST(what_no_column_holds),
        TEST(forms_are_read_too),
        TEST(a_listed_password_signs_in),
        TEST(sign_in_good),
        TEST(sign_in_with_a_callback),
        TEST(sign_in_drops_an_old_marker),
        TEST(sign_in_refused),
        TEST(long_passwords_are_not_hashed),
        TEST(unreadable_hashes),
        TEST(verification_is_asked_for_after_the_password),
        TEST(sign_in_store_failures),
        TEST(old_hashes_are_renewed),
        TEST(a_renewal_that_fails_is_no_matter),
        TEST(a_full_gate_is_503),
        TEST(who_has_gone_costs_no_hash),
        TEST(permits_come_back),
        TEST(get_session),
        TEST(get_ignores_bodies),
        TEST(get_session_drops_cache_cookies),
        TEST(get_session_failures),
        TEST(sign_out),
        TEST(admits_nobody_else),
        TEST(freshness),
        TEST(list_sessions),
        TEST(revoke_session),
        TEST(revoke_many),
        TEST(update_session),
        TEST(update_user),
        TEST(update_user_refused),
        TEST(change_password),
        TEST(change_password_and_revoke),
        TEST(change_password_not_remembered),
        TEST(change_password_refused),
        TEST(change_password_without_one),
        TEST(change_password_lost_race),
        TEST(change_password_store_failures),
        TEST(verify_password),
        TEST(wrong_passwords_slow_an_account_down),
        TEST(what_comes_too_late_shows_nothing),
        TEST(what_was_compared_is_counted),
        TEST(endpoints_by_path),
        TEST(passwords_behind_the_gate),
        TEST(list_accounts),
        TEST(unlink_account),
        TEST(ok_and_error),
    };

    return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
