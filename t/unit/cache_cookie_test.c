/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_cache_cookie.h"
#include "ba_cookie.h"
#include "ba_jwe.h"
#include "ba_jwt.h"
#include "ba_mac.h"
#include "ba_session.h"
#include "cache_vectors.h"
#include "fixture.h"

#include <apr_encode.h>
#include <apr_lib.h>

#define NAME "better-auth.session_token"
#define DATA "better-auth.session_data"
#define REMEMBER "better-auth.dont_remember"
#define ATTRIBUTES "; Max-Age=300; Path=/; HttpOnly; SameSite=Lax"
#define NO_ATTRIBUTES "; Path=/; HttpOnly; SameSite=Lax"

/* Longest value of one cookie with these names and attributes (http-api 3.5). */
#define ROOM 3977

#define ODD_NAME                                                                                   \
    "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27\30\31\32\33\34\35\36\37\177"   \
    "\xc2\x80\"\\/<>&'\xe2\x80\xa8\xe2\x80\xa9\xc3\xa9\xf0\x9f\x98\x80"

static const ba_session zoes = {
    .id = "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS",
    .token = TOKEN,
    .user_id = "UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU",
    .ip_address = "",
    .user_agent = "",
    .expires_at = NOW + 7 * DAY,
    .created_at = NOW,
    .updated_at = NOW,
};

static const ba_user zoe = {
    .id = "UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU",
    .name = "Zo\xc3\xab",
    .email = "zoe@example.com",
    .created_at = NOW,
    .updated_at = NOW,
};

static const struct {
    ba_cache_form form;
    const char *vector;
} forms[] = {{BA_CACHE_COMPACT, COMPACT}, {BA_CACHE_JWT, JWT}, {BA_CACHE_JWE, JWE}};

#define FORMS (sizeof(forms) / sizeof(forms[0]))

static fixture *with_cache(void **state, ba_cache_form form)
{
    fixture *f = *state;

    f->settings.cookie_cache.form = form;
    return f;
}

/* Another request, at that time and with these cookies. */
static void call_with(fixture *f, const char *cookies, ba_time now)
{
    fixture_call(f, "GET", "/get-session");
    f->call->now = now;
    fixture_header(f, "Cookie", cookies);
}

static const ba_session *found_session;
static const ba_user *found_user;

static apr_status_t read_at(fixture *f, const char *value, ba_time now)
{
    call_with(f, apr_pstrcat(f->pool, DATA "=", value, NULL), now);
    found_session = NULL;
    found_user = NULL;
    return ba_cache_cookie_read(f->call, TOKEN, &found_session, &found_user);
}

static int lines(const fixture *f)
{
    return apr_table_elts(f->call->answer.cookies)->nelts;
}

/* The value that was set under this name; NULL: none, or a deletion. */
static const char *value_of(const fixture *f, const char *name)
{
    const char *line = fixture_cookie(f, name);

    if (!line || strstr(line, "Max-Age=0;")) {
        return NULL;
    }
    line += strlen(name) + 1;
    return apr_pstrmemdup(f->pool, line, strcspn(line, ";"));
}

static const char *write_it(fixture *f, const ba_user *user, int remember)
{
    fixture_call(f, "POST", "/sign-in/email");
    ba_cache_cookie_write(f->call, &zoes, user, remember);
    return value_of(f, DATA);
}

/* What a browser would send of the answer's session_data. */
static const char *sent_back(const fixture *f)
{
    const apr_array_header_t *rows = apr_table_elts(f->call->answer.cookies);
    const char *out = "";

    for (int i = rows->nelts - 1; i >= 0; --i) { /* in any order */
        const char *line = APR_ARRAY_IDX(rows, i, apr_table_entry_t).val;

        if (!strncmp(line, DATA, strlen(DATA)) && !strstr(line, "Max-Age=0;")) {
            out = apr_pstrcat(f->pool, out, *out ? "; " : "",
                              apr_pstrmemdup(f->pool, line, strcspn(line, ";")), NULL);
        }
    }
    return out;
}

static const ba_user *with_image(fixture *f, size_t len)
{
    ba_user *user = apr_pmemdup(f->pool, &zoe, sizeof(zoe));
    char *image = apr_palloc(f->pool, len + 1);

    memset(image, 'i', len);
    image[len] = '\0';
    user->image = image;
    return user;
}

/* ---- values */

static void writes_as_better_auth(void **state)
{
    fixture *f = with_cache(state, BA_CACHE_COMPACT);

    assert_string_equal(write_it(f, &zoe, 1), COMPACT);
    assert_string_equal(fixture_cookie(f, DATA), DATA "=" COMPACT ATTRIBUTES);
    f->settings.cookie_cache.form = BA_CACHE_JWT;
    assert_string_equal(write_it(f, &zoe, 1), JWT);
    /* random: another initial vector and jti, as long, with the same header */
    f->settings.cookie_cache.form = BA_CACHE_JWE;
    assert_int_equal(strlen(write_it(f, &zoe, 1)), strlen(JWE));
    assert_int_equal(strncmp(value_of(f, DATA), JWE, strcspn(JWE, ".")), 0);
}

static void reads_what_better_auth_wrote(void **state)
{
    for (size_t i = 0; i < FORMS; ++i) {
        fixture *f = with_cache(state, forms[i].form);

        assert_int_equal(read_at(f, forms[i].vector, NOW), APR_SUCCESS);
        assert_string_equal(found_session->id, zoes.id);
        assert_string_equal(found_session->token, TOKEN);
        assert_string_equal(found_session->user_id, zoes.user_id);
        assert_string_equal(found_session->ip_address, "");
        assert_string_equal(found_session->user_agent, "");
        assert_true(found_session->expires_at == zoes.expires_at);
        assert_true(found_session->created_at == NOW && found_session->updated_at == NOW);
        assert_string_equal(found_user->id, zoe.id);
        assert_string_equal(found_user->name, zoe.name);
        assert_string_equal(found_user->email, zoe.email);
        assert_null(found_user->image);
        assert_int_equal(found_user->email_verified, 0);
        assert_true(found_user->created_at == NOW && found_user->updated_at == NOW);
        assert_int_equal(lines(f), 0);
    }
}

static void reads_what_it_wrote(void **state)
{
    for (size_t i = 0; i < FORMS; ++i) {
        fixture *f = with_cache(state, forms[i].form);
        ba_user user = zoe;

        user.name = ODD_NAME;
        user.image = "/zoe.png";
        user.email_verified = 1;
        assert_int_equal(read_at(f, write_it(f, &user, 1), NOW), APR_SUCCESS);
        assert_string_equal(found_user->name, ODD_NAME);
        assert_string_equal(found_user->image, "/zoe.png");
        assert_int_equal(found_user->email_verified, 1);
    }
}

/* What is signed is the spelling of JSON.stringify. */
static void spells_as_javascript(void **state)
{
    fixture *f = with_cache(state, BA_CACHE_COMPACT);
    ba_user user = zoe;

    user.name = ODD_NAME;
    assert_string_equal(write_it(f, &user, 1), ODD);
    assert_int_equal(read_at(f, ODD, NOW), APR_SUCCESS);
    assert_string_equal(found_user->name, ODD_NAME);
    user.name = "2026-11-21T01:02:03Z";
    assert_string_equal(write_it(f, &user, 1), DATED);
    assert_int_equal(read_at(f, DATED, NOW), APR_SUCCESS);
    assert_string_equal(found_user->name, "2026-11-21T01:02:03Z");
    assert_int_equal(read_at(f, OTHER_ORDER, NOW), APR_SUCCESS);
    assert_string_equal(found_user->name, ",\"expiresAt\":1,\"signature\":\"");
    assert_null(found_session->ip_address);
}

static void no_byte_may_change(void **state)
{
    static const char other[] = "AB-_.=%0\"";

    for (size_t i = 0; i < FORMS; ++i) {
        fixture *f = with_cache(state, forms[i].form);
        const char *vector = forms[i].vector;

        for (size_t at = 0; at < strlen(vector); ++at) {
            char *changed = apr_pstrdup(f->pool, vector);
            char next = vector[at + 1];

            changed[at] = other[at % (sizeof(other) - 1)];
            if (changed[at] == vector[at]) {
                changed[at] = 'Q';
            }
            /* the last character of a part has bits that say nothing */
            if (read_at(f, changed, NOW) != APR_EINVAL && next && next != '.') {
                fail_msg("byte %d of form %d", (int)at, (int)i);
            }
            changed[at] = '\0';
            assert_int_equal(read_at(f, changed, NOW), at ? APR_EINVAL : APR_NOTFOUND);
        }
        assert_int_equal(read_at(f, apr_pstrcat(f->pool, vector, "AAAA", NULL), NOW), APR_EINVAL);
        /* of another form, so ours but not what is asked for */
        assert_int_equal(read_at(f, forms[(i + 1) % FORMS].vector, NOW), APR_EINVAL);
    }
}

/* The value with this D and E, signed by us. */
static const char *compact(fixture *f, const char *d, const char *e)
{
    const char *body = apr_psprintf(f->pool, "%.*s,\"expiresAt\":%s}", (int)strlen(d) - 1, d, e);
    unsigned char mac[BA_MAC_BYTES];
    int flags = APR_ENCODE_URL | APR_ENCODE_NOPADDING;

    assert_int_equal(ba_mac_bytes((ba_bytes){SECRET, 32}, (ba_bytes){body, strlen(body)}, mac),
                     APR_SUCCESS);
    body = apr_pstrcat(f->pool, "{\"session\":", d, ",\"expiresAt\":", e, ",\"signature\":\"",
                       apr_pencode_base64_binary(f->pool, mac, sizeof(mac), flags, NULL), "\"}", NULL);
    return apr_pencode_base64(f->pool, body, APR_ENCODE_STRING, flags, NULL);
}

#define DATES "\"createdAt\":\"2030-01-01T00:00:00.000Z\",\"updatedAt\":\"2030-01-01T00:00:00.000Z\""
#define S_REST "\"userId\":\"u\",\"token\":\"" TOKEN "\"," DATES ",\"expiresAt\":\"2030-01-08T00:00:00.000Z\""
#define S "{\"id\":\"s\"," S_REST "}"
#define U "{\"id\":\"u\",\"name\":\"n\",\"email\":\"e\",\"emailVerified\":true," DATES "}"
#define AT ",\"updatedAt\":1893456000000"
#define E "1893456300000"

static void what_is_signed_must_make_sense(void **state)
{
    fixture *f = with_cache(state, BA_CACHE_COMPACT);
    static const char *const bad[] = {
        "{}",
        "[]",
        "{\"session\":" S "}",
        "{\"session\":" S ",\"user\":" U "}",
        "{\"user\":" U AT "}",
        "{\"session\":null,\"user\":" U AT "}",
        "{\"session\":" S ",\"user\":[]" AT "}",
        "{\"session\":{" S_REST "},\"user\":" U AT "}",
        "{\"session\":{\"id\":1," S_REST "},\"user\":" U AT "}",
        "{\"session\":{\"id\":\"s\\u0000\"," S_REST "},\"user\":" U AT "}",
        "{\"session\":{\"id\":\"s\",\"ipAddress\":7," S_REST "},\"user\":" U AT "}",
        "{\"session\":{\"id\":\"s\"," S_REST ",\"expiresAt\":\"soon\"},\"user\":" U AT "}",
        "{\"session\":{\"id\":\"s\"," S_REST ",\"expiresAt\":1893456300000},\"user\":" U AT "}",
        "{\"session\":{\"id\":\"s\"," S_REST ",\"token\":\"" TOKEN "x\"},\"user\":" U AT "}",
        "{\"session\":{\"id\":\"s\"," S_REST ",\"token\":null},\"user\":" U AT "}",
        "{\"session\":" S ",\"user\":{\"id\":\"u\",\"name\":\"n\",\"email\":\"e\"," DATES "}" AT "}",
        "{\"session\":" S ",\"user\":{\"id\":\"u\",\"name\":\"n\",\"email\":\"e\",\"emailVerified\":true}" AT "}",
        "{\"session\":" S ",\"user\":" U AT ",\"version\":\"2\"}",
        "{\"session\":{\"id\":\"s\"," S_REST ",\"userId\":\"v\"},\"user\":" U AT "}",
        "{\"session\":" S ",\"user\":" U AT ",\"session\":}",
    };

    assert_int_equal(read_at(f, compact(f, "{\"session\":" S ",\"user\":" U AT "}", E), NOW), APR_SUCCESS);
    assert_int_equal(
        read_at(f, compact(f, "{\"session\":" S ",\"user\":" U AT ",\"version\":\"\"}", E), NOW),
        APR_SUCCESS);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        if (read_at(f, compact(f, bad[i], E), NOW) != APR_EINVAL) {
            fail_msg("%s", bad[i]);
        }
    }
    /* numbers that JSON does not know, or nobody */
    assert_int_equal(read_at(f, compact(f, "{\"session\":" S ",\"user\":" U AT "}", ""), NOW), APR_EINVAL);
    assert_int_equal(read_at(f, compact(f, "{\"session\":" S ",\"user\":" U AT "}", "01893456300000"), NOW),
                     APR_EINVAL);
}

static void ages(void **state)
{
    static const struct {
        ba_cache_form form;
        int remember;
        ba_time life;
    } rows[] = {
        {BA_CACHE_COMPACT, 1, 300000}, {BA_CACHE_JWT, 1, 299999}, {BA_CACHE_JWE, 1, 300000},
        /* not remembered: as npm has it */
        {BA_CACHE_COMPACT, 0, 60000},  {BA_CACHE_JWT, 0, 299999}, {BA_CACHE_JWE, 0, 300000},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        fixture *f = with_cache(state, rows[i].form);
        const char *value = write_it(f, &zoe, rows[i].remember);

        assert_non_null(strstr(fixture_cookie(f, DATA),
                               rows[i].remember ? ATTRIBUTES : apr_pstrcat(f->pool, value, NO_ATTRIBUTES, NULL)));
        assert_int_equal(read_at(f, value, NOW + rows[i].life), APR_SUCCESS);
        assert_int_equal(read_at(f, value, NOW + rows[i].life + 1), APR_EINVAL);
    }
}

static void follows_the_configured_age(void **state)
{
    fixture *f = with_cache(state, BA_CACHE_COMPACT);
    const char *value;

    f->settings.cookie_cache.max_age = 7;
    value = write_it(f, &zoe, 1);
    assert_non_null(strstr(fixture_cookie(f, DATA), "; Max-Age=7; "));
    assert_int_equal(read_at(f, value, NOW + 7000), APR_SUCCESS);
    assert_int_equal(read_at(f, value, NOW + 7001), APR_EINVAL);
}

/* Not longer than the session itself (GHSA: an outer expiry alone is not enough). */
static void a_session_that_is_over(void **state)
{
    for (size_t i = 0; i < FORMS; ++i) {
        fixture *f = with_cache(state, forms[i].form);
        ba_session s = zoes;

        s.expires_at = NOW + 5000;
        ba_cache_cookie_write(f->call, &s, &zoe, 1);
        const char *value = value_of(f, DATA);

        assert_int_equal(read_at(f, value, NOW + 5000), APR_SUCCESS);
        assert_int_equal(read_at(f, value, NOW + 5001), APR_EINVAL);
    }
}

static void versions(void **state)
{
    for (size_t i = 0; i < FORMS; ++i) {
        fixture *f = with_cache(state, forms[i].form);
        const char *old = write_it(f, &zoe, 1);

        f->settings.cookie_cache_version = "2";
        assert_int_equal(read_at(f, old, NOW), APR_EINVAL);
        assert_int_equal(read_at(f, write_it(f, &zoe, 1), NOW), APR_SUCCESS);
        f->settings.cookie_cache_version = "1";
    }
}

static void other_secrets(void **state)
{
    static const ba_bytes fresh = {"ffffffffeeeeeeeeddddddddcccccccc", 32};

    for (size_t i = 0; i < FORMS; ++i) {
        fixture *f = with_cache(state, forms[i].form);
        const char *old = write_it(f, &zoe, 1);

        f->settings.secrets = apr_array_make(f->pool, 2, sizeof(ba_bytes));
        APR_ARRAY_PUSH(f->settings.secrets, ba_bytes) = fresh;
        f->settings.cache_keys = ba_jwe_keys(f->settings.secrets, "better-auth-session", f->pool);
        assert_int_equal(read_at(f, old, NOW), APR_EINVAL);
        APR_ARRAY_PUSH(f->settings.secrets, ba_bytes) = (ba_bytes){SECRET, 32};
        f->settings.cache_keys = ba_jwe_keys(f->settings.secrets, "better-auth-session", f->pool);
        assert_int_equal(read_at(f, old, NOW), APR_SUCCESS);
        assert_string_not_equal(write_it(f, &zoe, 1), old); /* signed with the first */
        f->settings.secrets = apr_array_make(f->pool, 1, sizeof(ba_bytes));
        APR_ARRAY_PUSH(f->settings.secrets, ba_bytes) = (ba_bytes){SECRET, 32};
        f->settings.cache_keys = ba_jwe_keys(f->settings.secrets, "better-auth-session", f->pool);
    }
}

static void off_means_nothing_at_all(void **state)
{
    fixture *f = with_cache(state, BA_CACHE_OFF);

    assert_null(write_it(f, &zoe, 1));
    assert_int_equal(lines(f), 0);
    assert_int_equal(read_at(f, COMPACT, NOW), APR_NOTFOUND);
    ba_cache_cookie_delete(f->call);
    assert_int_equal(lines(f), 0);
}

/* ---- pieces */

/* An image that makes the value exactly as long. */
static const ba_user *of_length(fixture *f, size_t len)
{
    const ba_user *user = with_image(f, 1);
    size_t now = strlen(write_it(f, user, 1));

    for (size_t image = (len - now) * 3 / 4 - 2; image < len; ++image) {
        user = with_image(f, image);
        write_it(f, user, 1);
        now = strlen(sent_back(f));
        now -= strlen(DATA "=");
        if (strchr(sent_back(f), ';')) { /* "name.1=…; name.0=…" */
            now -= strlen("; " DATA "=") + 4;
        }
        if (now >= len) {
            assert_int_equal(now, len);
            return user;
        }
    }
    fail();
    return NULL;
}

static void splits_where_better_auth_does(void **state)
{
    fixture *f = with_cache(state, BA_CACHE_COMPACT);

    /* base64 without padding is never as long as ROOM exactly */
    write_it(f, of_length(f, ROOM - 1), 1);
    assert_int_equal(lines(f), 1);
    assert_int_equal(strlen(value_of(f, DATA)), ROOM - 1);
    write_it(f, of_length(f, ROOM + 1), 1);
    assert_int_equal(lines(f), 2);
    assert_null(fixture_cookie(f, DATA));
    assert_int_equal(strlen(value_of(f, DATA ".0")), ROOM);
    assert_int_equal(strlen(value_of(f, DATA ".1")), 1);
    assert_true(strlen(fixture_cookie(f, DATA ".0")) <= 4050);
    /* without Max-Age there is more room */
    write_it(f, of_length(f, ROOM + 1), 0);
    assert_int_equal(lines(f), 1);
}

static void joins_pieces(void **state)
{
    for (size_t i = 0; i < FORMS; ++i) {
        fixture *f = with_cache(state, forms[i].form);
        const ba_user *user = with_image(f, 3000);
        const char *back, *reversed;

        write_it(f, user, 1);
        assert_int_equal(lines(f), 2);
        back = sent_back(f);
        call_with(f, back, NOW);
        assert_int_equal(ba_cache_cookie_read(f->call, TOKEN, &found_session, &found_user),
                         APR_SUCCESS);
        assert_string_equal(found_user->image, user->image);
        /* ".1" came first; the other way round, among others, and some said twice */
        reversed = strstr(back, DATA ".0=");
        call_with(f,
                  apr_pstrcat(f->pool, "a=b; " DATA ".99999999=far; " DATA ".01=odd; " DATA ".x=y; ",
                              reversed, "; " DATA ".0=again; ",
                              apr_pstrmemdup(f->pool, back, (size_t)(reversed - back)), NULL),
                  NOW);
        assert_int_equal(ba_cache_cookie_read(f->call, TOKEN, &found_session, &found_user),
                         APR_SUCCESS);
    }
}

static void a_piece_that_is_missing_or_too_much(void **state)
{
    fixture *f = with_cache(state, BA_CACHE_COMPACT);
    const char *back, *zero, *bad[4];

    write_it(f, with_image(f, 3000), 1);
    back = sent_back(f);
    zero = strstr(back, DATA ".0=");
    bad[0] = zero;                                               /* the end is missing */
    bad[1] = apr_pstrmemdup(f->pool, back, (size_t)(zero - back)); /* the beginning */
    bad[2] = apr_pstrcat(f->pool, back, "; " DATA ".2=stale", NULL);
    bad[3] = apr_pstrcat(f->pool, DATA "=stale; ", back, NULL); /* the whole one counts */
    for (size_t i = 0; i < 4; ++i) {
        call_with(f, bad[i], NOW);
        assert_int_equal(ba_cache_cookie_read(f->call, TOKEN, &found_session, &found_user), APR_EINVAL);
    }
    call_with(f, DATA "=" COMPACT "; " DATA ".0=stale", NOW);
    assert_int_equal(ba_cache_cookie_read(f->call, TOKEN, &found_session, &found_user), APR_SUCCESS);
}

/* Every piece that is not written anew goes (SE-16: one line for each name). */
static void leaves_no_stale_piece(void **state)
{
    fixture *f = with_cache(state, BA_CACHE_COMPACT);

    call_with(f, DATA "=old; " DATA ".0=old; " DATA ".1=old; " DATA ".7=old", NOW);
    ba_cache_cookie_write(f->call, &zoes, &zoe, 1);
    assert_int_equal(lines(f), 4);
    assert_string_equal(value_of(f, DATA), COMPACT);
    assert_non_null(strstr(fixture_cookie(f, DATA ".0"), "Max-Age=0"));
    assert_non_null(strstr(fixture_cookie(f, DATA ".1"), "Max-Age=0"));
    assert_non_null(strstr(fixture_cookie(f, DATA ".7"), "Max-Age=0"));
    /* in the same answer: into pieces, back again, and away */
    ba_cache_cookie_write(f->call, &zoes, with_image(f, 3000), 1);
    assert_int_equal(lines(f), 4);
    assert_null(value_of(f, DATA));
    assert_non_null(value_of(f, DATA ".1"));
    ba_cache_cookie_delete(f->call);
    assert_int_equal(lines(f), 4);
    assert_string_equal(sent_back(f), "");
    call_with(f, "", NOW);
    ba_cache_cookie_write(f->call, &zoes, with_image(f, 3000), 1);
    ba_cache_cookie_write(f->call, &zoes, &zoe, 1);
    assert_int_equal(lines(f), 1);
    ba_cache_cookie_delete(f->call);
    assert_int_equal(lines(f), 0);
}

/* A Cookie header that httpd would refuse must not come to be: not even sign-out
 * would work then. */
static void a_huge_user_is_not_cached(void **state)
{
    fixture *f = with_cache(state, BA_CACHE_COMPACT);
    static const size_t sizes[] = {5000, 60000, 1000000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); ++i) {
        call_with(f, DATA ".0=old", NOW);
        ba_cache_cookie_write(f->call, &zoes, with_image(f, sizes[i]), 1);
        assert_int_equal(lines(f), 1);
        assert_string_equal(sent_back(f), "");
        assert_true(fixture_logged(f, "BA0301"));
        f->log->nelts = 0;
    }
    /* with more room there are more pieces, up to our own bound */
    f->settings.cookie_room = 1000000;
    call_with(f, "", NOW);
    ba_cache_cookie_write(f->call, &zoes, with_image(f, 35000), 1);
    assert_true(lines(f) > 10);
    call_with(f, sent_back(f), NOW);
    assert_int_equal(ba_cache_cookie_read(f->call, TOKEN, &found_session, &found_user), APR_SUCCESS);
    ba_cache_cookie_write(f->call, &zoes, with_image(f, 60000), 1);
    assert_string_equal(sent_back(f), "");
}

static void many_pieces_are_bounded(void **state)
{
    fixture *f = with_cache(state, BA_CACHE_COMPACT);
    char *header = apr_palloc(f->pool, 2000000), *p = header;

    for (int i = 0; i < 100; ++i) {
        p += apr_snprintf(p, 5000, DATA ".%d=%01000d;", i, i);
    }
    call_with(f, header, NOW);
    assert_string_equal(ba_cookie_get_chunked(f->call, DATA), "");
    assert_int_equal(ba_cache_cookie_read(f->call, TOKEN, &found_session, &found_user), APR_EINVAL);
    call_with(f, DATA ".99999999=x; " DATA ".100=y; " DATA ".-1=z", NOW);
    assert_null(ba_cookie_get_chunked(f->call, DATA));
}

/* ---- who is this */

#define BOTH NAME "=" COOKIE_TOKEN "; " DATA "=" COMPACT

static fixture *signed_in(void **state, const char *cookies)
{
    fixture *f = with_cache(state, BA_CACHE_COMPACT);

    fixture_add_user(f, "zoe@example.com", NULL);
    fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);
    call_with(f, cookies, NOW);
    return f;
}

static void answers_without_the_store(void **state)
{
    fixture *f = signed_in(state, BOTH);

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_string_equal(f->call->user->id, zoe.id);
    assert_string_equal(f->call->session->token, TOKEN);
    assert_int_equal(f->store.asked[OP_SESSION], 0);
    assert_int_equal(lines(f), 0);
}

/* Due or not: while the cache is valid there is no refresh, as in npm. */
static void a_cached_session_is_not_refreshed(void **state)
{
    fixture *f = signed_in(state, BOTH);

    f->settings.session_update_age = 0;
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->store.asked[OP_SESSION_EXTEND], 0);
    call_with(f, BOTH, NOW + 300001);
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->store.asked[OP_SESSION_EXTEND], 1);
    assert_non_null(value_of(f, NAME));
    assert_non_null(value_of(f, DATA));
}

static int needs_refresh(fixture *f, const char *cookies)
{
    call_with(f, cookies, NOW);
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_true(f->call->session_cached);
    return f->call->needs_refresh;
}

/* Where refreshes are put off, the cache too says whether one is due. */
static void a_cached_session_says_that_a_refresh_is_due(void **state)
{
    fixture *f = signed_in(state, BOTH);
    int before = f->call->needs_refresh;

    f->settings.session_expires_in = 704800; /* it was made for less */
    f->settings.session_update_age = 0;
    assert_int_equal(needs_refresh(f, BOTH), before);
    f->settings.session_refresh = BA_REFRESH_POST;
    assert_int_equal(needs_refresh(f, BOTH), 1);
    assert_int_equal(needs_refresh(f, BOTH "; better-auth.dont_remember=" COOKIE_TRUE), 0);
    f->settings.session_update_age = 704800;
    assert_int_equal(needs_refresh(f, BOTH), 0);
    assert_int_equal(f->store.asked[OP_SESSION_EXTEND], 0);
}

static void without_a_cache_the_store_is_asked_and_the_cache_filled(void **state)
{
    fixture *f = signed_in(state, NAME "=" COOKIE_TOKEN);

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->store.asked[OP_SESSION], 1);
    assert_int_equal(lines(f), 1);
    call_with(f, apr_pstrcat(f->pool, NAME "=" COOKIE_TOKEN "; ", sent_back(f), NULL), NOW + 1);
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_string_equal(f->call->user->email, "zoe@example.com");
    assert_int_equal(f->store.asked[OP_SESSION], 1);
}

static void confirming_asks_the_store(void **state)
{
    fixture *f = signed_in(state, BOTH);

    assert_int_equal(ba_session_confirm(f->call), APR_SUCCESS);
    assert_string_equal(f->call->user->id, "user1");
    assert_int_equal(ba_session_confirm(f->call), APR_SUCCESS);
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(f->store.asked[OP_SESSION], 1);
    /* also after the cache has answered */
    call_with(f, BOTH, NOW);
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    fixture_find_session(f, TOKEN)->token = NULL;
    assert_int_equal(ba_session_confirm(f->call), APR_NOTFOUND);
    assert_null(f->call->session);
    assert_null(f->call->user);
    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_null(value_of(f, DATA));
    assert_non_null(strstr(fixture_cookie(f, DATA), "Max-Age=0"));
    /* the store is down: nobody is let in, and nothing cleared */
    call_with(f, BOTH, NOW);
    f->store.answer[OP_SESSION] = APR_EGENERAL;
    assert_int_equal(ba_session_confirm(f->call), APR_EGENERAL);
    assert_null(f->call->session);
    assert_int_equal(lines(f), 0);
}

static void a_store_that_is_down_does_not_show(void **state)
{
    fixture *f = signed_in(state, BOTH);

    f->store.answer[OP_SESSION] = APR_EGENERAL;
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
}

static void the_switch_of_the_query(void **state)
{
    static const struct {
        const char *query;
        int asked;
    } rows[] = {
        {"disableCookieCache=true", 1}, {"disableCookieCache=false", 1}, {"disableCookieCache=0", 1},
        {"disableCookieCache=", 0},     {"disablecookiecache=1", 0},     {"disableRefresh=1", 0},
        {"disableCookieCache=&disableCookieCache=", 1},
    };
    fixture *f = signed_in(state, BOTH);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        call_with(f, BOTH, NOW);
        f->call->query = rows[i].query;
        f->store.asked[OP_SESSION] = 0;
        assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
        assert_int_equal(f->store.asked[OP_SESSION], rows[i].asked);
        assert_int_equal(value_of(f, DATA) != NULL, rows[i].asked);
    }
}

static void without_a_session_cookie_a_cache_is_nothing(void **state)
{
    fixture *f = signed_in(state, DATA "=" COMPACT);

    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_int_equal(lines(f), 0);
    call_with(f, NAME "=" TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jR%3D; " DATA "=" COMPACT, NOW);
    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_int_equal(f->store.asked[OP_SESSION], 0);
}

/* Somebody else's cache beside one's own session (SE-12). */
static void caches_cannot_be_swapped(void **state)
{
    fixture *f = signed_in(state, "");
    const char *mac = ba_mac_sign((ba_bytes){SECRET, 32}, "another", f->pool);

    fixture_add_user(f, "bob@example.com", NULL);
    fixture_add_session(f, "user2", "another", NOW + 7 * DAY);
    call_with(f, apr_pstrcat(f->pool, NAME "=another.", mac, "; " DATA "=" COMPACT, NULL), NOW);
    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_string_equal(f->call->user->email, "bob@example.com");
    assert_int_equal(f->store.asked[OP_SESSION], 1);
    assert_string_not_equal(value_of(f, DATA), COMPACT);
}

/* Not remembered: what the store says is not cached, and a bad cache goes whole. */
static void sessions_that_are_not_remembered(void **state)
{
    fixture *f = signed_in(state, NAME "=" COOKIE_TOKEN "; " REMEMBER "=" COOKIE_TRUE "; " DATA ".0=a; " DATA ".1=b");

    assert_int_equal(ba_session_find(f->call), APR_SUCCESS);
    assert_int_equal(lines(f), 2);
    assert_string_equal(sent_back(f), "");
    /* but at sign-in it is */
    fixture_call(f, "POST", "/sign-in/email");
    assert_int_equal(ba_session_set_cookies(f->call, &zoes, &zoe, 0), APR_SUCCESS);
    assert_int_equal(lines(f), 3);
    assert_string_equal(APR_ARRAY_IDX(apr_table_elts(f->call->answer.cookies), 2, apr_table_entry_t).key, DATA);
}

static void a_session_that_is_over_takes_its_cache_along(void **state)
{
    fixture *f = signed_in(state, NAME "=" COOKIE_TOKEN "; " DATA "=x; " DATA ".0=y");

    fixture_find_session(f, TOKEN)->token = NULL;
    assert_int_equal(ba_session_find(f->call), APR_NOTFOUND);
    assert_int_equal(lines(f), 4);
    assert_string_equal(sent_back(f), "");
    /* also what this very answer has set */
    call_with(f, NAME "=" COOKIE_TOKEN, NOW);
    ba_cache_cookie_write(f->call, &zoes, with_image(f, 3000), 1);
    ba_session_clear_cookies(f->call);
    assert_int_equal(lines(f), 3);
    assert_string_equal(sent_back(f), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(writes_as_better_auth),
        FIXTURE_TEST(reads_what_better_auth_wrote),
        FIXTURE_TEST(reads_what_it_wrote),
        FIXTURE_TEST(spells_as_javascript),
        FIXTURE_TEST(no_byte_may_change),
        FIXTURE_TEST(what_is_signed_must_make_sense),
        FIXTURE_TEST(ages),
        FIXTURE_TEST(follows_the_configured_age),
        FIXTURE_TEST(a_session_that_is_over),
        FIXTURE_TEST(versions),
        FIXTURE_TEST(other_secrets),
        FIXTURE_TEST(off_means_nothing_at_all),
        FIXTURE_TEST(splits_where_better_auth_does),
        FIXTURE_TEST(joins_pieces),
        FIXTURE_TEST(a_piece_that_is_missing_or_too_much),
        FIXTURE_TEST(leaves_no_stale_piece),
        FIXTURE_TEST(a_huge_user_is_not_cached),
        FIXTURE_TEST(many_pieces_are_bounded),
        FIXTURE_TEST(answers_without_the_store),
        FIXTURE_TEST(a_cached_session_is_not_refreshed),
        FIXTURE_TEST(a_cached_session_says_that_a_refresh_is_due),
        FIXTURE_TEST(without_a_cache_the_store_is_asked_and_the_cache_filled),
        FIXTURE_TEST(confirming_asks_the_store),
        FIXTURE_TEST(a_store_that_is_down_does_not_show),
        FIXTURE_TEST(the_switch_of_the_query),
        FIXTURE_TEST(without_a_session_cookie_a_cache_is_nothing),
        FIXTURE_TEST(caches_cannot_be_swapped),
        FIXTURE_TEST(sessions_that_are_not_remembered),
        FIXTURE_TEST(a_session_that_is_over_takes_its_cache_along),
    };

    return cmocka_run_group_tests_name("cache_cookie", tests, NULL, NULL);
}
