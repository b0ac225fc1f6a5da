/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_jwe.h"
#include "fixture.h"

#include <apr_encode.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

/* The token, key and names of http-api 12. */
#define KID "42HBlsUuXM5gM9y6ey-lXZH8sMFG35cW8yXVkaluiG8"
#define TOKEN_EXPIRES 2110586634
#define SAMPLE                                                                                     \
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiNDJIQmxzVXVYTTVnTTl5NmV5LWxYWkg4c01G" \
    "RzM1Y1c4eVhWa2FsdWlHOCJ9..fth05jNSZOZMa094jX1TBg."                                             \
    "ppoMsCt5we-lf680y4wIAmFBS_PBtt7hSkMhu87sCrRLDtFTCry_BwgUNGifwARK9ShhHzLrDfPaXny9f-ytkgnOxpxl" \
    "PJxiZ2WdIlpYJ0y6bDTgTZ_KmH4AKlglaZUjYEp4vOxUohHrZeMpzf7IWw."                                   \
    "WYbBIzh9RKGhcDoYvAyXuILh4YIHcXGhUYr6dFPeBCI"
#define HEADER "{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\",\"kid\":\"" KID "\"}"

static const ba_jwe_key *key(fixture *f)
{
    return &APR_ARRAY_IDX(f->settings.cache_keys, 0, ba_jwe_key);
}

static apr_status_t read_at(fixture *f, const char *token, ba_time now)
{
    json_t *claims;

    return ba_jwe_decrypt(f->settings.cache_keys, token, now, &claims, f->pool);
}

static const char *base64(fixture *f, const void *bytes, size_t len)
{
    return apr_pencode_base64(f->pool, bytes, (apr_ssize_t)len,
                              APR_ENCODE_URL | APR_ENCODE_NOPADDING, NULL);
}

/* A token of this header and text, made as it should be, by our key. */
static const char *forge(fixture *f, const char *header, const char *text)
{
    static const unsigned char iv[16] = "sixteen bytes ..";
    const char *aad = base64(f, header, strlen(header));
    size_t aad_len = strlen(aad);
    unsigned char *all = apr_pcalloc(f->pool, aad_len + 16 + strlen(text) + 32 + 8), mac[64];
    unsigned char *cipher = all + aad_len + 16;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n, last;
    size_t len;

    EVP_EncryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, key(f)->bytes + 32, iv);
    EVP_EncryptUpdate(ctx, cipher, &n, (const unsigned char *)text, (int)strlen(text));
    EVP_EncryptFinal_ex(ctx, cipher + n, &last);
    EVP_CIPHER_CTX_free(ctx);
    memcpy(all, aad, aad_len);
    memcpy(all + aad_len, iv, 16);
    len = aad_len + 16 + (size_t)(n + last);
    all[len + 6] = (unsigned char)(aad_len * 8 >> 8);
    all[len + 7] = (unsigned char)(aad_len * 8);
    HMAC(EVP_sha512(), key(f)->bytes, 32, all, len + 8, mac, NULL);
    return apr_pstrcat(f->pool, aad, "..", base64(f, iv, 16), ".",
                       base64(f, cipher, (size_t)(n + last)), ".", base64(f, mac, 32), NULL);
}

static const char *hex(fixture *f, const ba_jwe_key *k)
{
    char *out = apr_palloc(f->pool, sizeof(k->bytes) * 2 + 1);

    for (size_t i = 0; i < sizeof(k->bytes); ++i) {
        apr_snprintf(out + 2 * i, 3, "%02x", k->bytes[i]);
    }
    return out;
}

static void derives_the_keys(void **state)
{
    fixture *f = *state;
    const apr_array_header_t *account
        = ba_jwe_keys(f->settings.secrets, "better-auth-account", f->pool);

    assert_string_equal(hex(f, key(f)),
                        "19b3d82cf97a9e0fa45a2d1160ae469d0a1a56e895166a826e978942ab1e9cbe"
                        "6a7f0ddbcaba818572b78576e685e9572d3d3d0acb925279682acf20694129c7");
    assert_string_equal(key(f)->kid, KID);
    assert_string_equal(hex(f, &APR_ARRAY_IDX(account, 0, ba_jwe_key)),
                        "cbc58259a430a52731145e6092162c4072522c2131f06e0a3cd5c8fd12b19534"
                        "123c0f79217d6aaf33ad26daa36e0d20ddcc26669121395925f64d3c60a395d3");
    assert_string_equal(APR_ARRAY_IDX(account, 0, ba_jwe_key).kid,
                        "ks4OMNeGm-QOb6qBblKCuT-hsja38OXcbqLM_CnRzB0");
    assert_int_equal(ba_jwe_decrypt(account, SAMPLE, NOW, &(json_t *){NULL}, f->pool), APR_EINVAL);
}

static void reads_what_better_auth_wrote(void **state)
{
    fixture *f = *state;
    json_t *claims = NULL;

    assert_int_equal(ba_jwe_decrypt(f->settings.cache_keys, SAMPLE, NOW, &claims, f->pool),
                     APR_SUCCESS);
    assert_string_equal(json_string_value(json_object_get(claims, "hello")), "world");
    assert_string_equal(json_string_value(json_object_get(claims, "jti")),
                        "49c84239-bf76-4ad7-b70b-d96b138e302b");
}

static void allows_clocks_to_differ(void **state)
{
    fixture *f = *state;

    assert_int_equal(read_at(f, SAMPLE, BA_MS(TOKEN_EXPIRES + 15) - 1), APR_SUCCESS);
    assert_int_equal(read_at(f, SAMPLE, BA_MS(TOKEN_EXPIRES + 15)), APR_TIMEUP);
}

static void no_byte_may_change(void **state)
{
    fixture *f = *state;

    for (size_t i = 0; i < sizeof(SAMPLE) - 1; ++i) {
        char *changed = apr_pstrdup(f->pool, SAMPLE);

        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        /* the last character of a part has bits that say nothing */
        if (read_at(f, changed, NOW) != APR_EINVAL
            && (SAMPLE[i + 1] != '.' && SAMPLE[i + 1] != '\0')) {
            fail_msg("byte %d", (int)i);
        }
        changed[i] = '\0';
        assert_int_equal(read_at(f, changed, NOW), APR_EINVAL);
    }
}

static void refuses_other_headers(void **state)
{
    fixture *f = *state;
    static const char claims[] = "{\"exp\":1893459600}";
    static const char *const bad[] = {
        "{\"alg\":\"A256KW\",\"enc\":\"A256CBC-HS512\"}",
        "{\"alg\":\"none\",\"enc\":\"A256CBC-HS512\"}",
        "{\"alg\":\"dir\",\"enc\":\"A256GCM\"}",
        "{\"alg\":\"dir\",\"enc\":\"A128CBC-HS256\"}",
        "{\"alg\":\"dir\"}",
        "{\"enc\":\"A256CBC-HS512\"}",
        "{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\",\"zip\":\"DEF\"}",
        "{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\",\"kid\":\"" KID "\",\"zip\":\"DEF\"}",
        "{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\",\"kid\":\"ks4OMNeGm-QOb6qBblKCuT-hsja38OXcbqLM_CnRzB0\"}",
        "{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\",\"kid\":\"\"}",
        "{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\",\"kid\":null}",
        "[]",
        "",
    };

    assert_int_equal(read_at(f, forge(f, HEADER, claims), NOW), APR_SUCCESS);
    assert_int_equal(read_at(f, forge(f, "{\"enc\":\"A256CBC-HS512\",\"alg\":\"dir\"}", claims), NOW),
                     APR_SUCCESS);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_int_equal(read_at(f, forge(f, bad[i], claims), NOW), APR_EINVAL);
    }
}

static void wants_claims_that_expire(void **state)
{
    fixture *f = *state;
    static const char *const bad[] = {
        "{}", "{\"exp\":null}", "{\"exp\":\"1893459600\"}", "{\"exp\":-1}", "{\"exp\":1e300}",
        "{\"exp\":253402300800}", "[1893459600]", "null", "", "{",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_int_equal(read_at(f, forge(f, HEADER, bad[i]), NOW), APR_EINVAL);
    }
    assert_int_equal(read_at(f, forge(f, HEADER, "{\"exp\":1}"), NOW), APR_TIMEUP);
}

static void refuses_other_shapes(void **state)
{
    fixture *f = *state;
    char *huge = apr_palloc(f->pool, 100001);
    static const char *const bad[] = {
        "", ".", "..", "....", ".....", "a.b.c", "a..b.c.d", "a..b.c.d.e", SAMPLE ".", SAMPLE "=",
        "." SAMPLE, SAMPLE "\n", " " SAMPLE, SIGNED_TOKEN, "..fth05jNSZOZMa094jX1TBg..",
        "e30..fth05jNSZOZMa094jX1TBg..WYbBIzh9RKGhcDoYvAyXuILh4YIHcXGhUYr6dFPeBCI",
        "e30..fth05jNSZOZMa094jX1TBg.AAAA.WYbBIzh9RKGhcDoYvAyXuILh4YIHcXGhUYr6dFPeBCI",
        "e30..fth05jNSZOZMa094jX1TBgAA.AAAA.WYbBIzh9RKGhcDoYvAyXuILh4YIHcXGhUYr6dFPeBCI",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_int_equal(read_at(f, bad[i], NOW), APR_EINVAL);
    }
    memset(huge, '.', 100000);
    huge[100000] = '\0';
    assert_int_equal(read_at(f, huge, NOW), APR_EINVAL);
}

static void writes_what_it_reads(void **state)
{
    fixture *f = *state;
    json_t *claims = ba_json_object(f->pool), *back;
    const char *first, *second, *id;

    json_object_set_new(claims, "a", json_string("\xc3\xa9"));
    json_object_set_new(claims, "exp", json_integer(1893459600));
    first = ba_jwe_encrypt(key(f), claims, f->pool);
    assert_int_equal(strncmp(first, SAMPLE, strlen(base64(f, HEADER, strlen(HEADER))) + 2), 0);
    assert_int_equal(ba_jwe_decrypt(f->settings.cache_keys, first, NOW, &back, f->pool), APR_SUCCESS);
    assert_string_equal(json_string_value(json_object_get(back, "a")), "\xc3\xa9");
    id = json_string_value(json_object_get(back, "jti"));
    assert_int_equal(strlen(id), 36);
    assert_int_equal(id[14], '4');
    second = ba_jwe_encrypt(key(f), claims, f->pool);
    assert_string_not_equal(first, second);
}

static void knows_every_secret(void **state)
{
    fixture *f = *state;
    apr_array_header_t *secrets = apr_array_make(f->pool, 2, sizeof(ba_bytes));
    const apr_array_header_t *keys;
    const char *nameless = forge(f, "{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\"}", "{\"exp\":1893459600}");
    json_t *claims;

    APR_ARRAY_PUSH(secrets, ba_bytes) = (ba_bytes){"another secret of 32 characters!", 32};
    keys = ba_jwe_keys(secrets, "better-auth-session", f->pool);
    assert_int_equal(ba_jwe_decrypt(keys, SAMPLE, NOW, &claims, f->pool), APR_EINVAL);
    assert_int_equal(ba_jwe_decrypt(keys, nameless, NOW, &claims, f->pool), APR_EINVAL);
    APR_ARRAY_PUSH(secrets, ba_bytes) = (ba_bytes){SECRET, 32};
    keys = ba_jwe_keys(secrets, "better-auth-session", f->pool);
    assert_int_equal(ba_jwe_decrypt(keys, SAMPLE, NOW, &claims, f->pool), APR_SUCCESS);
    assert_int_equal(ba_jwe_decrypt(keys, nameless, NOW, &claims, f->pool), APR_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(derives_the_keys),
        FIXTURE_TEST(reads_what_better_auth_wrote),
        FIXTURE_TEST(allows_clocks_to_differ),
        FIXTURE_TEST(no_byte_may_change),
        FIXTURE_TEST(refuses_other_headers),
        FIXTURE_TEST(wants_claims_that_expire),
        FIXTURE_TEST(refuses_other_shapes),
        FIXTURE_TEST(writes_what_it_reads),
        FIXTURE_TEST(knows_every_secret),
    };

    return cmocka_run_group_tests_name("jwe", tests, NULL, NULL);
}
