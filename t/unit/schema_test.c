/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_schema.h"
#include "fixture.h"

typedef struct sample {
    const char *text;
    const char *email;
    ba_bytes bytes;
    int flag;
    const char *extra;
} sample;

static const ba_field fields[] = {
    {"text", BA_FIELD_TEXT, BA_REQUIRED, offsetof(sample, text)},
    {"email", BA_FIELD_EMAIL, BA_REQUIRED, offsetof(sample, email)},
    {"bytes", BA_FIELD_BYTES, BA_REQUIRED | BA_NOT_EMPTY, offsetof(sample, bytes)},
    {"flag", BA_FIELD_BOOL, BA_OPTIONAL, offsetof(sample, flag)},
    {"extra", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(sample, extra)},
    {0},
};

static const ba_schema schema = {fields, sizeof(sample), 0, 0};
static const ba_schema record_schema = {fields, sizeof(sample), 0, BA_OBJECT_AND_RECORD};
static const ba_schema optional_schema = {fields + 3, sizeof(sample), 1, 0};

static const sample *read_with(fixture *f, const ba_schema *with, const char *json,
                               const char **problem)
{
    ba_bytes text = {json, json ? strlen(json) : 0};

    *problem = NULL;
    return ba_schema_read(with, "body", json ? ba_json_parse(text, f->pool) : NULL, problem, f->pool);
}

static void assert_problem(fixture *f, const ba_schema *with, const char *json, const char *expected)
{
    const char *problem;

    assert_null(read_with(f, with, json, &problem));
    assert_string_equal(problem, expected);
}

#define GOOD "\"text\":\"t\",\"email\":\"a@b.co\",\"bytes\":\"x\\u0000y\""

static void reads_into_a_struct(void **state)
{
    fixture *f = *state;
    const char *problem;
    const sample *s = read_with(f, &schema, "{" GOOD ",\"flag\":false,\"id\":7,\"__proto__\":{}}",
                                &problem);

    assert_non_null(s);
    assert_null(problem);
    assert_string_equal(s->text, "t");
    assert_string_equal(s->email, "a@b.co");
    assert_int_equal(s->bytes.len, 3);
    assert_memory_equal(s->bytes.data, "x\0y", 3);
    assert_int_equal(s->flag, 0);
    assert_null(s->extra);
}

static void absent_optionals(void **state)
{
    fixture *f = *state;
    const char *problem;
    const sample *s = read_with(f, &schema, "{" GOOD "}", &problem);

    assert_int_equal(s->flag, -1);
    assert_null(s->extra);
    s = read_with(f, &schema, "{" GOOD ",\"flag\":true,\"extra\":\"\"}", &problem);
    assert_int_equal(s->flag, 1);
    assert_string_equal(s->extra, "");
}

static void names_every_wrong_type(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *value;
        const char *name;
    } types[] = {{"null", "null"}, {"1", "number"}, {"1.5", "number"}, {"true", "boolean"},
                 {"false", "boolean"}, {"[]", "array"}, {"{}", "object"}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); ++i) {
        assert_problem(f, &schema,
                       apr_pstrcat(f->pool, "{" GOOD ",\"text\":", types[i].value, "}", NULL),
                       apr_pstrcat(f->pool, "[body.text] Invalid input: expected string, received ",
                                   types[i].name, NULL));
        /* null is not absent */
        assert_problem(f, &schema,
                       apr_pstrcat(f->pool, "{" GOOD ",\"extra\":", types[i].value, "}", NULL),
                       apr_pstrcat(f->pool, "[body.extra] Invalid input: expected string, received ",
                                   types[i].name, NULL));
        if (strcmp(types[i].name, "boolean")) {
            assert_problem(
                f, &schema,
                apr_pstrcat(f->pool, "{" GOOD ",\"flag\":", types[i].value, "}", NULL),
                apr_pstrcat(f->pool, "[body.flag] Invalid input: expected boolean, received ",
                            types[i].name, NULL));
        }
    }
    assert_problem(f, &schema, "{" GOOD ",\"flag\":\"true\"}",
                   "[body.flag] Invalid input: expected boolean, received string");
}

static void joins_problems_in_schema_order(void **state)
{
    fixture *f = *state;

    assert_problem(f, &schema, "{}",
                   "[body.text] Invalid input: expected string, received undefined; "
                   "[body.email] Invalid input: expected string, received undefined; "
                   "[body.bytes] Invalid input: expected string, received undefined");
    assert_problem(f, &schema, "{\"flag\":0,\"bytes\":\"\",\"email\":\"x\",\"text\":\"\"}",
                   "[body.email] Invalid email address; "
                   "[body.bytes] Too small: expected string to have >=1 characters; "
                   "[body.flag] Invalid input: expected boolean, received number");
}

static void refuses_bodies_that_are_no_object(void **state)
{
    fixture *f = *state;

    assert_problem(f, &schema, NULL, "[body] Invalid input: expected object, received undefined");
    assert_problem(f, &schema, "null", "[body] Invalid input: expected object, received null");
    assert_problem(f, &schema, "[]", "[body] Invalid input: expected object, received array");
    assert_problem(f, &schema, "\"x\"", "[body] Invalid input: expected object, received string");
    assert_problem(f, &schema, "7", "[body] Invalid input: expected object, received number");
    assert_problem(f, &schema, "true", "[body] Invalid input: expected object, received boolean");
    assert_problem(f, &record_schema, "[]",
                   "[body] Invalid input: expected object, received array; "
                   "[body] Invalid input: expected record, received array");
}

static void a_body_may_be_optional(void **state)
{
    fixture *f = *state;
    const char *problem;
    const sample *s = read_with(f, &optional_schema, NULL, &problem);

    assert_non_null(s);
    assert_int_equal(s->flag, -1);
    assert_problem(f, &optional_schema, "null",
                   "[body] Invalid input: expected object, received null");
}

static void refuses_nul_in_text(void **state)
{
    fixture *f = *state;

    assert_problem(f, &schema, "{" GOOD ",\"text\":\"a\\u0000b\"}", "[body.text] Invalid input");
    assert_problem(f, &schema, "{" GOOD ",\"email\":\"a@b.co\\u0000\"}", "[body.email] Invalid input");
}

static void email_table(void **state)
{
    static const char *const good[] = {
        "a@b.co", "A.B@Example.COM", "a_b+c-d@x.yz", "o'neil@example.com", "+@a.bc", "-@a.bc",
        "_@a.bc", "'a@b.co", "1@2.ab", "a@b-.co", "a@b--c.co", "a@1a.2b.info", "a@sub.b.co",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.co",
        "a@xn--bcher-kva.example",
    };
    static const char *const bad[] = {
        "", "@", "a", "a@", "@b.co", "a@b", "a@b.", "a@.co", "a@b..co", "a@b.c", "a@b.c1",
        "a@b.1", "a@127.0.0.1", "a@[127.0.0.1]", ".a@b.co", "a.@b.co", "a..b@b.co", "a'@b.co",
        "'@b.co", "a@-b.co", "a@b_c.co", "a b@b.co", " a@b.co", "a@b.co ", "a@b.co\n", "a@b .co",
        "\"a\"@b.co", "a,b@b.co", "a@b.co,c@d.co", "a@b@c.co", "a@b.co@", "a;b@c.co", "<a@b.co>",
        "a/b@c.co", "a#b@c.co", "a%b@c.co", "a@b.co.", "a@b.c-o", "a@b.co\xc3\xa9",
        "z\xc3\xb6" "e@b.co", "a@b\xc3\xbc.co", "a\xef\xbc\xa0" "b.co" /* full-width @ */,
        "\xe2\x84\xaa@b.co" /* Kelvin sign */, "a@\xc4\xb0.co" /* dotted I */, "a\x7f@b.co",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        if (!ba_schema_email(good[i])) {
            fail_msg("refused: %s", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        if (ba_schema_email(bad[i])) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void says_where(void **state)
{
    fixture *f = *state;
    const char *problem = NULL;
    ba_bytes text = {"{\"email\":\"x\"}", 13};

    assert_null(ba_schema_read(&schema, "query", ba_json_parse(text, f->pool), &problem, f->pool));
    assert_string_equal(problem, "[query.text] Invalid input: expected string, received undefined; "
                                 "[query.email] Invalid email address; "
                                 "[query.bytes] Invalid input: expected string, received undefined");
    assert_null(ba_schema_read(&schema, "query", NULL, &problem, f->pool));
    assert_string_equal(problem, "[query] Invalid input: expected object, received undefined");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(reads_into_a_struct),
        FIXTURE_TEST(absent_optionals),
        FIXTURE_TEST(names_every_wrong_type),
        FIXTURE_TEST(joins_problems_in_schema_order),
        FIXTURE_TEST(refuses_bodies_that_are_no_object),
        FIXTURE_TEST(a_body_may_be_optional),
        FIXTURE_TEST(refuses_nul_in_text),
        cmocka_unit_test(email_table),
        FIXTURE_TEST(says_where),
    };

    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
