/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* From the outbox to a folder, a program and an SMTP server; what is tried again, what is
 * given up, and what betterauthctl is told of it. */

#include "ba_courier.h"
#include "ba_outbox.h"
#include "ba_store_ctl.h"
#include "ba_store_outbox.h"
#include "sqlite.h"

#include <apr_file_io.h>
#include <apr_time.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZOE "zoe@example.com"
#define MESSAGE "Subject: hello\r\n\r\nhello\r\n"
#define MINUTE BA_MS(60)

static sqlite *db;
static char folder[] = "/tmp/ba-outbox-XXXXXX";

static int setup(void **state)
{
    int rc = fixture_setup(state);

    db = rc ? NULL : sqlite_open(*state, ":memory:", NULL);
    return rc;
}

static int teardown(void **state)
{
    sqlite_close(db);
    return fixture_teardown(state);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void add_mail(fixture *f, const char *id, ba_time created)
{
    ba_mail m = {.id = id, .site = ORIGIN, .sender = "noreply@auth.test", .recipient = ZOE,
                 .user_id = "u1", .message = MESSAGE, .created_at = created, .cap = 100};

    assert_int_equal(f->database->ops->mail_add(f->database, &m, f->pool), APR_SUCCESS);
    assert_true(m.queued);
}

static void log_line(void *baton, ba_log_level level, const char *message)
{
    fixture *f = baton;

    (void)level;
    APR_ARRAY_PUSH(f->log, const char *) = apr_pstrdup(f->pool, message);
}

static ba_outbox *make_outbox(fixture *f)
{
    return ba_outbox_create(&db->db, &f->settings, NULL, log_line, f, f->pool);
}

/* One look, and the wait for what became of it. */
static void deliver(fixture *f, ba_outbox *o, ba_time now)
{
    int lines = f->log->nelts;

    ba_outbox_step(o, now, 1, f->pool);
    for (int i = 0; i < 1000 && f->log->nelts == lines; ++i) {
        apr_sleep(10000);
        ba_outbox_step(o, now, 0, f->pool);
    }
    assert_true(f->log->nelts > lines);
}

static const char *column(fixture *f, const char *name)
{
    return sqlite_value(db, apr_psprintf(f->pool, "SELECT %s FROM ba_mail WHERE id = 'm1'", name));
}

static const char *read_file(fixture *f, const char *name)
{
    apr_file_t *file;
    char *text = apr_pcalloc(f->pool, 4096);
    apr_size_t len = 4095;

    assert_int_equal(apr_file_open(&file, apr_pstrcat(f->pool, folder, "/", name, NULL),
                                   APR_FOPEN_READ, 0, f->pool),
                     APR_SUCCESS);
    apr_file_read_full(file, text, len, &len);
    apr_file_close(file);
    return text;
}

/* ---- a folder */

static void to_a_folder(void **state)
{
    fixture *f = *state;
    ba_outbox *o = make_outbox(f);

    f->settings.mailer = (ba_mailer){.kind = BA_MAILER_DIR, .target = folder};
    add_mail(f, "m1", NOW);
    deliver(f, o, NOW + 5);
    assert_true(fixture_logged(f, "BA0713"));
    assert_string_equal(read_file(f, "m1.eml"), MESSAGE);
    /* it had a link in it */
    assert_string_equal(column(f, "message"), "");
    assert_string_equal(column(f, "dueAt"), "");
    ba_outbox_stop(o, 0, f->pool);
}

static void later_and_later(void **state)
{
    fixture *f = *state;
    ba_outbox *o = make_outbox(f);

    assert_true(ba_outbox_pause(1) < ba_outbox_pause(2));
    assert_true(ba_outbox_pause(50) == ba_outbox_pause(51));
    f->settings.mailer = (ba_mailer){.kind = BA_MAILER_DIR, .target = "/nonexistent"};
    add_mail(f, "m1", NOW);
    deliver(f, o, NOW);
    assert_true(fixture_logged(f, "BA0711"));
    assert_string_equal(column(f, "attempts"), "1");
    assert_string_not_equal(column(f, "lastError"), "");
    /* not before its time */
    ba_outbox_step(o, NOW + 1000, 1, f->pool);
    assert_string_equal(column(f, "attempts"), "1");
    deliver(f, o, NOW + 3 * DAY);
    assert_true(fixture_logged(f, "BA0712"));
    assert_string_equal(column(f, "message"), "");
    assert_string_equal(column(f, "dueAt"), "");
    ba_outbox_stop(o, 0, f->pool);
}

static void off_sends_nothing(void **state)
{
    fixture *f = *state;
    ba_outbox *o = make_outbox(f);

    f->settings.mailer.kind = BA_MAILER_OFF;
    add_mail(f, "m1", NOW);
    deliver(f, o, NOW);
    assert_string_equal(column(f, "lastError"), "the mailer is off");
    ba_outbox_stop(o, 0, f->pool);
}

static void many_at_once(void **state)
{
    fixture *f = *state;
    ba_outbox *o = make_outbox(f);

    f->settings.mailer = (ba_mailer){.kind = BA_MAILER_DIR, .target = folder};
    for (int i = 0; i < 20; ++i) {
        add_mail(f, apr_psprintf(f->pool, "n%d", i), NOW);
    }
    for (int i = 0; i < 1000 && f->log->nelts < 20; ++i) {
        ba_outbox_step(o, NOW, i == 0, f->pool);
        apr_sleep(5000);
    }
    assert_int_equal(f->log->nelts, 20);
    ba_outbox_stop(o, 0, f->pool);
}

/* What was sent is not sent again because the database was away when it was to be noted. */
static void a_database_that_is_away(void **state)
{
    fixture *f = *state;
    ba_outbox *o = make_outbox(f);

    f->settings.mailer = (ba_mailer){.kind = BA_MAILER_DIR, .target = folder};
    db->refused = 1;
    ba_outbox_step(o, NOW, 1, f->pool);
    add_mail(f, "m1", NOW);
    ba_outbox_step(o, NOW, 1, f->pool);
    apr_sleep(100000);
    db->refused = 1;
    ba_outbox_step(o, NOW, 0, f->pool);
    assert_int_equal(f->log->nelts, 0);
    assert_string_equal(column(f, "attempts"), "1");
    deliver(f, o, NOW);
    assert_true(fixture_logged(f, "BA0713"));
    assert_string_equal(column(f, "attempts"), "1");
    ba_outbox_stop(o, 0, f->pool);
}

/* ---- a program */

static const char *program(fixture *f, const char *text)
{
    const char *name = apr_psprintf(f->pool, "%s/sendmail-%u", folder, (unsigned)strlen(text));
    FILE *out = fopen(name, "w");

    assert_non_null(out);
    fprintf(out, "#!/bin/sh\n%s\n", text);
    fclose(out);
    assert_int_equal(chmod(name, 0700), 0);
    return name;
}

static ba_courier_result send_by(fixture *f, const ba_mailer *mailer, const char **error,
                                 apr_uint32_t *stop)
{
    static apr_uint32_t never;
    ba_courier_job job = {.mailer = mailer, .id = "m1", .sender = "noreply@auth.test",
                          .recipient = ZOE, .message = MESSAGE, .stop = stop ? stop : &never};
    ba_courier_result result = ba_courier_send(&job, f->pool);

    *error = job.error ? job.error : "";
    return result;
}

static ba_courier_result run_program(fixture *f, const char *text, const char **error,
                                     apr_uint32_t *stop)
{
    const char *name = program(f, text);
    const char *argv[] = {name, "-v", NULL};
    const ba_mailer mailer = {.kind = BA_MAILER_SENDMAIL, .target = name, .argv = argv};

    return send_by(f, &mailer, error, stop);
}

static void to_a_program(void **state)
{
    fixture *f = *state;
    const ba_mailer none = {.kind = BA_MAILER_SENDMAIL, .target = "/nonexistent",
                            .argv = (const char *const[]){"x", NULL}};
    const char *error;
    apr_uint32_t stop = 1;

    assert_int_equal(run_program(f, apr_psprintf(f->pool, "cat >%s/got; echo \"$*\" >%s/args; env >%s/env",
                                                 folder, folder, folder),
                                 &error, NULL),
                     BA_COURIER_SENT);
    assert_string_equal(read_file(f, "got"), MESSAGE);
    assert_string_equal(read_file(f, "args"), "-v -i -f noreply@auth.test -- " ZOE "\n");
    assert_null(strstr(read_file(f, "env"), "HOME"));
    assert_int_equal(run_program(f, "echo no " ZOE " here; exit 67", &error, NULL), BA_COURIER_NEVER);
    /* whom it names is not kept */
    assert_string_equal(error, "exit 67: no *************** here");
    assert_int_equal(run_program(f, "exit 75", &error, NULL), BA_COURIER_LATER);
    assert_string_equal(error, "exit 75: ");
    assert_int_equal(run_program(f, "kill -9 $$", &error, NULL), BA_COURIER_LATER);
    assert_string_equal(error, "signal 9: ");
    assert_int_equal(run_program(f, "sleep 60", &error, &stop), BA_COURIER_STOPPED);
    assert_int_equal(send_by(f, &none, &error, NULL), BA_COURIER_LATER);
    assert_string_not_equal(error, "");
}

/* ---- SMTP */

typedef struct script {
    const char *greeting, *rcpt, *taken;
    int listener;
    char got[4096];
} script;

static void say(int fd, const char *line)
{
    assert_true(send(fd, line, strlen(line), MSG_NOSIGNAL) >= 0);
}

/* One conversation. */
static void *serve(void *data)
{
    script *s = data;
    int fd = accept(s->listener, NULL, NULL), in_message = 0;
    char line[1024];
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");

    if (!in) {
        return NULL; /* nobody came */
    }
    say(fd, s->greeting);
    while (fgets(line, sizeof(line), in)) {
        strncat(s->got, line, sizeof(s->got) - strlen(s->got) - 1);
        if (in_message) {
            in_message = strcmp(line, ".\r\n") != 0;
            say(fd, in_message ? "" : s->taken);
        }
        else if (!strncmp(line, "RCPT", 4)) {
            say(fd, s->rcpt);
        }
        else if (!strncmp(line, "DATA", 4)) {
            in_message = 1;
            say(fd, "354 go on\r\n");
        }
        else if (!strncmp(line, "QUIT", 4)) {
            say(fd, "221 bye\r\n");
            break;
        }
        else {
            say(fd, "250 fine\r\n");
        }
    }
    fclose(in);
    return NULL;
}

static ba_courier_result talk(fixture *f, script *s, const char **error, apr_uint32_t *stop)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    ba_mailer mailer = {.kind = BA_MAILER_SMTP, .starttls = BA_STARTTLS_OFF, .helo = "auth.test"};
    ba_courier_result result;
    pthread_t thread;

    s->got[0] = '\0';
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve, s), 0);
    mailer.target = apr_psprintf(f->pool, "smtp://127.0.0.1:%d", ntohs(address.sin_port));
    result = send_by(f, &mailer, error, stop);
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(s->listener);
    return result;
}

static void to_a_server(void **state)
{
    fixture *f = *state;
    script s = {"220 hello\r\n", "250 fine\r\n", "250 taken\r\n", 0, ""};
    const ba_mailer nobody = {.kind = BA_MAILER_SMTP, .target = "smtp://127.0.0.1:1", .user = "u",
                              .password = "p", .cafile = "/nonexistent"};
    const char *error;
    apr_uint32_t stop = 1;

    ba_courier_begin();
    /* a CGI's Proxy: header can be an environment variable; none of them leads mail away */
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    setenv("smtp_proxy", "http://127.0.0.1:1", 1);
    assert_int_equal(talk(f, &s, &error, NULL), BA_COURIER_SENT);
    unsetenv("ALL_PROXY");
    unsetenv("smtp_proxy");
    assert_non_null(strstr(s.got, "EHLO auth.test\r\n"));
    assert_non_null(strstr(s.got, "MAIL FROM:<noreply@auth.test>"));
    assert_non_null(strstr(s.got, "RCPT TO:<" ZOE ">"));
    assert_non_null(strstr(s.got, MESSAGE ".\r\n"));
    s.rcpt = "550 5.1.1 no " ZOE "\r\n";
    assert_int_equal(talk(f, &s, &error, NULL), BA_COURIER_NEVER);
    assert_string_equal(error, "RCPT was answered with 550 5.1.1");
    s.rcpt = "451 try again\r\n";
    assert_int_equal(talk(f, &s, &error, NULL), BA_COURIER_LATER);
    assert_string_equal(error, "RCPT was answered with 451");
    s.rcpt = "250 fine\r\n";
    s.taken = "554 5.7.1 spam\r\n";
    assert_int_equal(talk(f, &s, &error, NULL), BA_COURIER_NEVER);
    assert_non_null(strstr(error, " was answered with 554 5.7.1"));
    s.taken = "452 full\r\n";
    assert_int_equal(talk(f, &s, &error, NULL), BA_COURIER_LATER);
    /* about the server, not about this mail */
    s.greeting = "554 go away\r\n";
    assert_int_equal(talk(f, &s, &error, NULL), BA_COURIER_LATER);
    assert_string_equal(error, "greeting was answered with 554");
    assert_int_equal(talk(f, &s, &error, &stop), BA_COURIER_STOPPED);
    assert_int_equal(send_by(f, &nobody, &error, NULL), BA_COURIER_LATER);
    assert_string_not_equal(error, "");
    ba_courier_end();
}

/* A clock that was ahead is put back. */
static void written_in_the_future(void **state)
{
    fixture *f = *state;
    ba_outbox *o = make_outbox(f);

    f->settings.mailer = (ba_mailer){.kind = BA_MAILER_DIR, .target = folder};
    add_mail(f, "m1", NOW + 75 * MINUTE);
    deliver(f, o, NOW);
    assert_true(fixture_logged(f, "BA0713"));
    /* what can have been told to wait, waits */
    add_mail(f, "m2", NOW + 73 * MINUTE);
    ba_outbox_step(o, NOW, 1, f->pool);
    assert_string_equal(sqlite_value(db, "SELECT attempts FROM ba_mail WHERE id = 'm2'"), "0");
    ba_outbox_stop(o, 0, f->pool);
}

/* ---- the table */

static void one_of_two_takes_it(void **state)
{
    fixture *f = *state;
    apr_array_header_t *rows;
    ba_outbox_row *mine, theirs;

    add_mail(f, "m1", NOW);
    assert_int_equal(ba_store_outbox_due(&db->db, "http://other.test", NOW, NOW + DAY, NOW - DAY, &rows, f->pool),
                     APR_SUCCESS);
    assert_int_equal(rows->nelts, 0);
    /* of a site that has gone */
    assert_int_equal(ba_store_outbox_due(&db->db, "http://other.test", NOW, NOW + DAY, NOW, &rows, f->pool),
                     APR_SUCCESS);
    assert_int_equal(rows->nelts, 1);
    mine = APR_ARRAY_IDX(rows, 0, ba_outbox_row *);
    theirs = *mine;
    assert_int_equal(ba_store_outbox_claim(&db->db, mine, NOW + MINUTE, f->pool), APR_SUCCESS);
    assert_string_equal(mine->message, MESSAGE);
    assert_int_equal(mine->attempts, 1);
    assert_int_equal(ba_store_outbox_claim(&db->db, &theirs, NOW + MINUTE, f->pool), APR_NOTFOUND);
    /* whose lease is over says nothing any more */
    assert_int_equal(ba_store_outbox_later(&db->db, &theirs, 7, NOW, "late", f->pool), APR_SUCCESS);
    assert_int_equal(ba_store_outbox_give_up(&db->db, &theirs, "late", f->pool), APR_SUCCESS);
    assert_string_equal(column(f, "attempts"), "1");
    assert_string_equal(column(f, "lastError"), "");
    assert_int_equal(ba_store_outbox_later(&db->db, mine, 1, NOW + DAY, "busy", f->pool), APR_SUCCESS);
    assert_string_equal(column(f, "lastError"), "busy");
    /* betterauthctl mail */
    assert_int_equal(ba_store_mails_waiting(f->database, "", &rows, f->pool), APR_SUCCESS);
    assert_int_equal(rows->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(rows, 0, ba_waiting_mail *)->error, "busy");
    assert_true(APR_ARRAY_IDX(rows, 0, ba_waiting_mail *)->due == NOW + DAY);
    assert_int_equal(ba_store_mail_retry(f->database, "m2", NOW, f->pool), APR_NOTFOUND);
    assert_int_equal(ba_store_mail_retry(f->database, "m1", NOW, f->pool), APR_SUCCESS);
    assert_int_equal(ba_store_outbox_due(&db->db, ORIGIN, NOW, NOW + DAY, NOW - DAY, &rows, f->pool), APR_SUCCESS);
    assert_int_equal(rows->nelts, 1);
}

static void what_is_over_is_swept(void **state)
{
    fixture *f = *state;
    const char *cursor = "";
    int rows;

    add_mail(f, "m1", NOW - 3 * DAY);
    add_mail(f, "m2", NOW);
    sqlite_run(db, "UPDATE ba_mail SET sentAt = '2029-12-29T00:00:00.000Z', dueAt = NULL WHERE id = 'm1'");
    assert_int_equal(ba_store_sweep(&db->db, BA_SWEEP_MAILS, NOW - DAY, NOW - 7 * DAY, &cursor, &rows,
                                    f->pool),
                     APR_SUCCESS);
    assert_int_equal(rows, 1);
    assert_string_equal(cursor, "m2");
    assert_int_equal(ba_store_sweep(&db->db, BA_SWEEP_MAILS, NOW - DAY, NOW - 7 * DAY, &cursor, &rows,
                                    f->pool),
                     APR_SUCCESS);
    assert_null(cursor);
    assert_string_equal(sqlite_value(db, "SELECT group_concat(id) FROM ba_mail"), "m2");
    sqlite_run(db, "INSERT INTO verification VALUES ('v1', 'x', 'u1', '2029-12-01T00:00:00.000Z',"
                   " '2029-12-01T00:00:00.000Z', '2029-12-01T00:00:00.000Z'), ('v2', 'x', 'u1',"
                   " '2030-12-01T00:00:00.000Z', '2029-12-01T00:00:00.000Z', '2029-12-01T00:00:00.000Z')");
    cursor = "";
    assert_int_equal(ba_store_sweep(&db->db, BA_SWEEP_VERIFICATIONS, NOW, 0, &cursor, &rows, f->pool),
                     APR_SUCCESS);
    assert_int_equal(rows, 1);
    assert_string_equal(sqlite_value(db, "SELECT group_concat(id) FROM verification"), "v2");
    cursor = "";
    assert_int_equal(ba_store_sweep(&db->db, BA_SWEEP_SESSIONS, NOW, 0, &cursor, &rows, f->pool),
                     APR_SUCCESS);
    assert_int_equal(rows, 0);
    db->refused = 1;
    assert_int_equal(ba_store_sweep(&db->db, BA_SWEEP_SESSIONS, NOW, 0, &cursor, &rows, f->pool),
                     APR_EGENERAL);
}

/* ---- betterauthctl's users and sessions */

static void users_are_added_and_listed(void **state)
{
    fixture *f = *state;
    ba_user zoe = {.id = "u1", .name = "Zoe", .email = ZOE, .email_verified = 1, .created_at = NOW,
                   .updated_at = NOW};
    ba_user twin = zoe, amy = zoe, bad = zoe;
    ba_new_user new[] = {{&zoe, "a1", "hash", 0}, {&twin, NULL, NULL, 0}, {&amy, NULL, NULL, 0},
                         {&bad, NULL, NULL, 0}};
    apr_array_header_t *users = apr_array_make(f->pool, 4, sizeof(ba_new_user *)), *rows;
    ba_session s = {.id = "s1", .token = TOKEN, .user_id = "u1", .expires_at = NOW, .created_at = NOW,
                    .updated_at = NOW};
    const char *token, *user_id, *hash;

    twin.id = "u2";
    amy.id = "u3";
    amy.email = "amy@example.com";
    amy.email_verified = 0;
    bad.id = "u4";
    bad.email = "bad@example.com";
    bad.name = NULL;
    for (int i = 0; i < 4; ++i) {
        APR_ARRAY_PUSH(users, ba_new_user *) = &new[i];
    }
    assert_int_equal(ba_store_users_add(f->database, users, f->pool), APR_SUCCESS);
    assert_int_equal(new[0].status, APR_SUCCESS);
    assert_int_equal(new[1].status, APR_EEXIST);
    assert_int_equal(new[2].status, APR_SUCCESS);
    assert_int_equal(new[3].status, APR_EINVAL);
    assert_int_equal(ba_store_users(f->database, "", &rows, f->pool), APR_SUCCESS);
    assert_int_equal(rows->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(rows, 0, ba_listed_user *)->user->email, "amy@example.com");
    assert_null(APR_ARRAY_IDX(rows, 0, ba_listed_user *)->hash);
    assert_string_equal(APR_ARRAY_IDX(rows, 1, ba_listed_user *)->hash, "hash");
    assert_true(APR_ARRAY_IDX(rows, 1, ba_listed_user *)->user->email_verified);
    assert_int_equal(ba_store_users(f->database, ZOE, &rows, f->pool), APR_SUCCESS);
    assert_int_equal(rows->nelts, 0);

    assert_int_equal(f->database->ops->session_add(f->database, &s, f->pool), APR_SUCCESS);
    assert_int_equal(ba_store_session_of(f->database, "s1", &token, &user_id, f->pool), APR_SUCCESS);
    assert_string_equal(token, TOKEN);
    assert_string_equal(user_id, "u1");
    assert_int_equal(ba_store_session_of(f->database, "s2", &token, &user_id, f->pool), APR_NOTFOUND);
    assert_int_equal(ba_store_sessions_all(f->database, "", &rows, f->pool), APR_SUCCESS);
    assert_int_equal(rows->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(rows, 0, ba_listed_session *)->email, ZOE);

    /* a new password ends them, and makes an account where there is none */
    assert_int_equal(ba_store_password_put(f->database, "u1", "new", "a9", 1, NOW, f->pool), APR_SUCCESS);
    assert_string_equal(sqlite_value(db, "SELECT count(*) FROM session"), "0");
    assert_int_equal(ba_store_password_put(f->database, "u3", "amy's", "a3", 0, NOW, f->pool), APR_SUCCESS);
    assert_int_equal(f->database->ops->password(f->database, "u3", &hash, f->pool), APR_SUCCESS);
    assert_string_equal(hash, "amy's");
    assert_int_equal(ba_store_password_put(f->database, "u9", "x", "a8", 0, NOW, f->pool), APR_NOTFOUND);
    db->refused = 6;
    assert_int_equal(ba_store_users(f->database, "", &rows, f->pool), APR_EGENERAL);
    assert_int_equal(ba_store_users_add(f->database, users, f->pool), APR_EGENERAL);
    assert_int_equal(ba_store_session_of(f->database, "s1", &token, &user_id, f->pool), APR_EGENERAL);
    assert_int_equal(ba_store_sessions_all(f->database, "", &rows, f->pool), APR_EGENERAL);
    assert_int_equal(ba_store_mails_waiting(f->database, "", &rows, f->pool), APR_EGENERAL);
    assert_int_equal(ba_store_mail_retry(f->database, "m1", NOW, f->pool), APR_EGENERAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(to_a_folder),     TEST(later_and_later), TEST(off_sends_nothing),
        TEST(many_at_once),    TEST(a_database_that_is_away),
        TEST(to_a_program),    TEST(to_a_server),     TEST(one_of_two_takes_it),
        TEST(written_in_the_future),
        TEST(what_is_over_is_swept), TEST(users_are_added_and_listed),
    };
    char command[64];
    int failed;

    if (!mkdtemp(folder)) {
        printf("Bail out! no folder\n");
        return 1;
    }
    failed = cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command) || failed;
}
