/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_mail.h"
#include "ba_mime.h"
#include "ba_outbox.h"
#include "fixture.h"

static const ba_mime golden = {
    .id = "abcdefghijklmnopqrstuvwxyzABCDEF",
    .from_name = "Example",
    .from = "noreply@auth.test",
    .to = "zoe@example.com",
    .subject = "Choose a new password",
    .text = "Hello Zoe,\n\n.\nhttp://auth.test/x?y=z\n",
    .html = "<p style=\"margin:0\">Hello</p>\n",
    .date = NOW,
};

/* The message, which must be good, with \r\n and nothing but ASCII. */
static const char *assemble(const fixture *f, const ba_mime *mime)
{
    const char *message = NULL;

    assert_null(ba_mime_assemble(mime, &message, f->pool));
    for (const char *p = message; *p; ++p) {
        assert_true(*p == '\r' || *p == '\n' || *p == '\t' || (*p >= ' ' && *p <= '~'));
        assert_true(*p != '\n' || (p > message && p[-1] == '\r'));
        assert_true(*p != '\r' || p[1] == '\n');
    }
    return message;
}

static void a_mail_is_this_and_nothing_else(void **state)
{
    assert_string_equal(assemble(*state, &golden),
                        "From: Example <noreply@auth.test>\r\n"
                        "To: zoe@example.com\r\n"
                        "Subject: Choose a new password\r\n"
                        "Date: Tue, 01 Jan 2030 00:00:00 +0000\r\n"
                        "Message-ID: <abcdefghijklmnopqrstuvwxyzABCDEF@auth.test>\r\n"
                        "Auto-Submitted: auto-generated\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: multipart/alternative;\r\n"
                        " boundary=\"=_abcdefghijklmnopqrstuvwxyzABCDEF\"\r\n"
                        "\r\n"
                        "--=_abcdefghijklmnopqrstuvwxyzABCDEF\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: 7bit\r\n"
                        "\r\n"
                        "Hello Zoe,\r\n"
                        "\r\n"
                        ".\r\n"
                        "http://auth.test/x?y=z\r\n"
                        "\r\n"
                        "--=_abcdefghijklmnopqrstuvwxyzABCDEF\r\n"
                        "Content-Type: text/html; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: 7bit\r\n"
                        "\r\n"
                        "<p style=\"margin:0\">Hello</p>\r\n"
                        "\r\n"
                        "--=_abcdefghijklmnopqrstuvwxyzABCDEF--\r\n");
}

static void headers_are_encoded(void **state)
{
    const fixture *f = *state;
    char text[400] = "";
    const char *value;

    assert_string_equal(ba_mime_header("Plain words, a comma", f->pool), "Plain words, a comma");
    assert_string_equal(ba_mime_header("Zo\xC3\xAB", f->pool), "=?UTF-8?B?Wm/Dqw==?=");
    /* what would be read as an encoded word is one */
    assert_string_equal(ba_mime_header("=?x", f->pool), "=?UTF-8?B?PT94?=");
    for (int i = 0; i < 100; ++i) {
        strcat(text, "\xE2\x82\xAC"); /* three bytes each: no word may end inside one */
    }
    value = ba_mime_header(text, f->pool);
    for (const char *line = value; *line;) {
        apr_size_t len = strcspn(line, "\r");

        assert_true(len <= 76);
        assert_true(!strncmp(line + (*line == ' '), "=?UTF-8?B?4oKs", 14));
        line += len + 2 * (line[len] == '\r');
    }
    for (const char *bad = "\r\n\x01\x1F\x7F"; *bad; ++bad) {
        assert_null(ba_mime_header(apr_psprintf(f->pool, "x%cBcc: y@example.com", *bad), f->pool));
    }
}

static void names_are_quoted(void **state)
{
    const fixture *f = *state;
    ba_mime mime = golden;

    mime.from_name = "Smith, Jones & Co.";
    assert_non_null(strstr(assemble(f, &mime),
                           "From: \"Smith, Jones & Co.\" <noreply@auth.test>\r\n"));
    mime.from_name = "The \"Shop\" <x@y>";
    assert_non_null(strstr(assemble(f, &mime),
                           "From: =?UTF-8?B?VGhlICJTaG9wIiA8eEB5Pg==?= <noreply@auth.test>\r\n"));
    mime.from_name = NULL;
    assert_non_null(strstr(assemble(f, &mime), "From: noreply@auth.test\r\n"));
}

static void what_cannot_be_written_is_refused(void **state)
{
    static const char *const addresses[]
        = {"", "@", "a@", "@b.co", "a b@c.de", "a@b,c@d", "a@b.co\r\nBcc: x@y.z", "a@b@c",
           "\"a\"@b.co", "a@b.co>", "<a@b.co", "z\xC3\xB6@b.co", ".a@b.co", "a@b.co\n"};
    const fixture *f = *state;
    ba_mime mime = golden;
    const char *message;

    for (apr_size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); ++i) {
        mime.to = addresses[i];
        assert_non_null(ba_mime_assemble(&mime, &message, f->pool));
    }
    mime.to = "zo.e+x'y@mail.example.com";
    assert_null(ba_mime_assemble(&mime, &message, f->pool));
    mime.subject = "x\r\nBcc: y@example.com";
    assert_non_null(ba_mime_assemble(&mime, &message, f->pool));
    mime = golden;
    mime.from_name = "x\nBcc: y@example.com";
    assert_non_null(ba_mime_assemble(&mime, &message, f->pool));
    mime = golden;
    mime.text = memset(apr_pcalloc(f->pool, BA_MIME_MAX + 1), 'x', BA_MIME_MAX);
    assert_non_null(ba_mime_assemble(&mime, &message, f->pool));
}

/* What a document may hold, so that any two of them fit into a mail. */
static void encoded_bodies_are_measured(void **state)
{
    const fixture *f = *state;
    ba_mime mime = golden;
    const char *message;
    char *text = apr_pcalloc(f->pool, BA_MIME_TEXT_MAX + 1);
    char *html = apr_pcalloc(f->pool, BA_MIME_HTML_MAX + 1);

    assert_int_equal(ba_mime_encoded_length("ab\ncd\n", f->pool), 8);
    assert_int_equal(ba_mime_encoded_length("\xE5\xAD\x97\n", f->pool), 11);
    assert_int_equal(ba_mime_encoded_length("\xE5\xAD\x97=", f->pool), 12);
    mime.text = memset(text, '=', BA_MIME_TEXT_MAX);
    mime.html = memset(html, '=', BA_MIME_HTML_MAX);
    assert_true(ba_mime_encoded_length(text, f->pool) > BA_MIME_TEXT_MAX);
    assert_non_null(ba_mime_assemble(&mime, &message, f->pool));
    /* 25 in a line of 75, and three bytes to go on */
    text[5128] = html[12820] = '\0';
    assert_int_equal(ba_mime_encoded_length(text, f->pool), BA_MIME_TEXT_MAX - 1);
    assert_int_equal(ba_mime_encoded_length(html, f->pool), BA_MIME_HTML_MAX - 4);
    assert_null(ba_mime_assemble(&mime, &message, f->pool));
}

static void long_and_foreign_lines_are_quoted(void **state)
{
    const fixture *f = *state;
    char *line = apr_pcalloc(f->pool, 1003);
    ba_mime mime = golden;
    const char *message;

    memset(line, 'x', 1000);
    line[1000] = '\n';
    mime.text = line;
    message = assemble(f, &mime);
    assert_non_null(strstr(message, "Content-Transfer-Encoding: quoted-printable"));
    for (const char *p = message; *p; p += strcspn(p, "\n") + 1) {
        assert_true(strcspn(p, "\r") <= 76);
    }
    mime.text = "Zo\xC3\xAB = x \n\tend\t\n";
    assert_non_null(strstr(assemble(f, &mime), "\r\n\r\nZo=C3=AB =3D x=20\r\n\tend=09\r\n"));
    mime.text = "a\rb\x01\n";
    assert_non_null(strstr(assemble(f, &mime), "\r\n\r\na=0Db=01\r\n"));
}

/* ---- ba_mail */

static const ba_mail *compose(fixture *f, ba_mail_kind kind, const char *name)
{
    ba_user *user = &fixture_add_user(f, "zoe@example.com", NULL)->user;

    user->name = name;
    return ba_mail_compose(f->call, kind, user, "zoe@example.com",
                           "http://auth.test/x?a=1&b=<2>", "new@example.com");
}

static void a_mail_has_the_values(void **state)
{
    fixture *f = *state;
    const ba_mail *mail = compose(f, BA_MAIL_RESET, "Zoe O'Hara");

    assert_non_null(mail);
    assert_string_equal(mail->site, ORIGIN);
    assert_string_equal(mail->sender, "noreply@auth.test");
    assert_int_equal(strlen(mail->id), 32);
    assert_non_null(strstr(mail->message, "\r\nSubject: reset-password.txt\r\n"));
    assert_non_null(strstr(mail->message, "\r\n\r\nname: Zoe O'Hara\r\n"));
    assert_non_null(strstr(mail->message, "\r\nurl: http://auth.test/x?a=1&b=<2>\r\n"));
    assert_non_null(strstr(mail->message, "\r\nurl: http://auth.test/x?a=1&amp;b=&lt;2&gt;\r\n"));
    assert_non_null(strstr(mail->message, "\r\nname: Zoe O&#39;Hara\r\n"));
    assert_non_null(strstr(mail->message, "\r\nnewEmail: new@example.com\r\n"));
    assert_non_null(strstr(mail->message, "\r\nexpiresIn: 3600\r\n"));
    assert_non_null(strstr(mail->message, "\r\nappName: auth.test\r\n"));
    assert_non_null(strstr(mail->message, "\r\nsite: " ORIGIN "\r\n"));
    mail = compose(f, BA_MAIL_DELETE, "Zoe");
    assert_non_null(strstr(mail->message, "\r\nexpiresIn: 86400\r\n"));
}

static void a_name_carries_no_message(void **state)
{
    static const char *const bad[]
        = {"Win at http://evil.example", "evil.example", "WWW.evil.example now", "a@evil.example",
           "see evil.io/x", "<b>evil.example</b>", "", "tel:123",
           "a name that is so long that nobody can have it, and it goes on and on and on"};
    static const char *const good[]
        = {"Zoe", "Dr. Zoe X. Smith Jr.", "J.R. Smith"};
    fixture *f = *state;

    for (apr_size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_non_null(strstr(compose(f, BA_MAIL_VERIFY, bad[i])->message,
                               "\r\nname: zoe@example.com\r\n"));
    }
    for (apr_size_t i = 0; i < 3; ++i) {
        assert_non_null(strstr(compose(f, BA_MAIL_VERIFY, good[i])->message,
                               apr_pstrcat(f->pool, "\r\nname: ", good[i], "\r\n", NULL)));
    }
    assert_null(strstr(compose(f, BA_MAIL_VERIFY, "x\r\nBcc y")->message, "\nBcc"));
    assert_non_null(strstr(compose(f, BA_MAIL_VERIFY, "%{mail:url} $1 \\n")->message,
                           "\r\nname: zoe@example.com\r\n")); /* the colon */
}

static void a_mail_that_cannot_be_written_is_logged(void **state)
{
    fixture *f = *state;
    ba_user *user = &fixture_add_user(f, "zoe@example.com", NULL)->user;

    assert_null(ba_mail_compose(f->call, BA_MAIL_RESET, user, "zoe@example.com,eve@example.com",
                                "http://auth.test/", NULL));
    assert_true(fixture_logged(f, "BA0702"));
    for (int i = 0; i < f->log->nelts; ++i) {
        assert_null(strstr(APR_ARRAY_IDX(f->log, i, const char *), "example.com"));
    }
}

static void too_many_are_not_queued(void **state)
{
    fixture *f = *state;

    for (int i = 0; i < 6; ++i) {
        ba_mail *mail = (ba_mail *)compose(f, BA_MAIL_RESET, "Zoe");

        f->call->mail_waiting = 0;
        assert_int_equal(f->store.base.ops->mail_add(&f->store.base, mail, f->pool), APR_SUCCESS);
        ba_mail_stored(f->call, mail);
        assert_int_equal(f->call->mail_waiting, i < 5);
    }
    assert_true(fixture_logged(f, "BA0701"));
}

static void pauses_grow_to_an_hour(void **state)
{
    (void)state;
    assert_int_equal(ba_outbox_pause(1), 30000);
    assert_int_equal(ba_outbox_pause(2), 60000);
    assert_int_equal(ba_outbox_pause(7), 1920000);
    assert_int_equal(ba_outbox_pause(8), 3600000);
    assert_int_equal(ba_outbox_pause(1000), 3600000);
    assert_int_equal(ba_outbox_pause(0), 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mail_is_this_and_nothing_else, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(headers_are_encoded, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(names_are_quoted, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(encoded_bodies_are_measured, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(long_and_foreign_lines_are_quoted, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_mail_has_the_values, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_name_carries_no_message, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_mail_that_cannot_be_written_is_logged, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(too_many_are_not_queued, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(pauses_grow_to_an_hour, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
