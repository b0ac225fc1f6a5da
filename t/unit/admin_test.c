/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_admin.h"
#include "ba_cache_cookie.h"
#include "ba_session.h"
#include "serve.h"

#define EMAIL "zoe@example.com"
#define SIGN_IN "{\"email\":\"" EMAIL "\",\"password\":\"" PASSWORD "\"}"
#define PAST "2029-12-31T23:59:59.999Z"
#define FUTURE "2030-01-01T00:00:00.001Z"
#define DATA "better-auth.session_data"

enum { ROLE, BANNED, REASON, EXPIRES };

static int with_admin(void **state)
{
    int rc = serve_setup(state);

    if (rc == 0) {
        fixture *f = *state;

        f->settings.admin = 1;
        ba_settings_finish(&f->settings, f->pool);
    }
    return rc;
}

#define ADMIN_TEST(test) cmocka_unit_test_setup_teardown(test, with_admin, serve_teardown)

/* A user of these values, as the store gives them. */
static fake_user *add_zoe(fixture *f, const char *role, const char *banned, const char *expires)
{
    fake_user *u = fixture_add_user(f, EMAIL, hash_of(f, PASSWORD));
    ba_extra *extra = ba_extra_create(f->settings.columns.user, f->pool);

    extra->values[ROLE] = role;
    extra->values[BANNED] = banned;
    extra->values[REASON] = banned ? "spam" : NULL;
    extra->values[EXPIRES] = expires;
    u->user.extra = extra;
    return u;
}

static void set(fake_user *u, int column, const char *value)
{
    u->user.extra->values[column] = value;
}

static void the_plugins_columns_come_first(void **state)
{
    static const char *const names[] = {"role", "banned", "banReason", "banExpires", "company"};
    fixture *f = *state;
    ba_column company = {"company", "company", BA_COLUMN_STRING, 0, 0, 0, NULL, 0};
    ba_column clashes[] = {
        {"Role", "x", BA_COLUMN_STRING, 0, 0, 0, NULL, 0},
        {"x", "BANEXPIRES", BA_COLUMN_DATE, 0, 0, 0, NULL, 0},
    };
    ba_columns own = {apr_array_make(f->pool, 1, sizeof(ba_column)), NULL}, all;

    APR_ARRAY_PUSH(own.user, ba_column) = company;
    assert_null(ba_admin_clash(&own));
    all = ba_admin_columns(&own, f->pool);
    assert_int_equal(all.user->nelts, 5);
    assert_int_equal(all.session->nelts, 1);
    assert_int_equal(own.user->nelts, 1);
    for (int i = 0; i < 5; ++i) {
        const ba_column *c = &APR_ARRAY_IDX(all.user, i, ba_column);

        assert_string_equal(c->name, names[i]);
        assert_int_equal(c->readonly, i < 4);
    }
    for (size_t i = 0; i < 2; ++i) {
        APR_ARRAY_IDX(own.user, 0, ba_column) = clashes[i];
        assert_string_equal(ba_admin_clash(&own), i ? "banExpires" : "role");
    }
}

static void a_role_is_one_of_a_list(void **state)
{
    static const struct {
        const char *list, *name;
        int has;
    } rows[] = {
        {"admin", "admin", 1}, {"user,admin", "admin", 1}, {"admin,user", "admin", 1},
        {"a,admin,b", "admin", 1}, {",admin", "admin", 1}, {"admin,", "admin", 1},
        {"chief editor", "chief editor", 1}, {NULL, "admin", 0}, {"", "admin", 0},
        {"Admin", "admin", 0}, {"admins", "admin", 0}, {"sub-admin", "admin", 0},
        {"admi", "admin", 0}, {"user, admin", "admin", 0}, {"admin ", "admin", 0},
        {"a,b", "a,b", 0},
    };
    fixture *f = *state;
    fake_user *u = add_zoe(f, NULL, NULL, NULL);
    char list[BA_COLUMN_TEXT_MAX + 1];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        set(u, ROLE, rows[i].list);
        if (ba_admin_has_role(&u->user, rows[i].name) != rows[i].has) {
            fail_msg("%s has %s", rows[i].list, rows[i].name);
        }
    }
    /* as long as can be read: the last one may go on */
    memset(list, 'x', sizeof(list));
    memcpy(list, "first,", 6);
    strcpy(list + sizeof(list) - 7, ",admin");
    set(u, ROLE, list);
    assert_true(ba_admin_has_role(&u->user, "first"));
    assert_false(ba_admin_has_role(&u->user, "admin"));
    set(u, ROLE, apr_pstrcat(f->pool, "first,", list + 7, NULL));
    assert_true(ba_admin_has_role(&u->user, "admin"));
}

/* What an operator calls "role" may be what clients set. */
static void columns_of_the_same_names_mean_nothing(void **state)
{
    fixture *f = *state;
    const apr_array_header_t *plugin = f->settings.columns.user;
    apr_array_header_t *own = apr_array_copy(f->pool, plugin);
    fake_user *u = add_zoe(f, "admin", "1", NULL);
    ba_extra *extra = ba_extra_create(own, f->pool);

    for (int i = 0; i < own->nelts; ++i) {
        ba_column *c = &APR_ARRAY_IDX(own, i, ba_column);

        c->name = c->column = apr_pstrdup(f->pool, c->name);
        extra->values[i] = u->user.extra->values[i];
    }
    assert_string_equal(ba_admin_role(&u->user), "admin");
    assert_int_equal(ba_admin_ban(&u->user, NOW), BA_BANNED);
    u->user.extra = extra;
    assert_null(ba_admin_role(&u->user));
    assert_int_equal(ba_admin_ban(&u->user, NOW), BA_BAN_NONE);
    u->user.extra = NULL;
    assert_null(ba_admin_role(&u->user));
    assert_int_equal(ba_admin_ban(&u->user, NOW), BA_BAN_NONE);
}

static void a_ban_lasts_until_its_time(void **state)
{
    static const struct {
        const char *banned, *expires;
        ba_ban is;
    } rows[] = {
        {NULL, NULL, BA_BAN_NONE}, {"0", NULL, BA_BAN_NONE}, {"0", FUTURE, BA_BAN_NONE},
        {"1", NULL, BA_BANNED}, {"1", FUTURE, BA_BANNED}, {"1", PAST, BA_BAN_OVER},
        {"1", "2030-01-01T00:00:00.000Z", BA_BANNED}, {"1", "soon", BA_BANNED},
    };
    fixture *f = *state;
    fake_user *u = add_zoe(f, NULL, NULL, NULL);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        set(u, BANNED, rows[i].banned);
        set(u, EXPIRES, rows[i].expires);
        assert_int_equal(ba_admin_ban(&u->user, NOW), rows[i].is);
    }
}

static void who_is_banned_does_not_sign_in(void **state)
{
    fixture *f = *state;

    add_zoe(f, "user", "1", FUTURE);
    assert_error(serve(f, "POST", "/sign-in/email", SIGN_IN), &ba_err_banned);
    assert_true(fixture_logged(f, "BA0464"));
    assert_int_equal(f->store.sessions->nelts, 0);
    assert_int_equal(cookies_set(f), 0);
    assert_error(serve(f, "POST", "/sign-in/email",
                       "{\"email\":\"" EMAIL "\",\"password\":\"wrong horse\"}"),
                 &ba_err_credentials);
}

static void ban_anew(fake_store *store)
{
    set(APR_ARRAY_IDX(store->users, 0, fake_user *), EXPIRES, FUTURE);
}

static void a_ban_that_is_over_is_lifted(void **state)
{
    fixture *f = *state;
    fake_user *u = add_zoe(f, "editor", "1", PAST);

    f->store.answer[OP_USER_UPDATE] = APR_EGENERAL;
    assert_error(serve(f, "POST", "/sign-in/email", SIGN_IN), &ba_err_unavailable);
    f->store.answer[OP_USER_UPDATE] = APR_SUCCESS;
    f->store.answer[OP_USER] = APR_EGENERAL;
    assert_error(serve(f, "POST", "/sign-in/email", SIGN_IN), &ba_err_unavailable);
    f->store.answer[OP_USER] = APR_SUCCESS;
    assert_int_equal(f->store.sessions->nelts, 0);

    assert_int_equal(serve(f, "POST", "/sign-in/email", SIGN_IN)->status, 200);
    assert_int_equal(f->store.sessions->nelts, 1);
    assert_string_equal(u->user.extra->values[BANNED], "0");
    assert_null(u->user.extra->values[REASON]);
    assert_null(u->user.extra->values[EXPIRES]);
    assert_string_equal(u->user.extra->values[ROLE], "editor");

    set(u, BANNED, "1");
    set(u, EXPIRES, PAST);
    f->store.before[OP_USER] = ban_anew;
    assert_error(serve(f, "POST", "/sign-in/email", SIGN_IN), &ba_err_banned);
    assert_string_equal(u->user.extra->values[BANNED], "1");
}

static void a_session_of_a_banned_user_ends(void **state)
{
    fixture *f = *state;
    fake_user *u = add_zoe(f, "user", "0", NULL);

    fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);
    assert_int_equal(serve_as(f, TOKEN, "GET", "/list-accounts", NULL)->status, 200);
    set(u, BANNED, "1");
    set(u, EXPIRES, PAST);
    assert_int_equal(serve_as(f, TOKEN, "GET", "/list-accounts", NULL)->status, 200);
    set(u, EXPIRES, NULL);
    f->store.answer[OP_SESSION_DELETE] = APR_EGENERAL;
    assert_error(serve_as(f, TOKEN, "GET", "/list-accounts", NULL), &ba_err_unavailable);
    f->store.answer[OP_SESSION_DELETE] = APR_SUCCESS;
    assert_error(serve_as(f, TOKEN, "GET", "/list-accounts", NULL), &ba_err_unauthorized);
    assert_non_null(strstr(fixture_cookie(f, NAME), "Max-Age=0"));
    assert_null(fixture_find_session(f, TOKEN));
}

/* A Node server writes what it read, and looks at no ban then. */
static void a_cookie_that_says_banned_is_not_believed(void **state)
{
    fixture *f = *state;
    fake_user *u = add_zoe(f, "user", "1", NULL);
    const char *line, *cookie;

    f->settings.cookie_cache = (ba_cookie_cache){BA_CACHE_COMPACT, 300};
    for (int banned = 0; banned < 2; ++banned) {
        ba_session *session = fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);

        set(u, BANNED, banned ? "1" : "0");
        fixture_call(f, "GET", "/get-session");
        ba_cache_cookie_write(f->call, session, &u->user, 1);
        line = fixture_cookie(f, DATA);
        cookie = apr_pstrcat(f->pool, NAME "=" COOKIE_TOKEN "; ",
                             apr_pstrndup(f->pool, line, strcspn(line, ";")), NULL);
        fixture_call(f, "GET", "/get-session");
        fixture_header(f, "Cookie", cookie);
        f->store.asked[OP_SESSION] = 0;
        assert_int_equal(ba_session_find(f->call), banned ? APR_NOTFOUND : APR_SUCCESS);
        assert_int_equal(f->store.asked[OP_SESSION], banned);
    }
}

/* Whether an address has an account does not show in its role. */
static void new_users_have_a_role(void **state)
{
    static const char head[] = "{\"name\":\"x\",\"password\":\"" PASSWORD "\",\"email\":\"";
    fixture *f = *state;
    const json_t *user;

    f->settings.auto_sign_in = 0;
    add_zoe(f, "admin", NULL, NULL);
    for (int taken = 0; taken < 2; ++taken) {
        const ba_answer *a = serve(f, "POST", "/sign-up/email",
                                   apr_pstrcat(f->pool, head, taken ? EMAIL : "new@example.com",
                                               "\"}", NULL));

        user = json_object_get(body_of(f, a), "user");
        assert_string_equal(text_at(user, "role"), "user");
        assert_true(json_is_false(json_object_get(user, "banned")));
        assert_true(json_is_null(json_object_get(user, "banExpires")));
    }
    assert_error(serve(f, "POST", "/sign-up/email",
                       apr_pstrcat(f->pool, head, "b@example.com\",\"role\":\"user\"}", NULL)),
                 &ba_err_field_not_allowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(the_plugins_columns_come_first),
        ADMIN_TEST(a_role_is_one_of_a_list),
        ADMIN_TEST(columns_of_the_same_names_mean_nothing),
        ADMIN_TEST(a_ban_lasts_until_its_time),
        ADMIN_TEST(who_is_banned_does_not_sign_in),
        ADMIN_TEST(a_ban_that_is_over_is_lifted),
        ADMIN_TEST(a_session_of_a_banned_user_ends),
        ADMIN_TEST(a_cookie_that_says_banned_is_not_believed),
        ADMIN_TEST(new_users_have_a_role),
    };

    return cmocka_run_group_tests_name("admin", tests, NULL, NULL);
}
