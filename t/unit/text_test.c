/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_text.h"
#include "ba_words.h"
#include "fixture.h"

static void writes_dates(void **state)
{
    fixture *f = *state;

    assert_string_equal(ba_text_iso_date(0, f->pool), "1970-01-01T00:00:00.000Z");
    assert_string_equal(ba_text_iso_date(NOW, f->pool), "2030-01-01T00:00:00.000Z");
    assert_string_equal(ba_text_iso_date(1795226388607, f->pool), "2026-11-21T01:59:48.607Z");
    assert_string_equal(ba_text_iso_date(951782400001, f->pool), "2000-02-29T00:00:00.001Z");
    /* beyond 32 bits of seconds */
    assert_string_equal(ba_text_iso_date(4102444800000, f->pool), "2100-01-01T00:00:00.000Z");
}

static void reads_dates_of_both_dialects(void **state)
{
    static const struct {
        const char *text;
        ba_time t;
    } rows[] = {
        {"2026-11-21T01:59:48.607Z", 1795226388607},
        {"2026-11-21 01:59:48.607", 1795226388607},
        {"2026-11-21 01:59:48", 1795226388000},
        {"2026-11-21T01:59:48Z", 1795226388000},
        {"2026-11-21 01:59:48.6", 1795226388600},
        {"2026-11-21 01:59:48.60", 1795226388600},
        {"2026-11-21 01:59:48.607999", 1795226388607},
        {"2000-02-29 00:00:00.001", 951782400001},
        {"2100-01-01T00:00:00.000Z", 4102444800000},
        {"1970-01-01 00:00:00", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        ba_time t = -1;

        assert_int_equal(ba_text_parse_date(rows[i].text, &t), APR_SUCCESS);
        assert_true(t == rows[i].t);
    }
}

static void refuses_other_dates(void **state)
{
    static const char *const bad[] = {
        "", "x", "1795226388607", "2026-11-21", "2026-11-21 01:59", "2026-13-21 01:59:48",
        "2026-00-21 01:59:48", "2026-11-32 01:59:48", "2026-11-00 01:59:48",
        "2026-11-21 24:59:48", "2026-11-21 01:60:48", "2026-11-21 01:59:61",
        "9999-12-31 23:59:60",
        "2026-11-21 01:59:48 x", "2026-11-21 01:59:48.607Zx", "2026-11-21_01:59:48",
        "2026-11-21T01:59:48+01:00", "2026-11-21 -1:59:48", "2026-11-21 01:-1:48",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        ba_time t;

        if (ba_text_parse_date(bad[i], &t) == APR_SUCCESS) {
            fail_msg("read as a date: %s", bad[i]);
        }
    }
}

static void counts_as_javascript(void **state)
{
    (void)state;
    assert_int_equal(ba_text_utf16_length("", 0), 0);
    assert_int_equal(ba_text_utf16_length("abc", 3), 3);
    assert_int_equal(ba_text_utf16_length("a\0c", 3), 3);
    assert_int_equal(ba_text_utf16_length("\xc3\xa9\xe2\x82\xac", 5), 2);
    assert_int_equal(ba_text_utf16_length("\xf0\x9f\x98\x80", 4), 2);
    /* four emoji are eight (security.md PW-1) */
    assert_int_equal(
        ba_text_utf16_length("\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 16),
        8);
}

static void counts_and_cuts_code_points(void **state)
{
    fixture *f = *state;
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";

    assert_int_equal(ba_text_length(""), 0);
    assert_int_equal(ba_text_length(text), 5);
    assert_string_equal(ba_text_cut(text, 5, f->pool), text);
    assert_string_equal(ba_text_cut(text, 9, f->pool), text);
    assert_string_equal(ba_text_cut(text, 4, f->pool), "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_string_equal(ba_text_cut(text, 3, f->pool), "a\xc3\xa9\xe2\x82\xac");
    assert_string_equal(ba_text_cut(text, 2, f->pool), "a\xc3\xa9");
    assert_string_equal(ba_text_cut(text, 0, f->pool), "");
}

static void latin1(void **state)
{
    fixture *f = *state;

    assert_string_equal(ba_text_from_latin1("", f->pool), "");
    assert_string_equal(ba_text_from_latin1("curl/8", f->pool), "curl/8");
    assert_string_equal(ba_text_from_latin1("\xe9\xff\x80", f->pool), "\xc3\xa9\xc3\xbf\xc2\x80");
    /* UTF-8 is read byte by byte too, as Node does */
    assert_string_equal(ba_text_from_latin1("\xc3\xa9", f->pool), "\xc3\x83\xc2\xa9");
}

#define FFFD "\xef\xbf\xbd"

/* One U+FFFD per maximal subpart, as the Encoding standard and Unicode have it. */
static void repairs_utf8_as_browsers_do(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {
        {"", ""},
        {"plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xff", FFFD},
        {"a\x80z", "a" FFFD "z"},
        {"\xc2", FFFD},
        {"\xc0\xaf", FFFD FFFD},
        {"\xe2\x82" "A", FFFD "A"},
        {"\xe0\x80\x80", FFFD FFFD FFFD},
        {"\xed\xa0\x80", FFFD FFFD FFFD},
        {"\xf0\x9f\x98", FFFD},
        {"\xf0\x9fx", FFFD "x"},
        {"\xf0\x80\x80\x80", FFFD FFFD FFFD FFFD},
        {"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD},
        {"\xf8\x88\x80\x80\x80", FFFD FFFD FFFD FFFD FFFD},
        {"\xe2\x28\xa1", FFFD "(" FFFD},
        {"\xe2\x82\xe2\x82\xac", FFFD "\xe2\x82\xac"},
        {"\xf1\x80\x80\xe1\x80\xc2" "b", FFFD FFFD FFFD "b"},
    };
    apr_size_t len;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_string_equal(ba_text_repair_utf8(rows[i].in, strlen(rows[i].in), &len, f->pool),
                            rows[i].out);
        assert_int_equal(len, strlen(rows[i].out));
    }
    assert_memory_equal(ba_text_repair_utf8("a\0\xff", 3, &len, f->pool), "a\0" FFFD, 6);
    assert_int_equal(len, 5);
}

static void url_encodes_as_javascript(void **state)
{
    fixture *f = *state;

    assert_string_equal(ba_text_url_encode("AZaz09-_.!~*'()", f->pool), "AZaz09-_.!~*'()");
    assert_string_equal(ba_text_url_encode("a+/= ;,%\"\\", f->pool), "a%2B%2F%3D%20%3B%2C%25%22%5C");
    assert_string_equal(ba_text_url_encode("Zo\xc3\xab\n\x7f", f->pool), "Zo%C3%AB%0A%7F");
    assert_string_equal(ba_text_url_encode("", f->pool), "");
}

static const char *decode(fixture *f, const char *text, int plus)
{
    apr_size_t len;

    return ba_text_url_decode(text, strlen(text), plus, &len, f->pool);
}

static void url_decodes(void **state)
{
    fixture *f = *state;
    apr_size_t len;

    assert_string_equal(decode(f, "a%2Bb%2fc", 0), "a+b/c");
    assert_string_equal(decode(f, "a+b", 0), "a+b");
    assert_string_equal(decode(f, "a+b%2B", 1), "a b+");
    assert_string_equal(decode(f, "Zo%C3%AB", 1), "Zo\xc3\xab");
    /* malformed escapes stay */
    assert_string_equal(decode(f, "100%", 1), "100%");
    assert_string_equal(decode(f, "%4", 1), "%4");
    assert_string_equal(decode(f, "%zz%4g%%41", 1), "%zz%4g%A");
    /* no byte behind the given length is looked at */
    assert_string_equal(ba_text_url_decode("%41", 2, 0, &len, f->pool), "%4");
    assert_memory_equal(ba_text_url_decode("a%00b", 5, 0, &len, f->pool), "a\0b", 4);
    assert_int_equal(len, 3);
}

static void lowers_ascii_only(void **state)
{
    fixture *f = *state;

    assert_string_equal(ba_text_lower("ZOE@Example.COM", f->pool), "zoe@example.com");
    /* E with acute and the Kelvin sign stay what they are */
    assert_string_equal(ba_text_lower("\xc3\x89\xe2\x84\xaa", f->pool), "\xc3\x89\xe2\x84\xaa");
}

static void escapes_html(void **state)
{
    fixture *f = *state;

    assert_string_equal(ba_text_html("", f->pool), "");
    assert_string_equal(ba_text_html("</script><a href=\"x\" id='y'>&amp;", f->pool),
                        "&lt;/script&gt;&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;");
    assert_string_equal(ba_text_html("Zo\xc3\xab", f->pool), "Zo\xc3\xab");
}

static void finds_query_parameters(void **state)
{
    fixture *f = *state;
    int count = -1;

    assert_string_equal(ba_text_query_param("a=1&b=2", "b", &count, f->pool), "2");
    assert_int_equal(count, 1);
    assert_string_equal(ba_text_query_param("b=1&b=2&b", "b", &count, f->pool), "1");
    assert_int_equal(count, 3);
    assert_string_equal(ba_text_query_param("%62=x%20+y%3d", "b", NULL, f->pool), "x  y=");
    assert_string_equal(ba_text_query_param("b", "b", NULL, f->pool), "");
    assert_string_equal(ba_text_query_param("b=", "b", NULL, f->pool), "");
    assert_string_equal(ba_text_query_param("b==x=", "b", NULL, f->pool), "=x=");
    assert_string_equal(ba_text_query_param("b=%ff", "b", NULL, f->pool), FFFD);
    assert_null(ba_text_query_param("ab=1&bc=2&B=3", "b", &count, f->pool));
    assert_int_equal(count, 0);
}

/* A query of only "&" once crashed others. */
static void survives_odd_queries(void **state)
{
    fixture *f = *state;
    static const char *const odd[] = {"", "&", "&&", "=", "&=&", "?", "a", "%", "&%&=%", "=&="};

    assert_null(ba_text_query_param(NULL, "b", NULL, f->pool));
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); ++i) {
        assert_null(ba_text_query_param(odd[i], "b", NULL, f->pool));
    }
}

static int has(fixture *f, const ba_words *words, const char *text)
{
    return ba_words_have(words, (ba_bytes){text, strlen(text)}, f->pool);
}

static void finds_words_in_any_form(void **state)
{
    fixture *f = *state;
    char lines[] = "password\r\n\nLetMeIn\nstra\xc3\x9f" "e123\n \xef\xac\x81 x\nqwerty";
    const ba_words *words = ba_words_create(lines, f->pool);
    char empty[] = "\n\r\n";

    assert_int_equal(ba_words_count(words), 5);
    assert_true(has(f, words, "password"));
    assert_true(has(f, words, "PassWord"));
    assert_true(has(f, words, "letmein"));
    assert_true(has(f, words, "qwerty"));
    assert_true(has(f, words, "STRASSE123"));
    assert_true(has(f, words, " fi x"));
    assert_true(has(f, words, "\xef\xbd\x91werty")); /* full width */
    assert_false(has(f, words, "password1"));
    assert_false(has(f, words, "passwor"));
    assert_false(has(f, words, "qwerty "));
    assert_false(has(f, words, ""));
    assert_false(ba_words_have(words, (ba_bytes){"qwerty\0", 7}, f->pool));
    assert_false(ba_words_have(NULL, (ba_bytes){"qwerty", 6}, f->pool));
    assert_int_equal(ba_words_count(ba_words_create(empty, f->pool)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(writes_dates),
        cmocka_unit_test(reads_dates_of_both_dialects),
        cmocka_unit_test(refuses_other_dates),
        cmocka_unit_test(counts_as_javascript),
        FIXTURE_TEST(counts_and_cuts_code_points),
        FIXTURE_TEST(latin1),
        FIXTURE_TEST(repairs_utf8_as_browsers_do),
        FIXTURE_TEST(url_encodes_as_javascript),
        FIXTURE_TEST(url_decodes),
        FIXTURE_TEST(lowers_ascii_only),
        FIXTURE_TEST(escapes_html),
        FIXTURE_TEST(finds_query_parameters),
        FIXTURE_TEST(survives_odd_queries),
        FIXTURE_TEST(finds_words_in_any_form),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
