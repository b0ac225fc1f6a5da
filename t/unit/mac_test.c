/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_mac.h"
#include "fixture.h"

static const char *opened(const apr_array_header_t *secrets, const char *text, apr_pool_t *pool)
{
    unsigned char mac[BA_MAC_BYTES];
    const char *value;
    apr_status_t rv = ba_mac_open(secrets, text, &value, mac, pool);

    assert_int_equal(rv, value ? APR_SUCCESS : APR_NOTFOUND);
    return value;
}

static const char *verify(fixture *f, const char *value)
{
    return opened(f->settings.secrets, value, f->pool);
}

static ba_bytes secret_of(const char *text)
{
    ba_bytes secret = {text, strlen(text)};

    return secret;
}

static void signs_as_better_auth(void **state)
{
    fixture *f = *state;

    assert_string_equal(ba_mac_sign(secret_of(SECRET), TOKEN, f->pool),
                        "M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ=");
    assert_string_equal(ba_mac_sign(secret_of(SECRET), "true", f->pool),
                        "LrxJKa3x2eCRjNwwnr9kuw9J8F5SAHRXP10QjfJxfd0=");
    /* RFC 4231, test case 2 */
    assert_string_equal(ba_mac_sign(secret_of("Jefe"), "what do ya want for nothing?", f->pool),
                        "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
}

static void verifies_what_it_signed(void **state)
{
    fixture *f = *state;

    assert_string_equal(verify(f, SIGNED_TOKEN), TOKEN);
    assert_string_equal(verify(f, "true.LrxJKa3x2eCRjNwwnr9kuw9J8F5SAHRXP10QjfJxfd0="), "true");
}

static void splits_at_the_last_dot(void **state)
{
    fixture *f = *state;
    const char *value = "a.b..c";
    const char *mac = ba_mac_sign(secret_of(SECRET), value, f->pool);

    assert_string_equal(verify(f, apr_pstrcat(f->pool, value, ".", mac, NULL)), value);
}

static void refuses_other_lengths_and_spellings(void **state)
{
    fixture *f = *state;
    static const char *const bad[] = {
        "",
        ".",
        "..",
        "=",
        TOKEN,
        TOKEN ".",
        TOKEN ".=",
        ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ=",
        TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ",
        TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ==",
        TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95j=",
        TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jR=", /* the same bytes, sloppily */
        TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQA",
        TOKEN ".m2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ=",
        TOKEN ". M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ=",
        TOKEN "..M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ=",
        TOKEN "x.M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ=",
        TOKEN ".!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!=",
        TOKEN ".\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
              "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff=",
        "false.LrxJKa3x2eCRjNwwnr9kuw9J8F5SAHRXP10QjfJxfd0=",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        if (verify(f, bad[i])) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void refuses_every_changed_character(void **state)
{
    fixture *f = *state;

    for (size_t i = 0; i < strlen(SIGNED_TOKEN); ++i) {
        for (int bit = 1; bit < 256; bit <<= 1) {
            char *text = apr_pstrdup(f->pool, SIGNED_TOKEN);

            text[i] = (char)(text[i] ^ bit);
            if (verify(f, text)) {
                fail_msg("accepted with bit %d of character %d changed", bit, (int)i);
            }
        }
    }
}

static void rotation_verifies_with_all_secrets(void **state)
{
    fixture *f = *state;
    static const ba_bytes fresh = {"ffffffffeeeeeeeeddddddddcccccccc", 32};
    apr_array_header_t *both = apr_array_make(f->pool, 2, sizeof(ba_bytes));
    apr_array_header_t *new_only = apr_array_make(f->pool, 1, sizeof(ba_bytes));

    APR_ARRAY_PUSH(both, ba_bytes) = fresh;
    APR_ARRAY_PUSH(both, ba_bytes) = secret_of(SECRET);
    APR_ARRAY_PUSH(new_only, ba_bytes) = fresh;
    assert_string_equal(opened(both, SIGNED_TOKEN, f->pool), TOKEN);
    assert_null(opened(new_only, SIGNED_TOKEN, f->pool));
    assert_null(opened(apr_array_make(f->pool, 1, sizeof(ba_bytes)), SIGNED_TOKEN, f->pool));
}

static void compares_texts(void **state)
{
    static const unsigned char a[] = "ab", b[] = "ac";

    assert_true(ba_mac_same(a, a, 2));
    assert_true(ba_mac_same(a, b, 1));
    assert_false(ba_mac_same(a, b, 2));
    (void)state;
    assert_true(ba_mac_equal("", ""));
    assert_true(ba_mac_equal("abc", "abc"));
    assert_false(ba_mac_equal("abc", "abd"));
    assert_false(ba_mac_equal("abc", "ab"));
    assert_false(ba_mac_equal("ab", "abc"));
}

static void wipes(void **state)
{
    char text[] = "secret";

    (void)state;
    ba_mac_wipe(text, sizeof(text));
    assert_memory_equal(text, "\0\0\0\0\0\0", 7);
}

/* http-api 12 */
static void digests_identifiers(void **state)
{
    fixture *f = *state;

    assert_string_equal(ba_mac_digest("reset-password:abcdefghijklmnopqrstuvwx", f->pool),
                        "kW4Kkq2Pg7p8F2L5uPiAC2_-waW7ek7XNPF_g2EcuPc");
    assert_string_equal(ba_mac_digest("", f->pool), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(signs_as_better_auth),
        FIXTURE_TEST(verifies_what_it_signed),
        FIXTURE_TEST(splits_at_the_last_dot),
        FIXTURE_TEST(refuses_other_lengths_and_spellings),
        FIXTURE_TEST(refuses_every_changed_character),
        FIXTURE_TEST(rotation_verifies_with_all_secrets),
        cmocka_unit_test(compares_texts),
        cmocka_unit_test(wipes),
        FIXTURE_TEST(digests_identifiers),
    };

    return cmocka_run_group_tests_name("mac", tests, NULL, NULL);
}
