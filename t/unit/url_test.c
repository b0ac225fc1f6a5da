/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_url.h"
#include "fixture.h"

static void reads_origins(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *text;
        const char *origin;
    } rows[] = {
        {"http://auth.test", "http://auth.test"},
        {"http://auth.test/", "http://auth.test"},
        {"http://auth.test/a/b?c=d#e", "http://auth.test"},
        {"http://auth.test?x", "http://auth.test"},
        {"http://auth.test#x", "http://auth.test"},
        {"HTTP://Auth.TEST/X", "http://auth.test"},
        {"http://auth.test:80/", "http://auth.test"},
        {"https://auth.test:443", "https://auth.test"},
        {"http://auth.test:443", "http://auth.test:443"},
        {"https://auth.test:80", "https://auth.test:80"},
        {"http://auth.test:0080/", "http://auth.test"},
        {"http://auth.test:8080/x", "http://auth.test:8080"},
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
        {"http://[::1]:8080/x", "http://[::1]:8080"},
        {"http://[::1]/", "http://[::1]"},
        {"http://localhost", "http://localhost"},
        {"https://a_b.x-y.example", "https://a_b.x-y.example"},
        {"https://auth.test//x", "https://auth.test"},
        {"https://auth.test/@evil.test", "https://auth.test"},
        {"https://auth.test?@evil.test", "https://auth.test"},
        {"https://auth.test#@evil.test", "https://auth.test"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        ba_url url;

        if (ba_url_parse(rows[i].text, &url, f->pool) != APR_SUCCESS) {
            fail_msg("refused: %s", rows[i].text);
        }
        assert_string_equal(ba_url_origin(&url, f->pool), rows[i].origin);
    }
}

/* Not absolute, or read in two ways by two readers. */
static void refuses_the_ambiguous(void **state)
{
    fixture *f = *state;
    static const char *const bad[] = {
        "", " ", "/", "//auth.test", "auth.test", "a/b", "?x", "#x", ":", "://",
        "http", "http:", "http:/", "http://", "http:///x", "http:auth.test", "http:/auth.test",
        "https:auth.test/x", "http:///auth.test", "http:\\\\auth.test", "http://auth.test\\@evil.test",
        "http://auth.test\\.evil.test", "http://evil.test\\auth.test", "http:/\\auth.test",
        " http://auth.test", "http://auth.test ", "http://au th.test", "ht\ttp://auth.test",
        "http://auth\n.test", "http://auth.test\r\nx: y", "http://auth.test/\x01", "http://auth.test/\x7f",
        "http://user@auth.test", "http://user:pw@auth.test", "http://auth.test@evil.test",
        "http://auth.test:80@evil.test", "http://:@auth.test", "http://@auth.test",
        "http://auth.test%2f.evil.test", "http://auth%2etest", "http://%61uth.test",
        "http://auth.test\xc2\xad", "http://\xef\xbd\x81uth.test", "http://auth\xe3\x80\x82test",
        "http://\xc3\xa4.test", "http://auth.test:", "http://auth.test:/x", "http://auth.test:x",
        "http://auth.test:8x", "http://auth.test:-1", "http://auth.test:+1", "http://auth.test:1:2",
        "http://auth.test:123456", "http://auth.test: 80", "http://auth;test", "http://auth,test",
        "http://auth<test", "http://auth^test", "http://auth|test", "http://auth`test",
        "http://auth*test", "http://[::1", "http://::1", "http://[::1]x", "http://[::1]x:80",
        "http://x[::1]", "http://[::1%25eth0]", "javascript:alert(1)",
        "JavaScript://a.test/%0aalert(1)", "data:text/html,x", "http://[]", "http://[::1]0",
        /* browsers spell these hosts otherwise, or read the scheme as http */
        "http://0x7f.1", "http://2130706433", "http://1.2.3", "http://0177.0.0.1", "http://1.2.3.4.",
        "http://a.0x", "http://a.b.09", "http://256.1.1.1", "http://[0:0:0:0:0:0:0:1]",
        "http://[::ffff:1.2.3.4]", "http://[::0001]", "http://[1::2::3]", "http://auth.test:65536",
        "myapp://home:65536", "myapp://:80", "ftp:auth.test", "ws:/auth.test", "wss:///auth.test", "ftp://1.2.3",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        ba_url url;

        if (ba_url_parse(bad[i], &url, f->pool) == APR_SUCCESS) {
            fail_msg("accepted: \"%s\" with authority \"%s\"", bad[i], url.authority);
        }
    }
}

static void reads_schemes_without_origin(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *text;
        const char *scheme, *authority, *path;
    } rows[] = {
        {"myapp://home/a?b", "myapp", "home", "/a"},
        {"MyApp://Home/A", "myapp", "home", "/A"},
        {"myapp://", "myapp", "", ""},
        {"ftp://Auth.test:21/x", "ftp", "auth.test", "/x"},
        {"wss://auth.test:80", "wss", "auth.test:80", ""},
        {"myapp:///x", "myapp", "", "/x"},
        {"com.example.app:callback", "com.example.app", "", "callback"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        ba_url url;

        if (ba_url_parse(rows[i].text, &url, f->pool) != APR_SUCCESS) {
            fail_msg("refused: %s", rows[i].text);
        }
        assert_string_equal(url.scheme, rows[i].scheme);
        assert_string_equal(url.authority, rows[i].authority);
        assert_string_equal(url.path, rows[i].path);
        assert_null(ba_url_origin(&url, f->pool));
    }
}

static void safe_paths(void **state)
{
    static const char *const good[] = {
        "/", "/x", "/x/y?z#f", "/a b", "/\"quoted\"", "/'", "/\xc3\xa9", "/..", "/../x", "/a/../b",
        "/@evil.test", "/a:b", "/a;b", "/%", "/%zz", "/%41", "/x?y=//evil.test", "/x?y=%2f%5C",
        "/x#%2f", "/x?\xe2\x82\xac", "/a//b", "/.", "/https://evil.test", "/?//evil.test",
    };
    static const char *const bad[] = {
        "", "x", "./x", "?x", "#x", " /x", "//", "//evil.test", "///evil.test", "/\\evil.test",
        "\\/evil.test", "\\\\evil.test", "/x\\y", "/x?y\\z", "/x#y\\z", "/\t/evil.test",
        "/\n/evil.test", "/\r/evil.test", "/x\x01", "/x?\x1f", "/x\x7f", "/%2fevil.test",
        "/%2Fevil.test", "/%5cevil.test", "/%5Cevil.test", "/a/%2f", "/x\xc2\x80", "/x\xc2\x9f",
        "/x?\xc2\x85", "http://auth.test/x", "javascript:alert(1)", "data:text/html,x",
        "/x\r\nSet-Cookie: a=b",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        if (!ba_url_safe_path(good[i])) {
            fail_msg("refused: %s", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        if (ba_url_safe_path(bad[i])) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    assert_true(ba_url_safe_path("/\xc2\xa0")); /* the first after C1 */
}

/* What npm's appendQueryParams() gives, but for paths it resolves. */
static void appends_a_parameter(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {"/", "/?error=X"},
        {"/a", "/a?error=X"},
        {"/a?", "/a?error=X"},
        {"/a?b", "/a?b&error=X"},
        {"/a?b=c&", "/a?b=c&error=X"},
        {"/a?error=Y", "/a?error=Y&error=X"},
        {"/a#f", "/a?error=X#f"},
        {"/a?b=c#f?g", "/a?b=c&error=X#f?g"},
        {"/a#", "/a?error=X#"},
        {"/a/../b", "/a/../b?error=X"},
        {"/a;b@c:d", "/a;b@c:d?error=X"},
        {"http://auth.test", "http://auth.test/?error=X"},
        {"http://auth.test/", "http://auth.test/?error=X"},
        {"http://auth.test?b", "http://auth.test/?b&error=X"},
        {"http://auth.test#f", "http://auth.test/?error=X#f"},
        {"https://app.example:8443/a?b#c", "https://app.example:8443/a?b&error=X#c"},
        {"myapp://open", "myapp://open?error=X"},
        {"myapp:open", "myapp:open?error=X"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_string_equal(ba_url_append(rows[i].text, "error", "X", f->pool), rows[i].expected);
    }
    assert_string_equal(ba_url_append("/a", "error", "a b&c=d#e%", f->pool), "/a?error=a+b%26c%3Dd%23e%25");
}

/* As URLSearchParams.set() does. */
static void sets_a_parameter(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {"/", "http://auth.test/?token=T"},
        {"/a?x=1", "http://auth.test/a?x=1&token=T"},
        {"/a?x=1#f", "http://auth.test/a?x=1&token=T#f"},
        {"/a?", "http://auth.test/a?token=T"},
        {"/a?&&x=1&", "http://auth.test/a?x=1&token=T"},
        {"/a?x", "http://auth.test/a?x=&token=T"},
        {"/a?=v", "http://auth.test/a?=v&token=T"},
        {"/a?token=old&x=1", "http://auth.test/a?token=T&x=1"},
        {"/a?x=1&token=old&y=2&token=older", "http://auth.test/a?x=1&token=T&y=2"},
        {"/a?t%6Fken=old", "http://auth.test/a?token=T"},
        {"/a?token", "http://auth.test/a?token=T"},
        {"/a?Token=old", "http://auth.test/a?Token=old&token=T"},
        {"/a?x=a+b%20c", "http://auth.test/a?x=a+b+c&token=T"},
        {"/a?x=%26%3d%23", "http://auth.test/a?x=%26%3D%23&token=T"},
        {"/a?x=~!*'()", "http://auth.test/a?x=%7E%21*%27%28%29&token=T"},
        {"/a?x=\xc3\xab", "http://auth.test/a?x=%C3%AB&token=T"},
        {"/a?x=a=b", "http://auth.test/a?x=a%3Db&token=T"},
        {"http://auth.test", "http://auth.test/?token=T"},
        {"https://app.example/a?x=1", "https://app.example/a?x=1&token=T"},
        {"https://app.example?x=1#f", "https://app.example/?x=1&token=T#f"},
        {"myapp://open/x", "myapp://open/x?token=T"},
        {"/a#?token=old", "http://auth.test/a?token=T#?token=old"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_string_equal(ba_url_set("http://auth.test", rows[i].text, "token", "T", f->pool),
                            rows[i].expected);
    }
    assert_string_equal(ba_url_set("http://auth.test", "/", "token", "a b\r\n&", f->pool),
                        "http://auth.test/?token=a+b%0D%0A%26");
}

/* Each of them once more in memory, not all of them for each. */
static void sets_one_of_many(void **state)
{
    fixture *f = *state;
    apr_size_t n = 200000;
    char *text = apr_palloc(f->pool, 2 * n + 3);

    memcpy(text, "/?", 2);
    for (apr_size_t i = 0; i < n; ++i) {
        memcpy(text + 2 + 2 * i, "a&", 2);
    }
    text[2 + 2 * n] = '\0';
    assert_int_equal(strlen(ba_url_set("http://auth.test", text, "token", "T", f->pool)),
                     strlen("http://auth.test/?token=T") + 3 * n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(reads_origins),
        FIXTURE_TEST(refuses_the_ambiguous),
        FIXTURE_TEST(reads_schemes_without_origin),
        cmocka_unit_test(safe_paths),
        FIXTURE_TEST(appends_a_parameter),
        FIXTURE_TEST(sets_a_parameter),
        FIXTURE_TEST(sets_one_of_many),
    };

    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
