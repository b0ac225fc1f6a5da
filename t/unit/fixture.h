/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What the unit tests share: settings, a call with headers, a store in memory
 * that can fail, and a clock that stands still. Every test gets a fresh one. */

#ifndef FIXTURE_H
#define FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ba_call.h"
#include "ba_settings.h"
#include "ba_store.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

/* The secret and token of http-api 12. */
#define SECRET "0123456789abcdef0123456789abcdef"
#define TOKEN "abcdefghijklmnopqrstuvwxyzABCDEF"
#define SIGNED_TOKEN TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ="
#define COOKIE_TOKEN TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jQ%3D"
#define COOKIE_TRUE "true.LrxJKa3x2eCRjNwwnr9kuw9J8F5SAHRXP10QjfJxfd0%3D"

#define ORIGIN "http://auth.test"
#define NOW 1893456000000 /* 2030-01-01T00:00:00.000Z */
#define DAY BA_MS(86400)

typedef enum { OP_LOGIN, OP_SESSION, OP_SIGN_UP, OP_SESSION_ADD, OP_SESSION_EXTEND, OP_SESSION_UPDATE,
               OP_SESSION_DELETE, OP_PASSWORD_RENEW, OP_SESSIONS, OP_SESSIONS_DELETE,
               OP_USER_UPDATE, OP_PASSWORD, OP_PASSWORD_CHANGE, OP_ACCOUNTS, OP_ACCOUNT_DELETE, OP_USER,
               OP_USER_VERIFY, OP_EMAIL_CHANGE, OP_USER_DELETE, OP_VERIFICATION_ADD,
               OP_VERIFICATION, OP_VERIFICATION_CLAIM, OP_PASSWORD_RESET, OP_MAIL_ADD, OP_COUNT } fake_op;

typedef struct fake_user {
    ba_user user;
    const char *hash;
} fake_user;

typedef struct fake_store {
    ba_store base;
    apr_pool_t *pool;
    apr_array_header_t *users;    /* of fake_user */
    apr_array_header_t *sessions; /* of ba_session */
    apr_array_header_t *accounts; /* of ba_account; the hash is the user's all the same */
    apr_array_header_t *tokens;   /* of ba_verification */
    apr_array_header_t *mails;    /* of ba_mail */
    apr_status_t answer[OP_COUNT]; /* not APR_SUCCESS: what this question gets */
    int asked[OP_COUNT];
    /* Runs before the question is looked at: somebody else's request. */
    void (*before[OP_COUNT])(struct fake_store *store);
} fake_store;

/* What ba_audit() has told. */
typedef struct fixture_event {
    ba_event event;
    ba_fact fact;
} fixture_event;

typedef struct fixture {
    apr_pool_t *pool;
    ba_settings settings;
    fake_store store;
    ba_call *call;        /* the latest of fixture_call() */
    apr_table_t *headers; /* of that call */
    apr_array_header_t *log; /* of const char *, over all calls */
    apr_array_header_t *events; /* of fixture_event, likewise */
    const ba_error *veto; /* what another module says of any sign-in; NULL: nothing */
    int vetoes_asked;
    int gone; /* has the client gone, if anybody asks? */
    const char *subject; /* of mails; NULL: the name of their document */
    struct ba_gate *gate; /* of those tests that make one */
    struct ba_limit *limit;
    struct ba_store *database; /* in place of the store in memory (sqlite.h) */
    const struct ba_session_cache *session_cache;
    const struct ba_revocations *revocations;
} fixture;

/* For cmocka's setup and teardown; *state becomes a fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A new call without headers and body, which f->call is then. */
ba_call *fixture_call(fixture *f, const char *method, const char *path);
void fixture_header(fixture *f, const char *name, const char *value);

fake_user *fixture_add_user(fixture *f, const char *email, const char *hash);
ba_session *fixture_add_session(fixture *f, const char *user_id, const char *token,
                                ba_time expires_at);
ba_account *fixture_add_account(fixture *f, const char *user_id, const char *id);
ba_session *fixture_find_session(fixture *f, const char *token);

/* The newest mail of the outbox; NULL if there is none. */
const ba_mail *fixture_mail(const fixture *f);

/* Has a line with this tag been logged? */
int fixture_logged(const fixture *f, const char *tag);

/* The Set-Cookie line of this name, or NULL. */
const char *fixture_cookie(const fixture *f, const char *name);

/* One test that has a fixture. */
#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

#endif
