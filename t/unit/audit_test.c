/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Who did what: each event is told once, with who and why, to the logs and the meter. */

#include "serve.h"

#include "ba_audit.h"
#include "ba_meter.h"
#include "ba_routes.h"

#include <stdlib.h>

static ba_meter *meter_of(fixture *f)
{
    /* aligned as shared memory is */
    void *memory = apr_pcalloc(f->pool, ba_meter_size() + 64);

    return ba_meter_create((void *)APR_ALIGN((apr_uintptr_t)memory, 64), NOW, f->pool);
}

static void rows_are_whole(void **state)
{
    (void)state;
    for (int i = 0; i < BA_EVENT_COUNT; ++i) {
        const char *outcome = ba_events[i].outcome;

        assert_non_null(ba_events[i].name);
        assert_true(strspn(ba_events[i].name, "abcdefghijklmnopqrstuvwxyz-")
                    == strlen(ba_events[i].name));
        assert_true(!strcmp(outcome, "success") || !strcmp(outcome, "failure")
                    || !strcmp(outcome, "denied"));
        assert_int_equal(strncmp(ba_events[i].line, "BA0", 3), 0);
        for (int j = 0; j < i; ++j) {
            assert_string_not_equal(ba_events[i].name, ba_events[j].name);
        }
    }
    for (int i = BA_FAILURE_NONE + 1; i < BA_FAILURE_COUNT; ++i) {
        assert_non_null(ba_failures[i]);
    }
}

static void tells_everybody(void **state)
{
    fixture *f = *state;
    const fixture_event *e;

    f->call->meter = meter_of(f);
    ba_audit(f->call, BA_EVENT_SIGN_IN_FAILED,
             (ba_fact){.user = "user1", .failure = BA_FAILURE_PASSWORD});
    ba_audit(f->call, BA_EVENT_LIMITED, (ba_fact){.reason = "/sign-in/email"});
    assert_string_equal(APR_ARRAY_IDX(f->log, 0, const char *),
                        "BA0405: sign-in failed (wrong password), user user1, client 192.0.2.7");
    assert_string_equal(APR_ARRAY_IDX(f->log, 1, const char *),
                        "BA0802: too many requests (/sign-in/email), user -, client 192.0.2.7");
    assert_int_equal(f->events->nelts, 2);
    e = &APR_ARRAY_IDX(f->events, 0, fixture_event);
    assert_int_equal(e->event, BA_EVENT_SIGN_IN_FAILED);
    assert_string_equal(e->fact.reason, "wrong password");
    assert_string_equal(e->fact.user, "user1");
    assert_int_equal(ba_meter_total(f->call->meter, BA_COUNT_EVENTS + BA_EVENT_SIGN_IN_FAILED), 1);
    assert_int_equal(ba_meter_total(f->call->meter, BA_COUNT_FAILURES + BA_FAILURE_PASSWORD), 1);
    assert_int_equal(ba_meter_total(f->call->meter, BA_COUNT_FAILURES + BA_FAILURE_ADDRESS), 0);
    assert_int_equal(ba_meter_total(f->call->meter, BA_COUNT_EVENTS + BA_EVENT_LIMITED), 1);
}

static void needs_nobody_who_listens(void **state)
{
    fixture *f = *state;
    ba_call_ops ops = *f->call->ops;

    ops.audit = NULL;
    f->call->ops = &ops;
    ba_audit(f->call, BA_EVENT_SIGN_OUT, (ba_fact){0});
    assert_true(fixture_logged(f, "BA0406"));
    assert_int_equal(f->events->nelts, 0);
}

/* What the latest request told. */
static void assert_told(fixture *f, ba_event event, const char *user, const char *session,
                        const char *reason)
{
    const fixture_event *e;

    assert_int_equal(f->events->nelts, 1);
    e = &APR_ARRAY_IDX(f->events, 0, fixture_event);
    assert_int_equal(e->event, event);
    if (user) {
        assert_string_equal(e->fact.user, user);
    }
    else {
        assert_null(e->fact.user);
    }
    if (session && !strcmp(session, "new")) {
        assert_int_equal(strlen(e->fact.session), BA_ID_LENGTH);
    }
    else if (session) {
        assert_string_equal(e->fact.session, session);
    }
    else {
        assert_null(e->fact.session);
    }
    if (reason) {
        assert_string_equal(e->fact.reason, reason);
    }
    else {
        assert_null(e->fact.reason);
    }
    apr_array_clear(f->events);
}

static void signing_up_in_and_out(void **state)
{
    static const char in[] = "/sign-in/email", good[] = "{\"email\":\"zoe@example.com\","
                                                        "\"password\":\"" PASSWORD "\"}";
    fixture *f = *state;
    const ba_session *session;

    serve(f, "POST", "/sign-up/email",
          "{\"name\":\"Zoe\",\"email\":\"new@example.com\",\"password\":\"" PASSWORD "\"}");
    assert_int_equal(f->events->nelts, 1);
    assert_int_equal(APR_ARRAY_IDX(f->events, 0, fixture_event).event, BA_EVENT_SIGN_UP);
    assert_non_null(APR_ARRAY_IDX(f->events, 0, fixture_event).fact.session);
    apr_array_clear(f->events);
    serve(f, "POST", "/sign-up/email",
          "{\"name\":\"Zoe\",\"email\":\"new@example.com\",\"password\":\"" PASSWORD "\"}");
    assert_told(f, BA_EVENT_SIGN_UP_TAKEN, NULL, NULL, NULL);
    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    serve(f, "POST", in, good);
    session = APR_ARRAY_IDX(f->store.sessions, f->store.sessions->nelts - 1, ba_session *);
    assert_told(f, BA_EVENT_SIGN_IN, "user2", "new", NULL);
    serve(f, "POST", in, "{\"email\":\"zoe@example.com\",\"password\":\"wrong wrong\"}");
    assert_told(f, BA_EVENT_SIGN_IN_FAILED, "user2", NULL, "wrong password");
    serve(f, "POST", in, "{\"email\":\"nobody@example.com\",\"password\":\"wrong wrong\"}");
    assert_told(f, BA_EVENT_SIGN_IN_FAILED, NULL, NULL, "unknown address");
    fixture_add_user(f, "social@example.com", NULL);
    serve(f, "POST", in, "{\"email\":\"social@example.com\",\"password\":\"wrong wrong\"}");
    assert_told(f, BA_EVENT_SIGN_IN_FAILED, "user3", NULL, "no password");
    f->settings.require_email_verification = 1;
    serve(f, "POST", in, good);
    assert_told(f, BA_EVENT_SIGN_IN_UNVERIFIED, "user2", NULL, NULL);
    serve_as(f, session->token, "POST", "/sign-out", "{}");
    assert_told(f, BA_EVENT_SIGN_OUT, "user2", session->id, NULL);
    serve_as(f, session->token, "POST", "/sign-out", "{}"); /* nobody any more */
    assert_int_equal(f->events->nelts, 0);
}

static void what_the_signed_in_do(void **state)
{
    fixture *f = *state;
    ba_session *session;

    fixture_add_user(f, "zoe@example.com", hash_of(f, PASSWORD));
    session = fixture_add_session(f, "user1", TOKEN, NOW + 7 * DAY);
    session->created_at = NOW; /* fresh */
    fixture_add_session(f, "user1", "another-session-token", NOW + 7 * DAY);
    serve_as(f, TOKEN, "POST", "/revoke-session", "{\"token\":\"another-session-token\"}");
    assert_told(f, BA_EVENT_SESSION_REVOKED, "user1", "session2", NULL);
    serve_as(f, TOKEN, "POST", "/revoke-other-sessions", "{}");
    assert_told(f, BA_EVENT_SESSIONS_REVOKED, "user1", NULL, "all others");
    serve_as(f, TOKEN, "POST", "/change-password",
             "{\"currentPassword\":\"wrong wrong\",\"newPassword\":\"" PASSWORD "2\"}");
    assert_told(f, BA_EVENT_PASSWORD_WRONG, "user1", "session1", NULL);
    serve_as(f, TOKEN, "POST", "/change-password",
             "{\"currentPassword\":\"" PASSWORD "\",\"newPassword\":\"" PASSWORD "2\"}");
    assert_told(f, BA_EVENT_PASSWORD_CHANGED, "user1", "session1", NULL);
    fixture_add_account(f, "user1", "account1");
    fixture_add_account(f, "user1", "account2");
    serve_as(f, TOKEN, "POST", "/unlink-account", "{\"accountId\":\"account2\"}");
    assert_told(f, BA_EVENT_ACCOUNT_UNLINKED, "user1", "session1", NULL);
    session->created_at = NOW - 2 * DAY;
    serve_as(f, TOKEN, "POST", "/unlink-account", "{\"accountId\":\"account1\"}");
    assert_told(f, BA_EVENT_STEP_UP, "user1", "session1", NULL);
    serve_as(f, TOKEN, "POST", "/revoke-sessions", "{}");
    assert_told(f, BA_EVENT_SESSIONS_REVOKED, "user1", NULL, "all");
}

static void what_is_refused(void **state)
{
    fixture *f = *state;

    fixture_call(f, "POST", "/sign-in/email");
    fixture_header(f, "Origin", "https://evil.example");
    fixture_header(f, "Cookie", "a=b");
    serve_with(f, "POST", "/sign-in/email", "application/json",
               "{\"email\":\"a@b.example\",\"password\":\"" PASSWORD "\"}");
    assert_told(f, BA_EVENT_ORIGIN_REFUSED, NULL, NULL, "INVALID_ORIGIN");
    serve(f, "POST", "/sign-in/email",
          "{\"email\":\"a@b.example\",\"password\":\"x\",\"callbackURL\":\"https://evil.example/\"}");
    assert_told(f, BA_EVENT_URL_REFUSED, NULL, NULL, "callbackURL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(rows_are_whole),
        FIXTURE_TEST(tells_everybody),
        FIXTURE_TEST(needs_nobody_who_listens),
        TEST(signing_up_in_and_out),
        TEST(what_the_signed_in_do),
        TEST(what_is_refused),
    };

    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
