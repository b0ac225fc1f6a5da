/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_jwt.h"
#include "ba_mac.h"
#include "fixture.h"

#include <apr_encode.h>

/* The token of http-api 12. */
#define EMAIL_TOKEN                                                                                \
    "eyJhbGciOiJIUzI1NiJ9."                                                                        \
    "eyJlbWFpbCI6InpvZUBleGFtcGxlLmNvbSIsImlhdCI6MTg5MzQ1NjAwMCwiZXhwIjoxODkzNDU5NjAwfQ."          \
    "5p2u2XjexbTo6DiDqe5issRml6waf49wtjUn1CQ6lDQ"

static const ba_bytes secret = {SECRET, sizeof(SECRET) - 1};

static apr_status_t verify_at(fixture *f, const char *token, ba_time now)
{
    json_t *claims;

    return ba_jwt_verify(f->settings.secrets, token, now, &claims, f->pool);
}

/* A token of this header and these claims, signed as it should be. */
static const char *forge(fixture *f, const char *header, const char *claims)
{
    int flags = APR_ENCODE_URL | APR_ENCODE_NOPADDING;
    const char *text
        = apr_pstrcat(f->pool, apr_pencode_base64(f->pool, header, APR_ENCODE_STRING, flags, NULL),
                      ".", apr_pencode_base64(f->pool, claims, APR_ENCODE_STRING, flags, NULL), NULL);
    ba_bytes bytes = {text, strlen(text)};
    unsigned char mac[BA_MAC_BYTES];

    assert_int_equal(ba_mac_bytes(secret, bytes, mac), APR_SUCCESS);
    return apr_pstrcat(f->pool, text, ".",
                       apr_pencode_base64(f->pool, (char *)mac, sizeof(mac), flags, NULL), NULL);
}

static void signs_as_better_auth(void **state)
{
    fixture *f = *state;
    json_t *claims = ba_json_object(f->pool);

    json_object_set_new(claims, "email", json_string("zoe@example.com"));
    json_object_set_new(claims, "iat", json_integer(1893456000));
    json_object_set_new(claims, "exp", json_integer(1893459600));
    assert_string_equal(ba_jwt_sign(secret, claims, f->pool), EMAIL_TOKEN);
}

static void verifies_what_better_auth_signed(void **state)
{
    fixture *f = *state;
    json_t *claims = NULL;

    assert_int_equal(ba_jwt_verify(f->settings.secrets, EMAIL_TOKEN, NOW, &claims, f->pool),
                     APR_SUCCESS);
    assert_string_equal(json_string_value(json_object_get(claims, "email")), "zoe@example.com");
}

static void expires_at_the_second_it_says(void **state)
{
    fixture *f = *state;

    assert_int_equal(verify_at(f, EMAIL_TOKEN, BA_MS(1893459600) - 1), APR_SUCCESS);
    assert_int_equal(verify_at(f, EMAIL_TOKEN, BA_MS(1893459600)), APR_TIMEUP);
}

static void refuses_forged_headers(void **state)
{
    fixture *f = *state;
    static const char claims[] = "{\"email\":\"zoe@example.com\",\"exp\":1893459600}";
    static const char *const bad[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"HS512\"}",
        "{\"alg\":\"HS384\"}",
        "{\"alg\":\"hs256\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"ES256\"}",
        "{\"alg\":\"HS256 \"}",
        "{\"alg\":[\"HS256\"]}",
        "{\"alg\":null}",
        "{\"alg\":256}",
        "{}",
        "[]",
        "\"HS256\"",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWE\"}",
        "{\"alg\":\"HS256\",\"typ\":1}",
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}",
        "{\"alg\":\"HS256\",\"jku\":\"https://evil.example/keys\"}",
        "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}",
        "{\"alg\":\"HS256\",\"x5u\":\"https://evil.example/\"}",
        "{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}",
        "{\"alg\":\"HS256\"",
        "",
    };

    assert_int_equal(verify_at(f, forge(f, "{\"alg\":\"HS256\"}", claims), NOW), APR_SUCCESS);
    assert_int_equal(verify_at(f, forge(f, "{\"typ\":\"JWT\",\"alg\":\"HS256\"}", claims), NOW),
                     APR_SUCCESS);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_int_equal(verify_at(f, forge(f, bad[i], claims), NOW), APR_EINVAL);
    }
}

static void wants_an_expiry_it_can_believe(void **state)
{
    fixture *f = *state;
    static const char *const bad[] = {
        "{}",
        "{\"exp\":null}",
        "{\"exp\":\"1893459600\"}",
        "{\"exp\":true}",
        "{\"exp\":[1893459600]}",
        "{\"exp\":-1}",
        "{\"exp\":1e300}",
        "{\"exp\":253402300800}",
        "[1893459600]",
        "1893459600",
        "null",
        "",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_int_equal(verify_at(f, forge(f, "{\"alg\":\"HS256\"}", bad[i]), NOW), APR_EINVAL);
    }
    assert_int_equal(verify_at(f, forge(f, "{\"alg\":\"HS256\"}", "{\"exp\":1}"), NOW), APR_TIMEUP);
}

static void refuses_other_shapes(void **state)
{
    fixture *f = *state;
    static const char *const bad[] = {
        "",
        ".",
        "..",
        "...",
        "a.b",
        EMAIL_TOKEN ".",
        "." EMAIL_TOKEN,
        EMAIL_TOKEN "=",
        EMAIL_TOKEN " ",
        " " EMAIL_TOKEN,
        EMAIL_TOKEN "\n",
        EMAIL_TOKEN "A",
        SIGNED_TOKEN,
    };
    char *changed;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_int_equal(verify_at(f, bad[i], NOW), APR_EINVAL);
    }
    /* no byte of it may change */
    for (size_t i = 0; i < sizeof(EMAIL_TOKEN) - 1; ++i) {
        changed = apr_pstrdup(f->pool, EMAIL_TOKEN);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(verify_at(f, changed, NOW), APR_EINVAL);
    }
}

static void knows_every_secret(void **state)
{
    fixture *f = *state;
    apr_array_header_t *secrets = apr_array_make(f->pool, 2, sizeof(ba_bytes));
    json_t *claims;

    APR_ARRAY_PUSH(secrets, ba_bytes) = (ba_bytes){"another secret of 32 characters!", 32};
    assert_int_equal(ba_jwt_verify(secrets, EMAIL_TOKEN, NOW, &claims, f->pool), APR_EINVAL);
    APR_ARRAY_PUSH(secrets, ba_bytes) = secret;
    assert_int_equal(ba_jwt_verify(secrets, EMAIL_TOKEN, NOW, &claims, f->pool), APR_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(signs_as_better_auth),
        FIXTURE_TEST(verifies_what_better_auth_signed),
        FIXTURE_TEST(expires_at_the_second_it_says),
        FIXTURE_TEST(refuses_forged_headers),
        FIXTURE_TEST(wants_an_expiry_it_can_believe),
        FIXTURE_TEST(refuses_other_shapes),
        FIXTURE_TEST(knows_every_secret),
    };

    return cmocka_run_group_tests_name("jwt", tests, NULL, NULL);
}
