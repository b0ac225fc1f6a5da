/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_column.h"
#include "ba_gate.h"
#include "ba_json.h"
#include "ba_routes.h"
#include "ba_session.h"
#include "fixture.h"

#include "ba_db_int.h"

#define NAME "better-auth.session_token"

static int setup(void **state)
{
    fixture *f;

    if (fixture_setup(state) != 0) {
        return -1;
    }
    f = *state;
    return ba_gate_create(2, 4, (uid_t)-1, &f->gate, f->pool) != APR_SUCCESS;
}

static int teardown(void **state)
{
    fixture *f = *state;

    ba_gate_destroy(f->gate);
    return fixture_teardown(state);
}

static void add(apr_array_header_t **list, apr_pool_t *pool, ba_column c)
{
    if (!*list) {
        *list = apr_array_make(pool, 4, sizeof(ba_column));
    }
    APR_ARRAY_PUSH(*list, ba_column) = c;
}

/* company (required), age, plan (read-only, free), secret (hidden); theme (light). */
static fixture *with_columns(void **state)
{
    fixture *f = *state;
    ba_columns *all = &f->settings.columns;

    add(&all->user, f->pool, (ba_column){"company", "company_name", BA_COLUMN_STRING, 1, 0, 0, NULL, 0});
    add(&all->user, f->pool, (ba_column){"age", "age", BA_COLUMN_NUMBER, 0, 0, 0, NULL, 0});
    add(&all->user, f->pool, (ba_column){"plan", "plan", BA_COLUMN_STRING, 0, 1, 0, "free", 0});
    add(&all->user, f->pool, (ba_column){"secret", "secret", BA_COLUMN_STRING, 0, 0, 1, NULL, 0});
    add(&all->session, f->pool, (ba_column){"theme", "theme", BA_COLUMN_STRING, 0, 0, 0, "light", 0});
    add(&all->session, f->pool, (ba_column){"seen", "seen", BA_COLUMN_DATE, 0, 0, 0, NULL, 0});
    return f;
}

static void values_by_type(void **state)
{
    static const struct {
        ba_column_type type;
        const char *text, *value;
    } rows[] = {
        {BA_COLUMN_STRING, "", ""}, {BA_COLUMN_STRING, "x", "x"},
        {BA_COLUMN_NUMBER, "0", "0"}, {BA_COLUMN_NUMBER, "-12.5e3", "-12.5e3"},
        {BA_COLUMN_NUMBER, "", NULL}, {BA_COLUMN_NUMBER, "-", NULL}, {BA_COLUMN_NUMBER, "01", NULL},
        {BA_COLUMN_NUMBER, "0x1", NULL}, {BA_COLUMN_NUMBER, "1 ", NULL},
        {BA_COLUMN_NUMBER, " 1", NULL}, {BA_COLUMN_NUMBER, "1e999", NULL},
        {BA_COLUMN_NUMBER, "1.", NULL}, {BA_COLUMN_NUMBER, "inf", NULL},
        {BA_COLUMN_NUMBER, "nan", NULL}, {BA_COLUMN_NUMBER, "1e", NULL},
        {BA_COLUMN_BOOLEAN, "true", "1"}, {BA_COLUMN_BOOLEAN, "0", "0"},
        {BA_COLUMN_BOOLEAN, "on", "1"}, {BA_COLUMN_BOOLEAN, "2", NULL},
        {BA_COLUMN_DATE, "2030-01-02T03:04:05.006Z", "2030-01-02T03:04:05.006Z"},
        {BA_COLUMN_DATE, "2030-01-02 03:04:05", "2030-01-02T03:04:05.000Z"},
        {BA_COLUMN_DATE, "2030-01-02", NULL}, {BA_COLUMN_DATE, "now", NULL},
    };
    fixture *f = *state;
    char text[BA_COLUMN_TEXT_MAX + 2];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const char *value = ba_column_value(rows[i].type, rows[i].text, f->pool);

        if (!value != !rows[i].value || (value && strcmp(value, rows[i].value))) {
            fail_msg("%s: %s", rows[i].text, value ? value : "NULL");
        }
    }
    memset(text, 'x', sizeof(text));
    text[BA_COLUMN_TEXT_MAX + 1] = '\0';
    assert_null(ba_column_value(BA_COLUMN_STRING, text, f->pool));
    text[BA_COLUMN_TEXT_MAX] = '\0';
    assert_ptr_equal(ba_column_value(BA_COLUMN_STRING, text, f->pool), text);
}

static void fills_in_statements(void **state)
{
    fixture *f = with_columns(state);
    const ba_columns none = {NULL, NULL}, *all = &f->settings.columns;

    assert_string_equal(ba_db_expand("SELECT a/*user:u*//*session:*/ FROM t", &none, 1, f->pool),
                        "SELECT a FROM t");
    assert_string_equal(
        ba_db_expand("SELECT a/*user:u*//*session:*/ FROM t", all, 1, f->pool),
        "SELECT a, CAST(LEFT(u.`company_name`, 2048) AS CHAR(2048)), u.`age`,"
        " CAST(LEFT(u.`plan`, 2048) AS CHAR(2048)), CAST(LEFT(u.`secret`, 2048) AS CHAR(2048)),"
        " CAST(LEFT(`theme`, 2048) AS CHAR(2048)), CAST(`seen` AS CHAR(23)) FROM t");
    assert_string_equal(ba_db_expand("SELECT a/*session:s*/", all, 0, f->pool),
                        "SELECT a, substr(s.\"theme\", 1, 2048), s.\"seen\"");
    assert_string_equal(ba_db_expand("(a/*session+*/) VALUES (%s/*session?*/)", all, 0, f->pool),
                        "(a, \"theme\", \"seen\") VALUES (%s, %s, %s)");
    assert_string_equal(ba_db_expand("SET a = %s/*session=*/ WHERE", all, 1, f->pool),
                        "SET a = %s, `theme` = CASE WHEN %s = 'keep' THEN `theme` ELSE %s END,"
                        " `seen` = CASE WHEN %s = 'keep' THEN `seen` ELSE %s END WHERE");
    assert_string_not_equal(ba_columns_key(all, f->pool), ba_columns_key(&none, f->pool));
}

static const char *serve(fixture *f, const char *path, const char *body, const char *cookie)
{
    fixture_call(f, "POST", path);
    if (cookie) {
        fixture_header(f, "Cookie", cookie);
        fixture_header(f, "Origin", ORIGIN);
    }
    f->call->gate = f->gate;
    f->call->body = (ba_bytes){body, strlen(body)};
    ba_route_serve(f->call, ba_route_find("POST", path), "application/json");
    return f->call->answer.error ? f->call->answer.message : f->call->answer.body;
}

/* A user with all columns NULL and a session, as the store gives them. */
static void add_zoe(fixture *f)
{
    fake_user *u = fixture_add_user(f, "zoe@example.com", NULL);

    u->user.extra = ba_extra_create(f->settings.columns.user, f->pool);
    fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY)->extra
        = ba_extra_fallback(f->settings.columns.session, f->pool);
}

static void update_session_goes_on_from_what_was(void **state)
{
    fixture *f = with_columns(state);
    const char *said;

    add_zoe(f);
    said = serve(f, "/update-session", "{\"seen\":\"2020-01-01T00:00:00.000Z\"}", NAME "=" COOKIE_TOKEN);
    assert_non_null(strstr(said, "\"theme\":\"light\",\"seen\":\"2020-01-01T00:00:00.000Z\""));
    assert_non_null(fixture_cookie(f, NAME));
    assert_string_equal(fixture_find_session(f, TOKEN)->extra->values[0], "light");
    assert_string_equal(serve(f, "/update-session", "{\"x\":1}", NAME "=" COOKIE_TOKEN),
                        "No fields to update");
    f->store.answer[OP_SESSION_UPDATE] = APR_NOTFOUND;
    assert_string_equal(serve(f, "/update-session", "{\"theme\":\"x\"}", NAME "=" COOKIE_TOKEN),
                        "Failed to get session");
    assert_non_null(strstr(fixture_cookie(f, NAME), "Max-Age=0"));
    f->store.answer[OP_SESSION_UPDATE] = APR_EGENERAL;
    serve(f, "/update-session", "{\"theme\":\"x\"}", NAME "=" COOKIE_TOKEN);
    assert_int_equal(f->call->answer.status, 503);
}

static void update_user_gives_what_was_said(void **state)
{
    fixture *f = with_columns(state);
    const ba_extra *extra;

    add_zoe(f);
    assert_string_equal(serve(f, "/update-user", "{\"age\":7,\"plan\":\"\"}", NAME "=" COOKIE_TOKEN),
                        "{\"status\":true}");
    extra = APR_ARRAY_IDX(f->store.users, 0, fake_user *)->user.extra;
    assert_string_equal(extra->values[1], "7");
    assert_null(extra->values[2]);
    assert_string_equal(serve(f, "/update-user", "{\"plan\":\"pro\"}", NAME "=" COOKIE_TOKEN),
                        "plan is not allowed to be set");
    assert_string_equal(serve(f, "/update-user", "{\"plan\":null}", NAME "=" COOKIE_TOKEN),
                        "No fields to update");
    assert_string_equal(serve(f, "/update-user", "{\"company\":null}", NAME "=" COOKIE_TOKEN),
                        "[body.company] Invalid input: expected string");
}

static void shows_all_but_hidden_ones(void **state)
{
    fixture *f = with_columns(state);
    const char *said = serve(f, "/sign-up/email",
                             "{\"name\":\"x\",\"email\":\"x@example.com\",\"password\":\"long enough\","
                             "\"company\":\"Acme\",\"age\":12.5,\"plan\":\"pro\",\"secret\":\"psst\"}",
                             NULL);

    assert_non_null(strstr(said, "\"company\":\"Acme\",\"age\":12.5,\"plan\":\"free\",\"id\""));
    assert_null(strstr(said, "\"psst\""));
    assert_string_equal(APR_ARRAY_IDX(f->store.users, 0, fake_user *)->user.extra->values[3], "psst");
}

/* Whether an address has an account shows neither in the keys nor in the values. */
static void a_taken_address_answers_alike(void **state)
{
    static const char head[] = "{\"name\":\"x\",\"password\":\"long enough\",\"email\":\"";
    static const char *const tails[] = {"@example.com\",\"company\":\"Acme\"}", "@example.com\"}"};
    fixture *f = with_columns(state);

    f->settings.auto_sign_in = 0;
    add_zoe(f);
    for (size_t i = 0; i < 2; ++i) {
        const char *taken = serve(f, "/sign-up/email",
                                  apr_pstrcat(f->pool, head, "zoe", tails[i], NULL), NULL);
        const char *open = serve(f, "/sign-up/email",
                                 apr_pstrcat(f->pool, head, "new", tails[i], NULL), NULL);

        taken = strstr(taken, "\"company\"") ? strstr(taken, "\"company\"") : taken;
        open = strstr(open, "\"company\"") ? strstr(open, "\"company\"") : open;
        assert_int_equal(strcspn(taken, "i"), strcspn(open, "i")); /* up to "id" */
        assert_memory_equal(taken, open, strcspn(taken, "i"));
    }
}

#define GATE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GATE_TEST(values_by_type),
        GATE_TEST(fills_in_statements),
        GATE_TEST(update_session_goes_on_from_what_was),
        GATE_TEST(update_user_gives_what_was_said),
        GATE_TEST(shows_all_but_hidden_ones),
        GATE_TEST(a_taken_address_answers_alike),
    };

    return cmocka_run_group_tests_name("column", tests, NULL, NULL);
}
