/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_cookie.h"
#include "fixture.h"

#include <time.h>

#define NAME "better-auth.session_token"
#define DATA "better-auth.session_data"
#define REMEMBER "better-auth.dont_remember"

static const char *get(fixture *f, const char *header, const char *name)
{
    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Cookie", header);
    return ba_cookie_get(f->call, name);
}

static void assert_get(fixture *f, const char *header, const char *expected)
{
    const char *value = get(f, header, "a");

    if (!value != !expected || (value && strcmp(value, expected))) {
        fail_msg("\"%s\" gives \"%s\"", header, value ? value : "(none)");
    }
}

static void reads_cookies(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *header;
        const char *value;
    } rows[] = {
        {"a=1", "1"},
        {"a=1; b=2", "1"},
        {"b=2; a=1", "1"},
        {"b=2;a=1", "1"},
        {" \t a \t = \t 1 \t ; b=2", "1"},
        {"a=1; a=2", "1"}, /* the first counts, as in npm */
        {"b=2; a=1; a=3", "1"},
        {"a=", ""},
        {"a=; a=2", ""},
        {"a=\"1\"", "1"},
        {"a=\"\"", ""},
        {"a=\"", "\""},
        {"a=\"1", "\"1"},
        {"a=1\"", "1\""},
        {"a=x=y=", "x=y="},
        {"a=%31", "1"},
        {"a=%2b%2F%3d", "+/="},
        {"a=\"%2b\"", "+"},
        {"a=x+y", "x+y"},
        {"a=x y", "x y"},
        {"; a=1", "1"},
        {"; ; ;a=1;;", "1"},
        {"a; a=1", "1"}, /* without "=" it is not a pair */
        {"=; a=1", "1"},
        {"=a=1; a=2", "2"},
        {"A=2", NULL}, /* names differ by case */
        {"ab=2; b.a=3; aa=4", NULL},
        {"b=a=1", NULL},
        {"b=\"; a=1; \"", "1"}, /* quotes do not protect */
        {"b=1, a=2", NULL}, /* HTTP/1.1 merges with a comma: it is part of the value */
        {"", NULL},
        {" ", NULL},
        {";", NULL},
        {"; ;", NULL},
        {"a", NULL},
        {"=", NULL},
        {";;;;=;;=a", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_get(f, rows[i].header, rows[i].value);
    }
    fixture_call(f, "GET", "/");
    assert_null(ba_cookie_get(f->call, "a"));
}

static void a_nul_does_not_cut(void **state)
{
    fixture *f = *state;

    assert_get(f, "a=1%002", "1%002");
}

static void a_thousand_pairs(void **state)
{
    fixture *f = *state;
    char *header = apr_palloc(f->pool, 200000), *p = header;
    clock_t start = clock();

    for (int i = 0; i < 1000; ++i) {
        p += apr_snprintf(p, 100, "n%d=%d; ", i, i);
    }
    memcpy(p, "a=here", 7);
    assert_get(f, header, "here");
    /* 100 KB of what is no pair */
    memset(header, ';', 100000);
    memcpy(header + 100000, "a=here", 7);
    assert_get(f, header, "here");
    memset(header, '=', 100000);
    memcpy(header + 100000, ";a=here", 8);
    assert_get(f, header, "here");
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 0.1);
}

static const char *signed_value(fixture *f)
{
    unsigned char mac[BA_MAC_BYTES];
    const char *value;
    apr_status_t rv = ba_cookie_open(f->call, NAME, &value, mac);

    assert_int_equal(rv, value ? APR_SUCCESS : APR_NOTFOUND);
    return value;
}

static const char *get_signed(fixture *f, const char *value)
{
    fixture_call(f, "GET", "/get-session");
    fixture_header(f, "Cookie", apr_pstrcat(f->pool, NAME "=", value, NULL));
    return signed_value(f);
}

static void reads_signed_cookies(void **state)
{
    fixture *f = *state;

    assert_string_equal(get_signed(f, COOKIE_TOKEN), TOKEN);
    assert_string_equal(get_signed(f, SIGNED_TOKEN), TOKEN); /* not encoded */
    assert_string_equal(get_signed(f, "\"" COOKIE_TOKEN "\""), TOKEN);
    assert_string_equal(get_signed(f, TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ%3d"), TOKEN);
    assert_string_equal(get_signed(f, "%61bcdefghijklmnopqrstuvwxyzABCDEF"
                                      "%2EM2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ="),
                        TOKEN);
    assert_null(get_signed(f, TOKEN));
    assert_null(get_signed(f, ""));
    assert_null(get_signed(f, TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jR%3D"));
    assert_null(get_signed(f, TOKEN "%00.M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ%3D"));
    assert_null(get_signed(f, COOKIE_TOKEN "%00"));
    assert_null(get_signed(f, COOKIE_TOKEN "x"));
    assert_null(get_signed(f, SIGNED_TOKEN "=")); /* one "=" too many */
}

/* A broken first cookie hides a good second one, as it does in npm. */
static void the_first_of_duplicates_is_the_one(void **state)
{
    fixture *f = *state;

    fixture_header(f, "Cookie", NAME "=evil; " NAME "=" COOKIE_TOKEN);
    assert_null(signed_value(f));
    fixture_header(f, "Cookie", NAME "=" COOKIE_TOKEN "; " NAME "=evil");
    assert_string_equal(signed_value(f), TOKEN);
}

static void writes_signed_cookies(void **state)
{
    fixture *f = *state;

    assert_int_equal(ba_cookie_set_signed(f->call, NAME, TOKEN, 604800), APR_SUCCESS);
    assert_string_equal(fixture_cookie(f, NAME), NAME "=" COOKIE_TOKEN
                                                      "; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax");
    assert_int_equal(ba_cookie_set_signed(f->call, NAME, TOKEN, BA_COOKIE_BROWSER), APR_SUCCESS);
    assert_string_equal(fixture_cookie(f, NAME),
                        NAME "=" COOKIE_TOKEN "; Path=/; HttpOnly; SameSite=Lax");
    assert_int_equal(apr_table_elts(f->call->answer.cookies)->nelts, 1);
}

static void signs_with_the_first_secret(void **state)
{
    fixture *f = *state;
    static const ba_bytes old = {"ffffffffeeeeeeeeddddddddcccccccc", 32};

    APR_ARRAY_PUSH(f->settings.secrets, ba_bytes) = old;
    ba_cookie_set_signed(f->call, NAME, TOKEN, BA_COOKIE_BROWSER);
    assert_non_null(strstr(fixture_cookie(f, NAME), COOKIE_TOKEN));
}

static void attributes_follow_the_settings(void **state)
{
    fixture *f = *state;

    f->settings.base_url = "https://auth.test";
    f->settings.cookie_domain = "example.com";
    f->settings.cookie_prefix = "site";
    ba_settings_finish(&f->settings, f->pool);
    assert_string_equal(f->settings.session_cookie, "__Secure-site.session_token");
    assert_string_equal(f->settings.data_cookie, "__Secure-site.session_data");
    assert_string_equal(f->settings.remember_cookie, "__Secure-site.dont_remember");
    ba_cookie_delete(f->call, "__Secure-site.session_token");
    assert_string_equal(fixture_cookie(f, "__Secure-site.session_token"),
                        "__Secure-site.session_token=; Max-Age=0; Domain=example.com; Path=/; "
                        "HttpOnly; Secure; SameSite=Lax");
    f->settings.secure_cookies = BA_OFF;
    ba_settings_finish(&f->settings, f->pool);
    assert_string_equal(f->settings.session_cookie, "site.session_token");
    f->settings.base_url = ORIGIN;
    f->settings.secure_cookies = BA_ON;
    ba_settings_finish(&f->settings, f->pool);
    assert_string_equal(f->settings.session_cookie, "__Secure-site.session_token");
}

static void a_deletion_replaces_what_was_set(void **state)
{
    fixture *f = *state;

    ba_cookie_set_signed(f->call, NAME, TOKEN, 604800);
    ba_cookie_delete(f->call, NAME);
    assert_int_equal(apr_table_elts(f->call->answer.cookies)->nelts, 1);
    assert_string_equal(fixture_cookie(f, NAME),
                        NAME "=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
}

static void deletes_chunks(void **state)
{
    fixture *f = *state;

    fixture_header(f, "Cookie",
                   DATA ".0=x; " DATA ".1=y; " DATA ".99=z; " DATA ".0=again; " DATA ".100=far; " DATA
                        ".99999999=far; " DATA ".=x; " DATA ".a=x; " DATA ".1a=x; " DATA ".-1=x; " DATA
                        "0=x; " DATA "=whole; x" DATA ".3=x; other.4=x");
    ba_cookie_delete_chunks(f->call, DATA);
    assert_int_equal(apr_table_elts(f->call->answer.cookies)->nelts, 3);
    assert_string_equal(fixture_cookie(f, DATA ".0"),
                        DATA ".0=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
    assert_non_null(fixture_cookie(f, DATA ".1"));
    assert_non_null(fixture_cookie(f, DATA ".99"));
}

/* The request says how many chunks there are: the answer stays bounded (SE-13). */
static void many_chunks_are_bounded(void **state)
{
    fixture *f = *state;
    char *header = apr_palloc(f->pool, 200000), *p = header;

    for (int i = 0; i < 2000; ++i) {
        p += apr_snprintf(p, 100, DATA ".%d=x;", i);
    }
    fixture_header(f, "Cookie", header);
    ba_cookie_delete_chunks(f->call, DATA);
    assert_true(apr_table_elts(f->call->answer.cookies)->nelts <= 110);
}

static void keeps_what_is_not_ours(void **state)
{
    fixture *f = *state;
    static const char *const rows[][2] = {
        {"", NULL},
        {";", NULL},
        {NAME "=x", NULL},
        {" " NAME " = x ;;" REMEMBER "=y;" DATA "=", NULL},
        {DATA ".0=a; " DATA ".17=b", NULL},
        {"a=b", "a=b"},
        {"a=b; " NAME "=x; c=d", "a=b; c=d"},
        {"a;" NAME ";b=", "a; b="},
        {NAME "x=1;x" NAME "=2;" DATA "x=3", NAME "x=1; x" NAME "=2; " DATA "x=3"},
        {"BETTER-AUTH.session_token=x", "BETTER-AUTH.session_token=x"},
    };

    assert_null(ba_cookie_others(f->call));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const char *left;

        fixture_header(f, "Cookie", rows[i][0]);
        left = ba_cookie_others(f->call);
        if (rows[i][1]) {
            assert_string_equal(left, rows[i][1]);
        }
        else {
            assert_null(left);
        }
    }
}

/* As many as the lines of a request may hold; what is made of them is not many times as long. */
static void many_that_are_not_ours(void **state)
{
    fixture *f = *state;
    apr_size_t n = 400000;
    char *header = apr_palloc(f->pool, 2 * n + 1);
    const char *left;

    for (apr_size_t i = 0; i < n; ++i) {
        memcpy(header + 2 * i, "a;", 2);
    }
    header[2 * n] = '\0';
    fixture_header(f, "Cookie", header);
    left = ba_cookie_others(f->call);
    assert_int_equal(strlen(left), 3 * n - 2);
    assert_memory_equal(left, "a; a; a", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(reads_cookies),
        FIXTURE_TEST(a_nul_does_not_cut),
        FIXTURE_TEST(a_thousand_pairs),
        FIXTURE_TEST(reads_signed_cookies),
        FIXTURE_TEST(the_first_of_duplicates_is_the_one),
        FIXTURE_TEST(writes_signed_cookies),
        FIXTURE_TEST(signs_with_the_first_secret),
        FIXTURE_TEST(attributes_follow_the_settings),
        FIXTURE_TEST(a_deletion_replaces_what_was_set),
        FIXTURE_TEST(deletes_chunks),
        FIXTURE_TEST(many_chunks_are_bounded),
        FIXTURE_TEST(keeps_what_is_not_ours),
        FIXTURE_TEST(many_that_are_not_ours),
    };

    return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
