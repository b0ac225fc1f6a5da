/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_origin.h"
#include "fixture.h"

static void trust(fixture *f, const char *pattern)
{
    APR_ARRAY_PUSH(f->settings.trusted_origins, const char *) = pattern;
}

static void assert_trust(fixture *f, const char *pattern, const char *value, int expected)
{
    apr_array_clear(f->settings.trusted_origins);
    if (pattern) {
        trust(f, pattern);
    }
    if (ba_origin_trusted(f->call, value) != expected) {
        fail_msg("%s %s with pattern %s", value, expected ? "refused" : "accepted",
                 pattern ? pattern : "(own origin)");
    }
}

static void own_origin(void **state)
{
    fixture *f = *state;
    static const char *const good[] = {"http://auth.test", "http://auth.test/", "HTTP://AUTH.test:80/x",
                                       "http://auth.test?x"};
    static const char *const bad[] = {
        "", "null", "auth.test", "//auth.test", "https://auth.test", "http://auth.test:8080",
        "http://auth.test.evil", "http://evil-auth.test", "http://evilauth.test",
        "http://auth.test@evil.test", "http://auth.test:80@evil.test", "http://evil.test/http://auth.test",
        "http://evil.test?http://auth.test", "http://evil.test#http://auth.test",
        "http://evil.test\\@auth.test", "http://auth.test\\.evil.test", "http://auth.test%2eevil.test",
        "http://auth.test%00.evil.test", "http:auth.test", "http:/auth.test", "http:///auth.test",
        "http://auth.test.", "http://www.auth.test", "ftp://auth.test", "javascript://auth.test/%0aalert(1)",
        "data:text/html,http://auth.test", "http://user@auth.test", " http://auth.test",
        "http://auth.test ", "http://auth\t.test", "http://a\xc5\xabth.test", "http://auth.tes",
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        assert_trust(f, NULL, good[i], 1);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_trust(f, NULL, bad[i], 0);
    }
}

/* http-api 6.4, row by row. */
static void patterns(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *pattern;
        const char *value;
        int trusted;
    } rows[] = {
        /* exact: the serialised origin, to the letter */
        {"https://app.example", "https://app.example/x", 1},
        {"https://app.example", "HTTPS://App.Example:443/x", 1},
        {"https://app.example", "http://app.example", 0},
        {"https://app.example", "https://app.example:8443", 0},
        {"https://app.example", "https://app.example.evil", 0},
        {"https://app.example/", "https://app.example/", 0},
        {"https://app.example:443", "https://app.example", 0},
        {"https://App.example", "https://app.example", 0},
        {"https://app.example/x", "https://app.example/x", 0},
        {"app.example", "https://app.example", 0},
        /* app schemes */
        {"myapp://", "myapp://anything/at/all", 1},
        {"myapp://", "myapp:callback", 1},
        {"myapp://", "myapp2://x", 0},
        {"myapp://", "my://x", 0},
        {"myapp://home", "myapp://HOME/x", 1},
        {"myapp://home", "myapp://homer/x", 0},
        {"myapp://home", "myapp://x/home", 0},
        {"myapp://home/cb", "myapp://home/cb", 1},
        {"myapp://home/", "myapp://home", 1},
        {"myapp://home/cb/", "myapp://home/cb/x", 1},
        {"myapp://home/cb", "myapp://home/cb/x?y", 1},
        {"myapp://home/cb", "myapp://home/cbx", 0},
        {"myapp://home/cb", "myapp://home/", 0},
        {"myapp://home/cb", "myapp://home/cb/../evil", 0},
        {"myapp://home/cb", "myapp://home/cb/%2e%2e/evil", 0},
        {"myapp://home", "https://home", 0},
        {"https://app.example", "myapp://app.example", 0},
        /* wildcard with scheme */
        {"https://*.x.example", "https://a.x.example", 1},
        {"https://*.x.example", "https://a.b.x.example/y?z", 1},
        {"https://*.x.example", "https://x.example", 0},
        {"https://*.x.example", "https://a.x.example:8443", 0},
        {"https://*.x.example", "http://a.x.example", 0},
        {"https://*.x.example", "https://ax.example", 0},
        {"https://*.x.example", "https://evil.test/.x.example", 0},
        {"https://*.x.example", "https://evil.test?.x.example", 0},
        {"https://*.x.example", "https://evil.test#.x.example", 0},
        {"https://*.x.example", "https://evil.test\\.x.example", 0},
        {"https://*.x.example", "https://evil.test%2f.x.example", 0},
        {"https://*.x.example", "https://evil.test@a.x.example", 0},
        {"https://*.x.example", "https://a.x.example.evil.test", 0},
        {"https://*.x.example", "https://a.x.example@evil.test", 0},
        {"https://*.X.example", "https://a.x.example", 0},
        {"http://localhost:*", "http://localhost:3000", 1},
        {"http://localhost:*", "http://localhost", 0},
        {"http://localhost:*", "http://localhost:3000.evil.test", 0},
        {"http://local?ost", "http://localhost", 1},
        {"http://local?ost", "http://locaost", 0},
        {"http?://localhost", "https://localhost", 1},
        {"http?://localhost", "http://localhost", 0},
        {"*://localhost", "https://localhost", 1},
        {"https://*", "https://anything", 1},
        {"https://*", "http://anything", 0},
        {"https://a**b", "https://a-x-b", 1},
        {"https://*a*b*c", "https://xaxbxc", 1},
        {"https://*a*b*c", "https://xaxcxb", 0},
        {"https://\\*.x.example", "https://a.x.example", 0},
        {"exp://*/--/cb", "exp://host/--/cb", 1},
        {"exp://*/--/cb", "exp://host/x/--/cb", 0},
        /* wildcard without scheme: host and port */
        {"*.x.example", "https://a.x.example/y", 1},
        {"*.x.example", "http://a.x.example", 1},
        {"*.x.example", "https://a.x.example:99", 0},
        {"*.x.example:99", "https://a.x.example:99", 1},
        {"*.x.example", "https://x.example", 0},
        {"*.x.example", "https://evil.test/a.x.example", 0},
        {"*.x.example", "a.x.example", 0},
        {"*.x.example", "//a.x.example", 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_trust(f, rows[i].pattern, rows[i].value, rows[i].trusted);
    }
}

/* A wildcard for hosts must not open the door to code (security.md WF-4). */
static void no_pattern_lets_scripts_in(void **state)
{
    fixture *f = *state;
    static const char *const wild[] = {"*.x.example", "*", "?.x.example", "https://*", "myapp://",
                                       "http*://a.x.example"};
    static const char *const scripts[] = {
        "javascript://a.x.example/%0aalert(1)",
        "javascript:alert(1)//a.x.example",
        "data://a.x.example/,x",
        "data:text/html,x",
        "vbscript://a.x.example/x",
        "JavaScript://a.x.example/%0aalert(1)",
    };

    for (size_t p = 0; p < sizeof(wild) / sizeof(wild[0]); ++p) {
        for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); ++i) {
            assert_trust(f, wild[p], scripts[i], 0);
        }
    }
}

/* One backtrack point: no pattern makes it slow. */
static void globs_in_bounded_time(void **state)
{
    fixture *f = *state;
    char *pattern = apr_pstrdup(f->pool, "https://*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");
    char *host = apr_palloc(f->pool, 4009);

    memcpy(host, "https://", 8);
    memset(host + 8, 'a', 4000);
    host[4008] = '\0';
    assert_trust(f, pattern, host, 0);
}

static void redirects(void **state)
{
    fixture *f = *state;
    static const char *const good[] = {"/", "/members?x=1", "http://auth.test/x",
                                       "https://app.example/y", "/@evil.test"};
    static const char *const bad[] = {
        "", "x", "./x", "?x", " /x", "//evil.test", "///evil.test", "////evil.test", "/\\evil.test",
        "/\\/evil.test", "\\\\evil.test", "/\t/evil.test", "/\n/evil.test", "/%2fevil.test",
        "/%5cevil.test", "https://evil.test", "https:evil.test", "https:/evil.test",
        "https:///evil.test", "https:\\\\evil.test", "https://app.example@evil.test",
        "https://app.example.evil.test", "https://app.example\\@evil.test",
        "https://evil.test#@app.example", "http://auth.test:8080/", "javascript:alert(1)",
        "JAVASCRIPT:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)",
        "data:text/html,<script>", "vbscript:x", "blob:http://auth.test/x",
        "file:///etc/passwd", "about:blank", "mailto:x@y.test", "http://auth.test\r\nX: y",
        "view-source:http://auth.test", "filesystem:http://auth.test/x",
    };

    trust(f, "https://app.example");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        if (!ba_origin_redirect_allowed(f->call, good[i])) {
            fail_msg("refused: %s", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        if (ba_origin_redirect_allowed(f->call, bad[i])) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

typedef struct request {
    const char *cookie, *origin, *referer, *site, *mode, *dest;
    const ba_error *plain; /* the answer of any endpoint */
    const ba_error *form;  /* of sign-in and sign-up */
} request;

static const ba_error *check(fixture *f, const request *r, int form)
{
    const struct {
        const char *name;
        const char *value;
    } headers[] = {{"Cookie", r->cookie}, {"Origin", r->origin}, {"Referer", r->referer},
                   {"Sec-Fetch-Site", r->site}, {"Sec-Fetch-Mode", r->mode},
                   {"Sec-Fetch-Dest", r->dest}};

    fixture_call(f, "POST", "/x");
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); ++i) {
        if (headers[i].value) {
            fixture_header(f, headers[i].name, headers[i].value);
        }
    }
    return form ? ba_origin_check_form(f->call) : ba_origin_check(f->call);
}

#define MISSING &ba_err_missing_origin
#define INVALID &ba_err_invalid_origin
#define BLOCKED &ba_err_cross_site
#define EVIL "http://evil.test"

/* http-api 6.1 and 6.2 */
static void csrf_table(void **state)
{
    fixture *f = *state;
    static const request rows[] = {
        /* cookie, origin, referer, site, mode, dest */
        {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
        {"a=b", NULL, NULL, NULL, NULL, NULL, MISSING, MISSING},
        {"", NULL, NULL, NULL, NULL, NULL, MISSING, MISSING},
        {"a=b", ORIGIN, NULL, NULL, NULL, NULL, NULL, NULL},
        {"a=b", EVIL, NULL, NULL, NULL, NULL, INVALID, INVALID},
        {"a=b", EVIL, ORIGIN "/x", NULL, NULL, NULL, INVALID, INVALID},
        {"a=b", "", ORIGIN "/x?y", NULL, NULL, NULL, NULL, NULL},
        {"a=b", NULL, ORIGIN "/x?y", NULL, NULL, NULL, NULL, NULL},
        {"a=b", NULL, ORIGIN "?a b\\c", NULL, NULL, NULL, NULL, NULL},
        {"a=b", NULL, EVIL "/" ORIGIN, NULL, NULL, NULL, INVALID, INVALID},
        {"a=b", NULL, EVIL "?" ORIGIN, NULL, NULL, NULL, INVALID, INVALID},
        {"a=b", NULL, "http://auth.test@evil.test/", NULL, NULL, NULL, INVALID, INVALID},
        {"a=b", NULL, "auth.test", NULL, NULL, NULL, INVALID, INVALID},
        {"a=b", "null", NULL, NULL, NULL, NULL, MISSING, MISSING},
        {"a=b", "null", ORIGIN "/x", NULL, NULL, NULL, MISSING, MISSING},
        {"a=b", "null", NULL, "same-origin", NULL, NULL, NULL, NULL},
        {"a=b", "null", NULL, "same-site", NULL, NULL, MISSING, MISSING},
        {"a=b", "null", NULL, "cross-site", "navigate", NULL, MISSING, MISSING},
        /* with a cookie the rules of 6.2 have nothing to add */
        {"a=b", ORIGIN, NULL, "cross-site", "navigate", "document", NULL, NULL},
        /* without cookies only the form endpoints look */
        {NULL, EVIL, NULL, NULL, NULL, NULL, NULL, INVALID},
        {NULL, NULL, EVIL "/x", NULL, NULL, NULL, NULL, INVALID},
        {NULL, ORIGIN, NULL, NULL, NULL, NULL, NULL, NULL},
        {NULL, NULL, ORIGIN "/x", NULL, NULL, NULL, NULL, NULL},
        {NULL, "null", NULL, NULL, NULL, NULL, NULL, MISSING},
        {NULL, "null", NULL, "same-origin", "navigate", "document", NULL, NULL},
        {NULL, EVIL, NULL, "cross-site", "navigate", "document", NULL, BLOCKED},
        {NULL, ORIGIN, NULL, "cross-site", "navigate", "document", NULL, BLOCKED},
        {NULL, EVIL, NULL, "cross-site", "cors", "empty", NULL, INVALID},
        {NULL, ORIGIN, NULL, "same-origin", "navigate", "document", NULL, NULL},
        {NULL, ORIGIN, NULL, "same-origin", "cors", "empty", NULL, NULL},
        {NULL, NULL, NULL, NULL, "cors", NULL, NULL, MISSING},
        {NULL, NULL, NULL, "none", NULL, NULL, NULL, MISSING},
        {NULL, NULL, NULL, NULL, NULL, "document", NULL, MISSING},
        {NULL, " ", " ", " ", "", "\t", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const ba_error *plain = check(f, &rows[i], 0), *form = check(f, &rows[i], 1);

        if (plain != rows[i].plain || form != rows[i].form) {
            fail_msg("row %d: %s and %s", (int)i, plain ? plain->code : "good",
                     form ? form->code : "good");
        }
    }
}

/* Origin null with same-origin counts as the Host, which an attacker may choose. */
static void a_null_origin_is_the_host(void **state)
{
    fixture *f = *state;
    static const request r = {"a=b", "null", NULL, "same-origin", NULL, NULL, NULL, NULL};

    assert_null(check(f, &r, 0));
    fixture_header(f, "Host", "evil.test");
    assert_ptr_equal(ba_origin_check(f->call), INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(own_origin),
        FIXTURE_TEST(patterns),
        FIXTURE_TEST(no_pattern_lets_scripts_in),
        FIXTURE_TEST(globs_in_bounded_time),
        FIXTURE_TEST(redirects),
        FIXTURE_TEST(csrf_table),
        FIXTURE_TEST(a_null_origin_is_the_host),
    };

    return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
