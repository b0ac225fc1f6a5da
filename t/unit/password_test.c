/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_password.h"
#include "fixture.h"

#include <apr_md5.h>
#include <malloc.h>
#include <time.h>

#define SALT "000102030405060708090a0b0c0d0e0f"
#define SCRYPT_HASH                                                                                \
    SALT ":70cc7d605f9fd0bfd324b3978bd79ee81076d98810046ed91604c3cb8aa69577"                       \
         "61a2b0b97abf1e7c417ec4a9baa7bd1ce53449880d90dc1117c88d69b4f0b72e"
/* P, a, U+0301, s, s, w, o with diaeresis, r, d, blank, U+FB01, blank, U+2460 */
#define ACCENTS "\x50\x61\xcc\x81\x73\x73\x77\xc3\xb6\x72\x64\x20\xef\xac\x81\x20\xe2\x91\xa0"
#define ACCENTS_NFKC "\x50\xc3\xa1\x73\x73\x77\xc3\xb6\x72\x64\x20\x66\x69\x20\x31"
#define ACCENTS_HASH                                                                               \
    SALT ":fd9a20c27290defb9f7a5ad86b4a065e309f5bb17ac66b35f11e311948baf7ce"                       \
         "b67405500b57a30282f85edaf56a41c3313713dd2111faf2ca0ecf6bee2316bc"

static ba_bytes text(const char *s)
{
    ba_bytes out = {s, strlen(s)};

    return out;
}

static ba_password_result verify(fixture *f, const char *stored, const char *password)
{
    return ba_password_verify(stored, text(password), f->pool);
}

static void scrypt_vectors(void **state)
{
    fixture *f = *state;

    assert_int_equal(verify(f, SCRYPT_HASH, "correct horse battery"), BA_PASSWORD_GOOD);
    assert_int_equal(verify(f, SCRYPT_HASH, "correct horse batterz"), BA_PASSWORD_WRONG);
    assert_int_equal(verify(f, ACCENTS_HASH, ACCENTS), BA_PASSWORD_GOOD);
    assert_int_equal(verify(f, ACCENTS_HASH, ACCENTS_NFKC), BA_PASSWORD_GOOD);
}

static void scrypt_forms(void **state)
{
    fixture *f = *state;
    char *upper = apr_pstrdup(f->pool, SCRYPT_HASH);
    const char *bad[] = {"", ":", SALT, SALT ":", ":70cc", SALT ":70cc", SCRYPT_HASH "0",
                         SCRYPT_HASH ":", apr_pstrndup(f->pool, SCRYPT_HASH, 160), upper};

    upper[160] = 'E';
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_int_equal(verify(f, bad[i], "correct horse battery"), BA_PASSWORD_UNREADABLE);
    }
}

/* The reference implementation's own test strings. */
static void argon2id_vectors(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *password;
        const char *stored;
    } rows[] = {
        {"password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
                     "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
        {"password", "$argon2id$v=19$m=262144,t=2,p=1$c29tZXNhbHQ$"
                     "eP4eyR+zqlZX1y5xCFTkw9m5GYx0L5YWwvCFvtlbLow"},
        {"password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$"
                     "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
        {"password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$"
                     "bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"},
        {"password", "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$"
                     "9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg"},
        {"password", "$argon2id$v=19$m=65536,t=4,p=1$c29tZXNhbHQ$"
                     "kCXUjmjvc5XMqQedpMTsOv+zyJEf5PhtGiUghW9jFyw"},
        {"differentpassword", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
                              "C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94"},
        {"password", "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$"
                     "vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_int_equal(verify(f, rows[i].stored, rows[i].password), BA_PASSWORD_GOOD);
    }
    assert_int_equal(verify(f, rows[2].stored, "Password"), BA_PASSWORD_WRONG);
    assert_int_equal(verify(f, rows[2].stored, ""), BA_PASSWORD_WRONG);
}

static void hashes_and_verifies(void **state)
{
    fixture *f = *state;
    static const ba_hash_params params[] = {
        {BA_HASH_ARGON2ID, 19456, 2, 1}, {BA_HASH_ARGON2ID, 64, 1, 4}, {BA_HASH_SCRYPT, 0, 0, 0}};

    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); ++i) {
        const char *hash = ba_password_hash(&params[i], text(ACCENTS), f->pool);
        const char *again = ba_password_hash(&params[i], text(ACCENTS), f->pool);

        assert_non_null(hash);
        assert_string_not_equal(hash, again); /* each has its own salt */
        assert_int_equal(verify(f, hash, ACCENTS), BA_PASSWORD_GOOD);
        assert_int_equal(verify(f, hash, ACCENTS_NFKC), BA_PASSWORD_GOOD);
        assert_int_equal(verify(f, hash, " " ACCENTS), BA_PASSWORD_WRONG);
    }
    assert_int_equal(strncmp(ba_password_hash(&params[0], text("x"), f->pool),
                             "$argon2id$v=19$m=19456,t=2,p=1$", 31),
                     0);
}

static void nul_is_a_character(void **state)
{
    fixture *f = *state;
    static const ba_bytes a = {"longpass\0AAAA", 13}, b = {"longpass\0BBBB", 13};
    static const ba_hash_params scrypt = {BA_HASH_SCRYPT, 0, 0, 0};
    const ba_hash_params *params[] = {&f->settings.hash, &scrypt};

    for (size_t i = 0; i < 2; ++i) {
        const char *hash = ba_password_hash(params[i], a, f->pool);

        assert_int_equal(ba_password_verify(hash, a, f->pool), BA_PASSWORD_GOOD);
        assert_int_equal(ba_password_verify(hash, b, f->pool), BA_PASSWORD_WRONG);
        assert_int_equal(verify(f, hash, "longpass"), BA_PASSWORD_WRONG);
    }
}

static void an_empty_password_is_one(void **state)
{
    fixture *f = *state;
    static const ba_bytes empty = {"", 0};
    const char *hash = ba_password_hash(&f->settings.hash, empty, f->pool);

    assert_non_null(hash);
    assert_int_equal(ba_password_verify(hash, empty, f->pool), BA_PASSWORD_GOOD);
    assert_int_equal(verify(f, hash, "x"), BA_PASSWORD_WRONG);
    assert_int_equal(ba_password_verify(SCRYPT_HASH, empty, f->pool), BA_PASSWORD_WRONG);
}

/* Made with crypt(3), openssl passwd and Python's hashlib. */
static void imported_forms(void **state)
{
    fixture *f = *state;
    static const char *const stored[] = {
        "{SHA}v2wzLWBJUCKoi7ktfXB8DcnjRA4=",
        "$apr1$saltsalt$2vrh5nsigGMBXv8JVFDVZ.",
        "$1$saltsalt$pdA50GdNtfX33mNfrx0p31",
        "$5$saltstring$ALEBZV80eng9EJdBc9n6tG5ozqIw4sbeJfoB03b.pEA",
        "$5$rounds=5000$saltstring$ALEBZV80eng9EJdBc9n6tG5ozqIw4sbeJfoB03b.pEA",
        "$6$saltstring$NacSo1acfa8mlchl1YLOxO2rVp5/hgytFnGwiZTIRCJdeXVOKY.5vnqcT1JcggayykLZ0PA2Qn"
        "ZQ5w7R77sFc0",
        "$6$rounds=1000$saltstring$rTn.Yz5LhAxsPwAj5f46C56LP7BItIouLiP1aAEO/MqBmGBA0bJiOHkN/HheMs"
        "eDXl2KOSEWCd2zmRiLrkR.8/",
        "$2a$04$abcdefghijklmnopqrstuuykQwnCRA6xHzPPXpJ1JfxQ9VLvvlBae",
        "$2b$05$abcdefghijklmnopqrstuuL3yx5rOownI9yt3li7SEUHi8SbcmBIK",
        "$2y$05$abcdefghijklmnopqrstuuL3yx5rOownI9yt3li7SEUHi8SbcmBIK",
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$8fc9gy3kJUR2PMEmTFJjQ28nGB/aFmFTIP/CVO0w8g1",
        "pbkdf2_sha256$600$saltySALT$5lJqigc37pxQLBXSNphuFaJ8sX5P7TT5JQAD9X1/N0s=",
    };
    static const ba_bytes tail = {"tr0ub4dor & 3\0x", 15};

    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); ++i) {
        if (verify(f, stored[i], "tr0ub4dor & 3") != BA_PASSWORD_GOOD) {
            fail_msg("does not verify: %s", stored[i]);
        }
        assert_int_equal(verify(f, stored[i], "tr0ub4dor & 4"), BA_PASSWORD_WRONG);
        assert_int_equal(verify(f, stored[i], ""), BA_PASSWORD_WRONG);
        /* crypt() would stop at the NUL and say yes */
        assert_int_equal(ba_password_verify(stored[i], tail, f->pool), BA_PASSWORD_WRONG);
    }
}

/* What nobody can read must not be taken for clear text, nor cost anything. */
static void unreadable_costs_nothing(void **state)
{
    fixture *f = *state;
    static const char *const stored[] = {
        "password",
        "{SSHA}password",
        "abJnggxhB/yWI",            /* DES crypt */
        "_J9..rasmBYk8r9AiWNc",     /* BSDi crypt */
        "$",
        "$2",
        "$2y",
        "$2y$",
        "$2y$31$abcdefghijklmnopqrstuuL3yx5rOownI9yt3li7SEUHi8SbcmBIK",
        "$2y$15$abcdefghijklmnopqrstuuL3yx5rOownI9yt3li7SEUHi8SbcmBIK",
        "$2y$-5$abcdefghijklmnopqrstuuL3yx5rOownI9yt3li7SEUHi8SbcmBIK",
        "$2x$05$abcdefghijklmnopqrstuuL3yx5rOownI9yt3li7SEUHi8SbcmBIK",
        "$2y$10x$abcdefghijklmnopqrstuL3yx5rOownI9yt3li7SEUHi8SbcmBIK",
        "$5$rounds=-1$saltstring$ALEBZV80eng9EJdBc9n6tG5ozqIw4sbeJfoB03b.pEA",
        "$6$rounds=$saltstring$NacSo1acfa8mlchl1YLOxO2rVp5",
        "$5$rounds=999999999$saltstring$ALEBZV80eng9EJdBc9n6tG5ozqIw4sbeJfoB03b.pEA",
        "$6$rounds=99999999999999999999999$saltstring$NacSo1acfa8mlchl1YLOxO2rVp5",
        "$7$CU..../....2Q9obwLhin8qvQl6sisAO/$E1HizYWxBmnIH4sdPkd1UOML9t62Gf.wvNTnt5XFzs8",
        "$y$jFT$F5Jx5fExrKuPp53xLKQ..1$8fc9gy3kJUR2PMEmTFJjQ28nGB/aFmFTIP/CVO0w8g1",
        "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=262145,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=4294967360,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRP",
        "$argon2id$v=19$m=-64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m= 64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=11,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=4294967295,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GR",
        "$argon2id$v=19$m=64,t=1,p=5$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=4,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
        "$argon2id$v=19$m=64,t=1,p=1$$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1a!aMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc$",
        "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2",
        "pbkdf2_sha256$",
        "pbkdf2_sha256$600$saltySALT",
        "pbkdf2_sha256$600$$5lJqigc37pxQLBXSNphuFaJ8sX5P7TT5JQAD9X1/N0s=",
        "pbkdf2_sha256$0$saltySALT$5lJqigc37pxQLBXSNphuFaJ8sX5P7TT5JQAD9X1/N0s=",
        "pbkdf2_sha256$-600$saltySALT$5lJqigc37pxQLBXSNphuFaJ8sX5P7TT5JQAD9X1/N0s=",
        "pbkdf2_sha256$2000001$saltySALT$5lJqigc37pxQLBXSNphuFaJ8sX5P7TT5JQAD9X1/N0s=",
        "pbkdf2_sha256$99999999999999999999$saltySALT$5lJqigc37pxQLBXSNphuFaJ8sX5P7TT5JQAD9X1/N0s=",
        "pbkdf2_sha256$600$saltySALT$5lJqigc37pxQLBXSNphuFaJ8sX5P7TT5JQAD9X1/",
        "pbkdf2_sha256$600$saltySALT$!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
        "pbkdf2_sha1$600$saltySALT$5lJqigc37pxQLBXSNphuFaJ8sX5P7TT5JQAD9X1/N0s=",
    };

    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); ++i) {
        clock_t start = clock();
        ba_password_result result = verify(f, stored[i], "password");

        if (result != BA_PASSWORD_UNREADABLE) {
            fail_msg("answered %d: %s", result, stored[i]);
        }
        assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 0.02);
    }
}

/* What an import says of a hash; NULL where nobody could sign in with it. */
static void forms(void **state)
{
    static const char *const rows[][2] = {
        {"{SHA}v2wzLWBJUCKoi7ktfXB8DcnjRA4=", "sha1"},
        {"$apr1$saltsalt$2vrh5nsigGMBXv8JVFDVZ.", "apr1"},
        {"$2y$05$abcdefghijklmnopqrstuuL3yx5rOownI9yt3li7SEUHi8SbcmBIK", "bcrypt"},
        {"$2y$15$abcdefghijklmnopqrstuuL3yx5rOownI9yt3li7SEUHi8SbcmBIK", NULL},
        {"$6$rounds=1000001$saltstring$NacSo1acfa8", NULL},
        {"pbkdf2_sha256$600$saltySALT$5lJqigc37pxQLBXSNphuFaJ8sX5P7TT5JQAD9X1/N0s=", "pbkdf2-sha256"},
        {"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
         "argon2id"},
        {"$argon2id$v=19$m=262145,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
         NULL},
        {SCRYPT_HASH, "scrypt"},
        {"password", NULL},
        {"abJnggxhB/yWI", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const char *form = ba_password_form(rows[i][0]);

        if (!form || !rows[i][1] ? form != rows[i][1] : strcmp(form, rows[i][1]) != 0) {
            fail_msg("%s: %s", rows[i][0], form ? form : "none");
        }
    }
}

static void a_huge_hash_is_unreadable(void **state)
{
    fixture *f = *state;
    char *stored = apr_palloc(f->pool, 100001);

    memset(stored, 'A', 100000);
    stored[100000] = '\0';
    memcpy(stored, "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$", 40);
    assert_int_equal(verify(f, stored, "password"), BA_PASSWORD_UNREADABLE);
}

static void outdated(void **state)
{
    static const ba_hash_params argon2 = {BA_HASH_ARGON2ID, 19456, 2, 1};
    static const ba_hash_params scrypt = {BA_HASH_SCRYPT, 0, 0, 0};
    static const char tail[] = "$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    fixture *f = *state;
    static const struct {
        const char *head;
        int old;
    } rows[] = {
        {"$argon2id$v=19$m=19456,t=2,p=1", 0}, {"$argon2id$v=19$m=65536,t=2,p=1", 1},
        {"$argon2id$v=19$m=19456,t=3,p=1", 1}, {"$argon2id$v=19$m=19456,t=2,p=2", 1},
        {"$argon2i$v=19$m=19456,t=2,p=1", 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        const char *stored = apr_pstrcat(f->pool, rows[i].head, tail, NULL);

        assert_int_equal(ba_password_outdated(&argon2, stored), rows[i].old);
        assert_true(ba_password_outdated(&scrypt, stored)); /* npm cannot read it */
    }
    assert_true(ba_password_outdated(&argon2, SCRYPT_HASH));
    assert_false(ba_password_outdated(&scrypt, SCRYPT_HASH));
    assert_true(ba_password_outdated(&argon2, "$apr1$saltsalt$2vrh5nsigGMBXv8JVFDVZ."));
    assert_true(ba_password_outdated(&scrypt, "$apr1$saltsalt$2vrh5nsigGMBXv8JVFDVZ."));
    assert_false(ba_password_outdated(&argon2, ba_password_hash(&argon2, text("x"), f->pool)));
    assert_false(ba_password_outdated(&scrypt, ba_password_hash(&scrypt, text("x"), f->pool)));
}

/* PW-12: what is given back is looked at first, and so is what apr_password_validate() was
 * given, once the answer is there. */
static const char *canary;
static int found_in_freed;
static const char *validated;

void __real_free(void *memory);
void __wrap_free(void *memory);
apr_status_t __real_apr_password_validate(const char *password, const char *hash);
apr_status_t __wrap_apr_password_validate(const char *password, const char *hash);

void __wrap_free(void *memory)
{
    if (canary && memory) {
        found_in_freed
            += memmem(memory, malloc_usable_size(memory), canary, strlen(canary)) != NULL;
    }
    __real_free(memory);
}

apr_status_t __wrap_apr_password_validate(const char *password, const char *hash)
{
    validated = password;
    return __real_apr_password_validate(password, hash);
}

static void nothing_is_left_of_it(void **state)
{
    fixture *f = *state;
    static const ba_hash_params all[] = {{BA_HASH_ARGON2ID, 8, 1, 1}, {.scheme = BA_HASH_SCRYPT}};
    char *volatile copy = strdup("canary in a coal mine"); /* a compiler may leave out both */

    canary = "canary in a coal mine";
    free(copy);
    assert_int_equal(found_in_freed, 1); /* it would be noticed */
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); ++i) {
        const char *hash = ba_password_hash(&all[i], text(canary), f->pool);

        assert_int_equal(verify(f, hash, canary), BA_PASSWORD_GOOD);
        assert_int_equal(verify(f, hash, "another canary"), BA_PASSWORD_WRONG);
    }
    assert_int_equal(verify(f, "$apr1$saltsalt$2vrh5nsigGMBXv8JVFDVZ.", canary),
                     BA_PASSWORD_WRONG);
    assert_non_null(validated);
    assert_int_equal(strlen(validated), 0);
    canary = NULL;
    assert_int_equal(found_in_freed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(scrypt_vectors),
        FIXTURE_TEST(scrypt_forms),
        FIXTURE_TEST(forms),
        FIXTURE_TEST(argon2id_vectors),
        FIXTURE_TEST(hashes_and_verifies),
        FIXTURE_TEST(nul_is_a_character),
        FIXTURE_TEST(an_empty_password_is_one),
        FIXTURE_TEST(imported_forms),
        FIXTURE_TEST(unreadable_costs_nothing),
        FIXTURE_TEST(a_huge_hash_is_unreadable),
        FIXTURE_TEST(outdated),
        FIXTURE_TEST(nothing_is_left_of_it),
    };

    return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
