/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_json.h"
#include "ba_json_flat.h"
#include "fixture.h"

#define FFFD "\xef\xbf\xbd"

static json_t *parse_bytes(fixture *f, const char *data, apr_size_t len)
{
    ba_bytes text = {data, len};

    return ba_json_parse(text, f->pool);
}

static json_t *parse(fixture *f, const char *text)
{
    return parse_bytes(f, text, strlen(text));
}

/* The string under "a", as bytes in a literal. */
static void assert_a(fixture *f, const char *text, const char *expected, size_t len)
{
    const json_t *json = parse(f, text);
    const json_t *value = json_object_get(json, "a");

    if (!value || json_string_length(value) != len
        || memcmp(json_string_value(value), expected, len)) {
        fail_msg("%s is read otherwise", text);
    }
}

static void reads_any_value_at_the_top(void **state)
{
    fixture *f = *state;

    assert_true(json_is_object(parse(f, "{}")));
    assert_true(json_is_array(parse(f, " [1,2] ")));
    assert_true(json_is_null(parse(f, "null")));
    assert_true(json_is_string(parse(f, "\"x\"")));
    assert_true(json_is_number(parse(f, "-1.5e3")));
    assert_true(json_is_true(parse(f, "\r\n\ttrue\r\n")));
}

static void refuses_what_is_not_json(void **state)
{
    fixture *f = *state;
    static const char *const bad[] = {
        "", " ", "\r\n", "{", "}", "[", "[1", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "\"a", "nul",
        "NULL", "undefined", "NaN", "01", "1.", ".5", "+1", "{} {}", "{}x", "{\"a\" 1}", "\"\n\"",
        "\"\\x\"", "\"\\u12\"", "\"\\u0x1f\"", "\\ud800", "/**/{}", "{\"a\":\"\\",
        "\xef\xbb\xbf", "\xef\xbb\xbf\xef\xbb\xbf{}",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        if (parse(f, bad[i])) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    assert_null(parse_bytes(f, "{}\0", 3));
    assert_null(parse_bytes(f, "\0{}", 3));
}

static void the_last_of_duplicates_counts(void **state)
{
    fixture *f = *state;

    assert_a(f, "{\"a\":\"1\",\"b\":2,\"a\":\"3\"}", "3", 1);
    assert_a(f, "{\"a\":{},\"\\u0061\":\"4\"}", "4", 1);
}

static void skips_a_byte_order_mark(void **state)
{
    fixture *f = *state;

    assert_a(f, "\xef\xbb\xbf{\"a\":\"x\"}", "x", 1);
}

static void lone_surrogates_become_fffd(void **state)
{
    fixture *f = *state;

    assert_a(f, "{\"a\":\"\\ud83d\\ude00\"}", "\xf0\x9f\x98\x80", 4);
    assert_a(f, "{\"a\":\"\\ud800\"}", FFFD, 3);
    assert_a(f, "{\"a\":\"\\uDFFFx\"}", FFFD "x", 4);
    assert_a(f, "{\"a\":\"\\ud800\\ud83d\\ude00\"}", FFFD "\xf0\x9f\x98\x80", 7);
    assert_a(f, "{\"a\":\"\\ude00\\ud83d\"}", FFFD FFFD, 6);
    assert_a(f, "{\"a\":\"\\ud800\\u0041\"}", FFFD "A", 4);
    assert_a(f, "{\"a\":\"\\ud800\\\\ude00\"}", FFFD "\\ude00", 9);
    /* an escaped backslash in front: no escape at all */
    assert_a(f, "{\"a\":\"\\\\ud800\"}", "\\ud800", 6);
    assert_a(f, "{\"a\":\"\\\\\\ud800\"}", "\\" FFFD, 4);
    /* in a key too */
    assert_non_null(json_object_get(parse(f, "{\"\\udc00\":1}"), FFFD));
}

static void nul_is_kept_in_values_only(void **state)
{
    fixture *f = *state;

    assert_a(f, "{\"a\":\"x\\u0000y\"}", "x\0y", 3);
    assert_null(parse(f, "{\"a\\u0000b\":1}"));
}

static void broken_utf8_becomes_fffd(void **state)
{
    fixture *f = *state;

    assert_a(f, "{\"a\":\"\xff\xc3\xa9\"}", FFFD "\xc3\xa9", 5);
    assert_a(f, "{\"a\":\"\xed\xa0\x80\"}", FFFD FFFD FFFD, 9);
}

static void deep_nesting_is_refused(void **state)
{
    fixture *f = *state;
    enum { DEPTH = 100000 };
    char *text = apr_palloc(f->pool, 6 * DEPTH);
    char *p = text;

    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    assert_null(parse_bytes(f, text, 2 * DEPTH));
    assert_null(parse_bytes(f, text, DEPTH));
    for (int i = 0; i < DEPTH; ++i) {
        memcpy(p, "{\"a\":", 5);
        p += 5;
    }
    assert_null(parse_bytes(f, text, 5 * DEPTH));
}

static void a_deep_tree_is_freed(void **state)
{
    fixture *f = *state;
    char text[201];

    memset(text, '[', 60);
    memset(text + 60, ']', 60);
    text[120] = '\0';
    assert_non_null(parse(f, text));
}

static const json_t *form_value(fixture *f, const char *form, const char *name)
{
    return json_object_get(ba_json_from_form((ba_bytes){form, strlen(form)}, f->pool), name);
}

static void reads_forms(void **state)
{
    fixture *f = *state;
    static const char form[] = "email=zoe%40example.com&name=Zo%C3%AB+M&empty=&bare&x=1=2&=anon"
                               "&bad=%zz%ff&nul=a%00b&n%00m=1&&last=%F0%9F%98%80";
    const json_t *nul = form_value(f, form, "nul");

    assert_string_equal(json_string_value(form_value(f, form, "email")), "zoe@example.com");
    assert_string_equal(json_string_value(form_value(f, form, "name")), "Zo\xc3\xab M");
    assert_string_equal(json_string_value(form_value(f, form, "empty")), "");
    assert_string_equal(json_string_value(form_value(f, form, "bare")), "");
    assert_string_equal(json_string_value(form_value(f, form, "x")), "1=2");
    assert_string_equal(json_string_value(form_value(f, form, "bad")), "%zz" FFFD);
    assert_string_equal(json_string_value(form_value(f, form, "last")), "\xf0\x9f\x98\x80");
    assert_int_equal(json_string_length(nul), 3);
    assert_memory_equal(json_string_value(nul), "a\0b", 3);
    assert_null(form_value(f, form, "n"));
}

static void the_last_of_repeated_form_names_counts(void **state)
{
    fixture *f = *state;

    assert_string_equal(json_string_value(form_value(f, "a=1&b=x&a=2&%61=3", "a")), "3");
    assert_string_equal(json_string_value(form_value(f, "a=1&a", "a")), "");
}

static void odd_forms_are_objects(void **state)
{
    fixture *f = *state;
    static const char *const odd[] = {"", "&", "&&&", "=", "%", "a", "%00", "=&=", "+"};

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); ++i) {
        assert_true(json_is_object(ba_json_from_form((ba_bytes){odd[i], strlen(odd[i])}, f->pool)));
    }
}

static void writes_errors(void **state)
{
    fixture *f = *state;

    assert_string_equal(ba_json_error("Not \"x\"", "CODE", f->pool),
                        "{\"message\":\"Not \\\"x\\\"\",\"code\":\"CODE\"}");
    assert_string_equal(ba_json_error("m", NULL, f->pool), "{\"message\":\"m\"}");
}

static void writes_users_and_sessions(void **state)
{
    fixture *f = *state;
    const ba_user user = {.id = "U", .name = "Zo\xc3\xab\n", .email = "zoe@example.com",
                          .created_at = NOW, .updated_at = NOW + 7};
    const ba_session session = {.id = "S", .token = "T", .user_id = "U", .ip_address = "",
                                .user_agent = "curl", .expires_at = NOW + 1, .created_at = NOW,
                                .updated_at = NOW};

    assert_string_equal(ba_json_text(ba_json_user(&user, f->pool), f->pool),
                        "{\"name\":\"Zo\xc3\xab\\n\",\"email\":\"zoe@example.com\","
                        "\"emailVerified\":false,\"image\":null,"
                        "\"createdAt\":\"2030-01-01T00:00:00.000Z\","
                        "\"updatedAt\":\"2030-01-01T00:00:00.007Z\",\"id\":\"U\"}");
    assert_string_equal(ba_json_text(ba_json_session(&session, f->pool), f->pool),
                        "{\"expiresAt\":\"2030-01-01T00:00:00.001Z\",\"token\":\"T\","
                        "\"createdAt\":\"2030-01-01T00:00:00.000Z\","
                        "\"updatedAt\":\"2030-01-01T00:00:00.000Z\",\"ipAddress\":\"\","
                        "\"userAgent\":\"curl\",\"userId\":\"U\",\"id\":\"S\"}");
}

static void queries(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *query;
        const char *json;
    } rows[] = {
        {NULL, "{}"},
        {"", "{}"},
        {"&&", "{}"},
        {"a=b", "{\"a\":\"b\"}"},
        {"a", "{\"a\":\"\"}"},
        {"a=", "{\"a\":\"\"}"},
        {"=b", "{\"\":\"b\"}"},
        {"a=b=c", "{\"a\":\"b=c\"}"},
        {"a=b&c=d&a=e&a=f", "{\"a\":[\"b\",\"e\",\"f\"],\"c\":\"d\"}"},
        {"a%3Db=%26+x%2B", "{\"a=b\":\"& x+\"}"},
        {"a=%zz%", "{\"a\":\"%zz%\"}"},
        {"a=%ff", "{\"a\":\"\xef\xbf\xbd\"}"},
        {"a=x%00y", "{\"a\":\"x\\u0000y\"}"},
        {"a%00b=c", "{}"},
        {"__proto__=x", "{\"__proto__\":\"x\"}"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_string_equal(ba_json_text(ba_json_from_query(rows[i].query, f->pool), f->pool), rows[i].json);
    }
}

/* Reads text, which is given back changed, for three members. */
static int flat(fixture *f, const char *text, size_t len, ba_flat m[3], char **copy)
{
    static const ba_flat wanted[3]
        = {{.object = "session", .key = "id"}, {.key = "n"}, {.object = "user", .key = "good"}};

    memcpy(m, wanted, sizeof(wanted));
    *copy = apr_pstrmemdup(f->pool, text, len);
    return ba_json_flat(*copy, len, m, 3);
}

static void reads_flat_objects(void **state)
{
    fixture *f = *state;
    static const char whole[] = "{\"n\":17,\"id\":\"no\",\"session\":{\"x\":null,\"id\":\"J\303\266rg\"},"
                                "\"user\":{\"id\":\"no\",\"good\":true}}";
    ba_flat m[3];
    char *copy;

    assert_true(flat(f, whole, strlen(whole), m, &copy));
    assert_string_equal(m[0].text, "J\303\266rg");
    assert_int_equal(m[1].kind, BA_FLAT_NUMBER);
    assert_string_equal(m[1].text, "17");
    assert_int_equal(m[2].kind, BA_FLAT_TRUE);
    for (size_t len = 0; len < strlen(whole); ++len) {
        assert_false(flat(f, whole, len, m, &copy));
        assert_memory_equal(copy, whole, len);
    }
}

/* Some of it is JSON, which the other reader takes. */
static void leaves_the_rest_to_the_other_reader(void **state)
{
    fixture *f = *state;
    static const char *const texts[] = {
        "{}", "[]", "1", "{\"n\": 1}", " {\"n\":1}", "{\"n\":1} ", "{\"n\":1}x", "{\"n\":01}", "{\"n\":-1}",
        "{\"n\":1.5}", "{\"n\":1e3}", "{\"n\":1234567890123456789}", "{\"n\":[1]}", "{\"n\":\"a\\nb\"}",
        "{\"n\":\"a\nb\"}", "{\"n\":1,}", "{\"n\":1,\"n\":2}", "{\"n\":tru}", "{\"n\":nil}", "{n:1}",
        "{\"session\":{\"id\":{\"x\":1}}}", "{\"session\":{\"id\":1},\"session\":{\"id\":2}}",
        "{\"session\":{\"id\":1},\"session\":{}}", "{\"session\":{\"id\":1},\"session\":2}", "{\"n\":1,\"n\":{}}",
    };
    ba_flat m[3];
    char *copy;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i) {
        if (flat(f, texts[i], strlen(texts[i]), m, &copy) || strcmp(copy, texts[i])) {
            fail_msg("%s is read", texts[i]);
        }
    }
}

/* Where the C library gives the same block again, as it does unless a sanitizer keeps it. */
static void wipes_what_jansson_frees(void **state)
{
    enum { SIZE = 200 };
    json_malloc_t before_take, take;
    json_free_t before_give, give;
    char *block, *again;

    (void)state;
    json_get_alloc_funcs(&before_take, &before_give);
    ba_json_wipe_freed();
    json_get_alloc_funcs(&take, &give);
    block = memset(take(SIZE), 'x', SIZE);
    give(block);
    again = take(SIZE);
    assert_true(again != block || !memchr(again, 'x', SIZE));
    give(again);
    json_set_alloc_funcs(before_take, before_give);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(reads_any_value_at_the_top),
        cmocka_unit_test(wipes_what_jansson_frees),
        FIXTURE_TEST(refuses_what_is_not_json),
        FIXTURE_TEST(the_last_of_duplicates_counts),
        FIXTURE_TEST(skips_a_byte_order_mark),
        FIXTURE_TEST(lone_surrogates_become_fffd),
        FIXTURE_TEST(nul_is_kept_in_values_only),
        FIXTURE_TEST(broken_utf8_becomes_fffd),
        FIXTURE_TEST(deep_nesting_is_refused),
        FIXTURE_TEST(a_deep_tree_is_freed),
        FIXTURE_TEST(reads_forms),
        FIXTURE_TEST(the_last_of_repeated_form_names_counts),
        FIXTURE_TEST(odd_forms_are_objects),
        FIXTURE_TEST(writes_errors),
        FIXTURE_TEST(writes_users_and_sessions),
        FIXTURE_TEST(queries),
        FIXTURE_TEST(reads_flat_objects),
        FIXTURE_TEST(leaves_the_rest_to_the_other_reader),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
