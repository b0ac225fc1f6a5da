/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The questions of ba_store.h, answered by a database: what is written is read again, what
 * may happen once happens once, and a database that is down or lacks a table allows
 * nothing. */

#include "ba_admin.h"
#include "ba_store_health.h"
#include "sqlite.h"

#include <apr_thread_proc.h>
#include <stdlib.h>
#include <unistd.h>

#define ZOE "zoe@example.com"

static sqlite *db;

static int setup(void **state)
{
    int rc = fixture_setup(state);

    db = rc ? NULL : sqlite_open(*state, ":memory:", NULL);
    return rc;
}

static int teardown(void **state)
{
    assert_false(db->lent);
    sqlite_close(db);
    return fixture_teardown(state);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define ASK(op, ...) f->database->ops->op(f->database, __VA_ARGS__, f->pool)
#define assert_rv(call, rv) assert_int_equal(call, rv)

static ba_user *new_user(fixture *f, const char *id, const char *email)
{
    ba_user *u = apr_pcalloc(f->pool, sizeof(*u));

    u->id = id;
    u->name = "Zoe";
    u->email = email;
    u->created_at = u->updated_at = NOW - DAY;
    return u;
}

static ba_session *new_session(fixture *f, const char *id, const char *user_id)
{
    ba_session *s = apr_pcalloc(f->pool, sizeof(*s));

    s->id = id;
    s->token = apr_pstrcat(f->pool, "token-", id, NULL);
    s->user_id = user_id;
    s->ip_address = "192.0.2.7";
    s->user_agent = "browser";
    s->created_at = s->updated_at = NOW;
    s->expires_at = NOW + 7 * DAY;
    return s;
}

static ba_mail *new_mail(fixture *f, const char *id)
{
    ba_mail *m = apr_pcalloc(f->pool, sizeof(*m));

    m->id = id;
    m->site = ORIGIN;
    m->sender = "noreply@auth.test";
    m->recipient = ZOE;
    m->user_id = "u1";
    m->message = "Subject: hello\r\n\r\nhello";
    m->created_at = NOW;
    m->cap = 2;
    m->cap_since = NOW - DAY;
    return m;
}

static ba_verification *new_token(fixture *f, const char *id)
{
    ba_verification *t = apr_pcalloc(f->pool, sizeof(*t));

    t->id = id;
    t->identifier = "reset-password:abc";
    t->value = "u1";
    t->created_at = NOW;
    t->expires_at = NOW + DAY;
    return t;
}

/* User u1 with the password hash "hash" and session s1. */
static void add_zoe(fixture *f)
{
    assert_rv(ASK(sign_up, new_user(f, "u1", ZOE), "a1", "hash", new_session(f, "s1", "u1"), NULL),
              APR_SUCCESS);
}

static ba_session *session_of(fixture *f, const char *token)
{
    ba_session *s = NULL;
    ba_user *u;

    return ASK(session, token, &s, &u) == APR_SUCCESS ? s : NULL;
}

static void sign_up_is_whole(void **state)
{
    fixture *f = *state;
    ba_user *u;
    ba_session *s;
    const char *hash;

    add_zoe(f);
    assert_rv(ASK(login, ZOE, &u, &hash), APR_SUCCESS);
    assert_string_equal(u->id, "u1");
    assert_string_equal(u->name, "Zoe");
    assert_null(u->image);
    assert_false(u->email_verified);
    assert_true(u->created_at == NOW - DAY);
    assert_string_equal(hash, "hash");
    assert_rv(ASK(session, "token-s1", &s, &u), APR_SUCCESS);
    assert_string_equal(u->email, ZOE);
    assert_string_equal(s->user_agent, "browser");
    assert_true(s->expires_at == NOW + 7 * DAY);
    /* the address is taken, and nothing of the second is left */
    assert_rv(ASK(sign_up, new_user(f, "u2", ZOE), "a2", "other", new_session(f, "s2", "u2"), NULL),
              APR_EEXIST);
    /* likewise where the last of its rows is refused */
    assert_rv(ASK(sign_up, new_user(f, "u3", "x@example.com"), "a3", "h",
                  new_session(f, "s1", "u3"), NULL),
              APR_EEXIST);
    assert_string_equal(sqlite_value(db, "SELECT count(*) FROM user"), "1");
    assert_string_equal(sqlite_value(db, "SELECT count(*) FROM account"), "1");
    assert_string_equal(sqlite_value(db, "SELECT count(*) FROM session"), "1");
    /* compared byte for byte, whatever the collation */
    assert_rv(ASK(login, "Zoe@example.com", &u, &hash), APR_NOTFOUND);
    assert_rv(ASK(user, "u9", &u), APR_NOTFOUND);
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
}

static void long_images_are_read_whole(void **state)
{
    fixture *f = *state;
    ba_user *u;
    char *image = apr_palloc(f->pool, 5001);

    memset(image, 'i', 5000);
    image[5000] = '\0';
    add_zoe(f);
    assert_rv(ASK(user_update, "u1", "Zoë", 1, image, NULL, NOW), APR_SUCCESS);
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
    assert_string_equal(u->image, image);
    assert_string_equal(u->name, "Zoë");
    assert_rv(ASK(user_update, "u1", NULL, 0, NULL, NULL, NOW), APR_SUCCESS);
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
    assert_string_equal(u->image, image);
    assert_rv(ASK(user_update, "u1", NULL, 1, NULL, NULL, NOW), APR_SUCCESS);
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
    assert_null(u->image);
    assert_string_equal(u->name, "Zoë");
}

static void a_revoked_session_is_not_brought_back(void **state)
{
    fixture *f = *state;
    ba_session *s;

    add_zoe(f);
    s = session_of(f, "token-s1");
    assert_rv(ASK(session_extend, s, NOW + 9 * DAY, NOW), APR_SUCCESS);
    assert_true(session_of(f, "token-s1")->expires_at == NOW + 9 * DAY);
    /* moved meanwhile */
    assert_rv(ASK(session_extend, s, NOW + 10 * DAY, NOW), APR_NOTFOUND);
    s = session_of(f, "token-s1");
    assert_rv(ASK(session_delete, "token-s1"), APR_SUCCESS);
    assert_null(session_of(f, "token-s1"));
    assert_rv(ASK(session_extend, s, NOW + 10 * DAY, NOW), APR_NOTFOUND);
    assert_rv(ASK(session_update, s, NULL, NOW), APR_NOTFOUND);
    assert_rv(ASK(session_delete, "token-s1"), APR_SUCCESS);
    assert_null(session_of(f, "token-s1"));
}

static void sessions_are_listed_and_limited(void **state)
{
    fixture *f = *state;
    apr_array_header_t *rows;
    ba_session *s;

    add_zoe(f);
    for (int i = 2; i <= 4; ++i) {
        s = new_session(f, apr_psprintf(f->pool, "s%d", i), "u1");
        s->created_at = NOW + i;
        s->limit = 2;
        assert_rv(ASK(session_add, s), APR_SUCCESS);
    }
    s = new_session(f, "s5", "u1");
    s->expires_at = NOW;
    assert_rv(ASK(session_add, s), APR_SUCCESS);
    assert_rv(ASK(sessions, "u1", NOW, &rows), APR_SUCCESS);
    /* two newest; what has expired is not listed */
    assert_int_equal(rows->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(rows, 0, ba_session *)->id, "s4");
    assert_string_equal(APR_ARRAY_IDX(rows, 1, ba_session *)->id, "s3");
    assert_rv(ASK(sessions_delete, "u1", "s3"), APR_SUCCESS);
    assert_rv(ASK(sessions, "u1", NOW, &rows), APR_SUCCESS);
    assert_int_equal(rows->nelts, 1);
    assert_rv(ASK(sessions_delete, "u1", NULL), APR_SUCCESS);
    assert_string_equal(sqlite_value(db, "SELECT count(*) FROM session"), "0");
    s = new_session(f, "s6", "u9"); /* whose? */
    s->limit = 2;
    assert_int_not_equal(ASK(session_add, s), APR_SUCCESS);
    assert_string_equal(sqlite_value(db, "SELECT count(*) FROM session"), "0");
}

static void passwords(void **state)
{
    fixture *f = *state;
    const char *hash;

    add_zoe(f);
    assert_rv(ASK(password_renew, "u1", "wrong", "new", NOW), APR_SUCCESS);
    assert_rv(ASK(password, "u1", &hash), APR_SUCCESS);
    assert_string_equal(hash, "hash");
    assert_rv(ASK(password_renew, "u1", "hash", "new", NOW), APR_SUCCESS);
    /* the hash is another by now: no session ends, none begins */
    assert_rv(ASK(password_change, "u1", "hash", "newer", new_session(f, "s2", "u1"), NOW),
              APR_NOTFOUND);
    assert_non_null(session_of(f, "token-s1"));
    assert_null(session_of(f, "token-s2"));
    assert_rv(ASK(password_change, "u1", "new", "newer", new_session(f, "s2", "u1"), NOW),
              APR_SUCCESS);
    assert_null(session_of(f, "token-s1"));
    assert_non_null(session_of(f, "token-s2"));
    assert_rv(ASK(password_change, "u1", "newer", "newest", NULL, NOW), APR_SUCCESS);
    assert_non_null(session_of(f, "token-s2"));
    assert_rv(ASK(password, "u1", &hash), APR_SUCCESS);
    assert_string_equal(hash, "newest");
    sqlite_run(db, "UPDATE account SET password = NULL");
    assert_rv(ASK(password, "u1", &hash), APR_NOTFOUND);
    assert_rv(ASK(password, "u9", &hash), APR_NOTFOUND);
}

static void tokens_are_used_once(void **state)
{
    fixture *f = *state;
    ba_verification *t;
    const char *hash;

    add_zoe(f);
    assert_rv(ASK(verification, "reset-password:abc", &t), APR_NOTFOUND);
    assert_rv(ASK(verification_add, new_token(f, "v1"), new_mail(f, "m1")), APR_SUCCESS);
    assert_rv(ASK(verification, "reset-password:abc", &t), APR_SUCCESS);
    assert_string_equal(t->value, "u1");
    assert_true(t->expires_at == NOW + DAY);
    assert_rv(ASK(password_reset, t, "reset", "a2", 1, NULL, NOW), APR_SUCCESS);
    assert_rv(ASK(password, "u1", &hash), APR_SUCCESS);
    assert_string_equal(hash, "reset");
    assert_null(session_of(f, "token-s1"));
    assert_rv(ASK(password_reset, t, "again", "a3", 1, NULL, NOW), APR_NOTFOUND);
    assert_rv(ASK(verification_claim, "v1"), APR_NOTFOUND);
    assert_rv(ASK(password, "u1", &hash), APR_SUCCESS);
    assert_string_equal(hash, "reset");
    assert_rv(ASK(verification_add, new_token(f, "v2"), NULL), APR_SUCCESS);
    assert_rv(ASK(verification_claim, "v2"), APR_SUCCESS);
    assert_rv(ASK(verification_claim, "v2"), APR_NOTFOUND);
    /* who has no password yet gets an account with one */
    sqlite_run(db, "DELETE FROM account");
    t = new_token(f, "v3");
    assert_rv(ASK(verification_add, t, NULL), APR_SUCCESS);
    assert_rv(ASK(password_reset, t, "first", "a4", 0, new_mail(f, "m2"), NOW), APR_SUCCESS);
    assert_rv(ASK(password, "u1", &hash), APR_SUCCESS);
    assert_string_equal(hash, "first");
    /* a step that fails leaves the token good */
    sqlite_run(db, "DELETE FROM account");
    assert_rv(ASK(verification_add, new_token(f, "v4"), NULL), APR_SUCCESS);
    t->id = "v4";
    t->value = "nobody";
    assert_rv(ASK(password_reset, t, "x", "a5", 0, NULL, NOW), APR_EGENERAL);
    assert_rv(ASK(verification_claim, "v4"), APR_SUCCESS);
}

static void the_last_account_stays(void **state)
{
    fixture *f = *state;
    apr_array_header_t *rows;

    add_zoe(f);
    assert_rv(ASK(account_delete, "u1", "a1", 0), APR_EEXIST);
    sqlite_run(db, "INSERT INTO account (id, accountId, providerId, userId, scope, createdAt,"
                   " updatedAt) VALUES ('g1', '4711', 'github', 'u1', 'a,b',"
                   " '2030-01-01T00:00:00.000Z', 'rubbish')");
    assert_rv(ASK(accounts, "u1", &rows), APR_SUCCESS);
    assert_int_equal(rows->nelts, 2);
    assert_rv(ASK(account_delete, "u1", "other", 0), APR_NOTFOUND);
    assert_rv(ASK(account_delete, "u9", "a1", 1), APR_NOTFOUND);
    assert_rv(ASK(account_delete, "u1", "g1", 0), APR_SUCCESS);
    assert_rv(ASK(account_delete, "u1", "a1", 1), APR_SUCCESS);
    assert_rv(ASK(accounts, "u1", &rows), APR_SUCCESS);
    assert_int_equal(rows->nelts, 0);
}

static void addresses(void **state)
{
    fixture *f = *state;
    ba_user *zoe = new_user(f, "u1", ZOE), *u;

    add_zoe(f);
    assert_rv(ASK(sign_up, new_user(f, "u2", "amy@example.com"), "a2", "h", NULL, NULL),
              APR_SUCCESS);
    assert_rv(ASK(user_verify, zoe, new_session(f, "s2", "u1"), NOW), APR_SUCCESS);
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
    assert_true(u->email_verified);
    assert_non_null(session_of(f, "token-s2"));
    assert_rv(ASK(email_change, zoe, "amy@example.com", 1, NULL, NULL, NULL, NOW), APR_EEXIST);
    assert_rv(ASK(email_change, zoe, "new@example.com", 0, new_session(f, "s3", "u1"),
                  new_mail(f, "m1"), NULL, NOW),
              APR_SUCCESS);
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
    assert_string_equal(u->email, "new@example.com");
    assert_false(u->email_verified);
    assert_string_equal(sqlite_value(db, "SELECT recipient FROM ba_mail"), ZOE);
    /* what was asked for the old address does not hold for the new one */
    assert_rv(ASK(user_verify, zoe, new_session(f, "s4", "u1"), NOW), APR_NOTFOUND);
    assert_rv(ASK(email_change, zoe, "other@example.com", 1, new_session(f, "s5", "u1"), NULL, NULL,
                  NOW),
              APR_NOTFOUND);
    assert_null(session_of(f, "token-s4"));
    assert_null(session_of(f, "token-s5"));
}

static void users_go_with_all_they_have(void **state)
{
    fixture *f = *state;
    ba_user *u;

    add_zoe(f);
    assert_rv(ASK(user_delete, "u1", "v1"), APR_NOTFOUND); /* no such token */
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
    assert_rv(ASK(verification_add, new_token(f, "v1"), NULL), APR_SUCCESS);
    assert_rv(ASK(user_delete, "u1", "v1"), APR_SUCCESS);
    assert_rv(ASK(user, "u1", &u), APR_NOTFOUND);
    assert_null(session_of(f, "token-s1"));
    assert_string_equal(sqlite_value(db, "SELECT count(*) FROM account"), "0");
    assert_string_equal(sqlite_value(db, "SELECT count(*) FROM verification"), "0");
    add_zoe(f);
    assert_rv(ASK(user_delete, "u1", NULL), APR_SUCCESS);
    assert_rv(ASK(user, "u1", &u), APR_NOTFOUND);
}

static void mails_are_capped(void **state)
{
    fixture *f = *state;
    ba_mail *m = new_mail(f, "m1");
    ba_time oldest = 1;
    int count = 1;

    add_zoe(f);
    assert_rv(ba_store_mail_queue(&db->db, &count, &oldest, f->pool), APR_SUCCESS);
    assert_int_equal(count, 0);
    assert_true(oldest == 0);
    assert_rv(ASK(mail_add, m), APR_SUCCESS);
    assert_true(m->queued);
    m->id = "m2";
    assert_rv(ASK(mail_add, m), APR_SUCCESS);
    assert_true(m->queued);
    m->id = "m3";
    assert_rv(ASK(mail_add, m), APR_SUCCESS);
    assert_false(m->queued);
    assert_rv(ba_store_mail_queue(&db->db, &count, &oldest, f->pool), APR_SUCCESS);
    assert_int_equal(count, 2);
    assert_true(oldest == NOW);
}

/* ---- own columns */

static int setup_columns(void **state)
{
    static const ba_columns none;
    int rc = fixture_setup(state);
    fixture *f = *state;

    f->settings.columns = ba_admin_columns(&none, f->pool);
    db = rc ? NULL : sqlite_open(f, ":memory:", &f->settings.columns);
    return rc;
}

static void own_columns_are_written_and_read(void **state)
{
    fixture *f = *state;
    ba_user *u = new_user(f, "u1", ZOE);
    ba_session *s = new_session(f, "s1", "u1");
    ba_extra *extra = ba_extra_create(f->settings.columns.user, f->pool);
    ba_extra *own = ba_extra_create(f->settings.columns.session, f->pool);

    extra->values[0] = "admin,user";
    u->extra = extra;
    own->values[0] = "u9";
    s->extra = own;
    assert_rv(ASK(sign_up, u, "a1", "hash", s, NULL), APR_SUCCESS);
    assert_rv(ASK(session, "token-s1", &s, &u), APR_SUCCESS);
    assert_true(ba_admin_has_role(u, "admin"));
    assert_true(ba_admin_impersonated(s));
    assert_int_equal(ba_admin_ban(u, NOW), BA_BAN_NONE);
    sqlite_run(db, "UPDATE user SET banned = 1, banExpires = '2029-12-31T00:00:00.000Z'");
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
    assert_int_equal(ba_admin_ban(u, NOW), BA_BAN_OVER);
    /* only what is given changes */
    assert_rv(ASK(user_update, "u1", NULL, 0, NULL, ba_admin_lift(u, f->pool), NOW), APR_SUCCESS);
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
    assert_int_equal(ba_admin_ban(u, NOW), BA_BAN_NONE);
    assert_true(ba_admin_has_role(u, "admin"));
    sqlite_run(db, "UPDATE user SET banned = 1, banExpires = 'tomorrow'");
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
    assert_int_equal(ba_admin_ban(u, NOW), BA_BANNED);
    own->values[0] = NULL;
    own->given[0] = 1;
    assert_rv(ASK(session_update, s, own, NOW), APR_SUCCESS);
    assert_rv(ASK(session, "token-s1", &s, &u), APR_SUCCESS);
    assert_false(ba_admin_impersonated(s));
    assert_non_null(s->extra);
    assert_true(ba_db_has(&db->conn, "user", "banned", f->pool));
    assert_false(ba_db_has(&db->conn, "user", "nothing", f->pool));
}

/* ---- a database that fails */

/* Every question, one after the other; how many do not say APR_EGENERAL. */
static int ask_everything(fixture *f)
{
    apr_array_header_t *rows;
    const char *hash;
    ba_user *u = new_user(f, "u7", "amy@example.com"), *found;
    ba_session *s = new_session(f, "s7", "u1"), *session;
    ba_verification *t = new_token(f, "v7");
    const apr_status_t said[] = {
        ASK(login, ZOE, &found, &hash),
        ASK(session, "token-s1", &session, &found),
        ASK(sign_up, u, "a7", "h", s, NULL),
        ASK(session_add, s),
        ASK(session_extend, s, NOW, NOW),
        ASK(session_update, s, NULL, NOW),
        ASK(session_delete, "token-s1"),
        ASK(password_renew, "u1", "hash", "h", NOW),
        ASK(sessions, "u1", NOW, &rows),
        ASK(sessions_delete, "u1", NULL),
        ASK(sessions_delete, "u1", "s1"),
        ASK(user_update, "u1", "x", 0, NULL, NULL, NOW),
        ASK(password, "u1", &hash),
        ASK(password_change, "u1", "hash", "h", s, NOW),
        ASK(accounts, "u1", &rows),
        ASK(account_delete, "u1", "a1", 1),
        ASK(user, "u1", &found),
        ASK(user_verify, u, s, NOW),
        ASK(email_change, u, "x@example.com", 1, s, NULL, NULL, NOW),
        ASK(user_delete, "u1", NULL),
        ASK(verification_add, t, NULL),
        ASK(verification, "reset-password:abc", &t),
        ASK(verification_claim, "v1"),
        ASK(password_reset, t, "h", "a7", 1, NULL, NOW),
        ASK(mail_add, new_mail(f, "m7")),
    };
    int otherwise = 0;

    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); ++i) {
        otherwise += said[i] != APR_EGENERAL;
    }
    /* one answer for each question there is */
    assert_int_equal(sizeof(said) / sizeof(said[0]), sizeof(ba_store_ops) / sizeof(void *) + 1);
    return otherwise;
}

static void down_allows_nothing(void **state)
{
    fixture *f = *state;
    ba_time oldest;
    int count;

    add_zoe(f);
    db->refused = 1000;
    assert_int_equal(ask_everything(f), 0);
    assert_int_equal(f->log->nelts, 0); /* the lender has logged it */
    assert_rv(ba_store_ready(&db->db, f->pool), APR_EGENERAL);
    assert_rv(ba_store_mail_queue(&db->db, &count, &oldest, f->pool), APR_EGENERAL);
    db->refused = 0;
    assert_rv(ba_store_ready(&db->db, f->pool), APR_SUCCESS);
    assert_non_null(session_of(f, "token-s1"));
}

static void without_tables_nothing_is_allowed(void **state)
{
    fixture *f = *state;
    const ba_db plain = {0};

    assert_null(ba_db_check(&plain, &db->conn, f->pool));
    sqlite_run(db, "DROP TABLE session; DROP TABLE account; DROP TABLE verification;"
                   " DROP TABLE ba_mail; DROP TABLE user");
    assert_int_equal(ask_everything(f), 0);
    assert_true(fixture_logged(f, "BA0201"));
    assert_rv(ba_store_ready(&db->db, f->pool), APR_INCOMPLETE);
    assert_non_null(ba_db_check(&plain, &db->conn, f->pool));
    assert_true(ba_db_works(&db->conn, f->pool));
}

static void *let_go(apr_thread_t *thread, void *other)
{
    apr_sleep(100 * 1000);
    apr_dbd_close(((sqlite *)other)->conn.driver, ((sqlite *)other)->conn.handle);
    return thread;
}

/* As whoever opens it after a crash, or is the last to close it, has the file for a moment. */
static void a_locked_file_is_waited_for(void **state)
{
    fixture *f = *state;
    char *folder = apr_pstrdup(f->pool, "/tmp/store-test-XXXXXX");
    const ba_db plain = {0};
    const char *file;
    sqlite *other;
    apr_thread_t *thread;
    apr_status_t rv;

    assert_non_null(mkdtemp(folder));
    file = apr_pstrcat(f->pool, folder, "/auth.db", NULL);
    other = sqlite_open(f, file, NULL);
    sqlite_run(other, "PRAGMA locking_mode = EXCLUSIVE");
    sqlite_run(other, "CREATE TABLE mine (a)");
    sqlite_close(db);
    assert_rv(apr_thread_create(&thread, NULL, let_go, other, f->pool), APR_SUCCESS);
    assert_rv(apr_dbd_open(db->conn.driver, f->pool, file, &db->conn.handle), APR_SUCCESS);
    assert_null(ba_db_check(&plain, &db->conn, f->pool));
    assert_rv(apr_thread_join(&rv, thread), APR_SUCCESS);
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end; ++end) {
        unlink(apr_pstrcat(f->pool, file, *end, NULL));
    }
    rmdir(folder);
}

/* A connection whose schema others have changed: the statements are prepared again. */
static void a_changed_schema_is_no_harm(void **state)
{
    fixture *f = *state;
    ba_user *u;

    add_zoe(f);
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
    sqlite_run(db, "ALTER TABLE user ADD COLUMN more text");
    assert_rv(ASK(user, "u1", &u), APR_SUCCESS);
    assert_rv(ASK(user_update, "u1", "Amy", 0, NULL, NULL, NOW), APR_SUCCESS);
}

static void values_that_do_not_fit(void **state)
{
    fixture *f = *state;
    ba_user *u = new_user(f, "u1", ZOE);

    u->name = NULL; /* NOT NULL */
    assert_rv(ASK(sign_up, u, "a1", "h", NULL, NULL), APR_EINVAL);
    assert_string_equal(sqlite_value(db, "SELECT count(*) FROM user"), "0");
}

static void dates_that_cannot_be_read_are_long_ago(void **state)
{
    fixture *f = *state;

    add_zoe(f);
    sqlite_run(db, "UPDATE session SET expiresAt = 'never'");
    assert_true(session_of(f, "token-s1")->expires_at < NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sign_up_is_whole),
        TEST(long_images_are_read_whole),
        TEST(a_revoked_session_is_not_brought_back),
        TEST(sessions_are_listed_and_limited),
        TEST(passwords),
        TEST(tokens_are_used_once),
        TEST(the_last_account_stays),
        TEST(addresses),
        TEST(users_go_with_all_they_have),
        TEST(mails_are_capped),
        cmocka_unit_test_setup_teardown(own_columns_are_written_and_read, setup_columns, teardown),
        TEST(down_allows_nothing),
        TEST(without_tables_nothing_is_allowed),
        TEST(a_locked_file_is_waited_for),
        TEST(a_changed_schema_is_no_harm),
        TEST(values_that_do_not_fit),
        TEST(dates_that_cannot_be_read_are_long_ago),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
