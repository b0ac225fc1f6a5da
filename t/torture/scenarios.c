/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "torture.h"

#include "ba_credentials.h"
#include "ba_mac.h"
#include "ba_session.h"

static const char *expect(int good, const char *what)
{
    return good ? NULL : what;
}

#define SESSIONS(token) torture_count(r, "session WHERE token = '" token "'")

/* ---- sign-up and sign-in */

#define SIGN_UP                                                                                    \
    "{\"name\":\"Amy\",\"email\":\"amy@example.com\",\"password\":\"" PASSWORD "\"}"

static void sign_up(run *r)
{
    serve(r->f, "POST", "/sign-up/email", SIGN_UP);
}

#define AMY "FROM user WHERE email = 'amy@example.com'"

static const char *signed_up(run *r)
{
    return expect(torture_count(r, "user WHERE email = 'amy@example.com'") == 1
                      && torture_count(r, "account WHERE userId = (SELECT id " AMY ")") == 1
                      && torture_count(r, "session WHERE userId = (SELECT id " AMY ")") == 1
                      && (torture_count(r, "ba_mail WHERE recipient = 'amy@example.com'") == 1
                          || fixture_logged(r->f, "BA0421") || fixture_logged(r->f, "BA07")),
                  "a sign-up that is not whole");
}

/* Or all of it, where only the cookie could not be signed any more; as with others below. */
static const char *not_signed_up(run *r)
{
    return expect(!signed_up(r)
                  || (torture_count(r, "user WHERE email = 'amy@example.com'") == 0
                      && torture_count(r, "ba_mail") == 0 && torture_count(r, "account") == 2
                      && torture_count(r, "session") == 2),
                  "half a sign-up");
}

#define SIGN_IN(email, password) "{\"email\":\"" email "\",\"password\":\"" password "\"}"

static void sign_in(run *r)
{
    serve(r->f, "POST", "/sign-in/email", SIGN_IN(ZOE, PASSWORD));
}

/* The stored hash is not in the configured form. */
static void sign_in_renewed(run *r)
{
    r->f->settings.hash.memory_kib = 16;
    sign_in(r);
}

static const char *signed_in(run *r)
{
    return expect(torture_count(r, "session WHERE userId = 'u1'") == 3
                      && torture_password_is(r, PASSWORD),
                  "no session, or no password any more");
}

/* A session of which nobody got the cookie may be left. */
static const char *not_signed_in(run *r)
{
    return expect(torture_password_is(r, PASSWORD), "no password any more");
}

static void sign_in_wrong(run *r)
{
    serve(r->f, "POST", "/sign-in/email", SIGN_IN(ZOE, "wrong horse"));
}

static void sign_in_unknown(run *r)
{
    serve(r->f, "POST", "/sign-in/email", SIGN_IN("nobody@example.com", PASSWORD));
}

static void sign_in_banned(run *r)
{
    serve(r->f, "POST", "/sign-in/email", SIGN_IN(BOB, PASSWORD));
}

static void unverified(run *r)
{
    r->f->settings.require_email_verification = 1;
}

static const ba_error closed = {403, "CLOSED", "closed"};

static void vetoed(run *r)
{
    r->f->veto = &closed;
}

static void basic(run *r, const char *typed)
{
    ba_bytes password = {typed, strlen(typed)};

    fixture_call(r->f, "GET", "/");
    r->f->call->gate = r->f->gate;
    r->f->call->limit = r->f->limit;
    if (ba_credentials_check(r->f->call, ZOE, password)) {
        ba_call_ok(r->f->call, "{\"user\":true}");
    }
}

static void basic_right(run *r)
{
    basic(r, PASSWORD);
}

static void basic_wrong(run *r)
{
    basic(r, "wrong horse");
}

/* ---- who is this */

static void get_session(run *r)
{
    torture_as(r, 0, "GET", "/get-session", NULL);
}

/* The cache knows the session. */
static void cached(run *r)
{
    get_session(r);
}

static void list_sessions(run *r)
{
    torture_as(r, 0, "GET", "/list-sessions", NULL);
}

static void expired(run *r)
{
    sqlite_run(r->db, "UPDATE session SET expiresAt = '2029-12-31T00:00:00.000Z'");
}

static void banned(run *r)
{
    cached(r);
    sqlite_run(r->db, "UPDATE user SET banned = 1 WHERE id = 'u1'");
    /* as betterauthctl does it */
    r->f->database->ops->sessions_delete(r->f->database, "u1", NULL, r->f->pool);
}

static void forged(run *r)
{
    fixture_call(r->f, "GET", "/get-session");
    fixture_header(r->f, "Cookie", NAME "=" TOKEN ".M2ywRDp5rcBzPkujXjncHeiPyZUNaplgYBDEjlr95jR%3D");
    serve_with(r->f, "GET", "/get-session", NULL, NULL);
}

/* The guard of a page asks no more than this. */
static void guarded(run *r)
{
    apr_status_t rv;

    fixture_call(r->f, "GET", "/page");
    if (r->token) {
        fixture_header(r->f, "Cookie", r->token);
    }
    rv = ba_session_find(r->f->call);
    if (rv == APR_SUCCESS) {
        ba_call_ok(r->f->call, "{\"user\":true}");
    }
    else {
        ba_call_fail(r->f->call, rv == APR_EGENERAL ? &ba_err_unavailable : &ba_err_unauthorized);
    }
}

static void with_cookie(run *r)
{
    r->token = r->cookies[0];
}

static void with_revoked_cookie(run *r)
{
    cached(r);
    r->token = r->cookies[0];
    r->f->database->ops->session_delete(r->f->database, TOKEN, r->f->pool);
}

/* ---- the end of sessions */

static void sign_out(run *r)
{
    torture_as(r, 0, "POST", "/sign-out", "{}");
}

static const char *signed_out(run *r)
{
    return expect(SESSIONS(TOKEN) == 0, "signed out, and the session lives");
}

static const char *revoked(run *r)
{
    return expect(SESSIONS(TOKEN) == 0 && SESSIONS(OTHER_TOKEN) == 1,
                  "revoked, and the session lives");
}

static void revoke_session(run *r)
{
    torture_as(r, 1, "POST", "/revoke-session", "{\"token\":\"" TOKEN "\"}");
}

static void revoke_others(run *r)
{
    torture_as(r, 1, "POST", "/revoke-other-sessions", "{}");
}

static void revoke_all(run *r)
{
    torture_as(r, 0, "POST", "/revoke-sessions", "{}");
}

static const char *all_revoked(run *r)
{
    return expect(torture_count(r, "session WHERE userId = 'u1'") == 0,
                  "revoked, and a session lives");
}

/* ---- passwords */

static void change_password(run *r)
{
    torture_as(r, 0, "POST", "/change-password",
             "{\"currentPassword\":\"" PASSWORD "\",\"newPassword\":\"" NEW_PASSWORD
             "\",\"revokeOtherSessions\":true}");
}

static const char *password_changed(run *r)
{
    return expect(torture_password_is(r, NEW_PASSWORD) && SESSIONS(TOKEN) == 0
                      && SESSIONS(OTHER_TOKEN) == 0
                      && torture_count(r, "session WHERE userId = 'u1'") == 1,
                  "changed, and not all of it");
}

static const char *password_unchanged(run *r)
{
    return expect(!password_changed(r)
                      || (torture_password_is(r, PASSWORD) && SESSIONS(TOKEN) == 1
                          && SESSIONS(OTHER_TOKEN) == 1),
                  "not changed, but something of it");
}

static void change_password_wrong(run *r)
{
    torture_as(r, 0, "POST", "/change-password",
             "{\"currentPassword\":\"wrong horse\",\"newPassword\":\"" NEW_PASSWORD "\"}");
}

static void request_reset(run *r)
{
    serve(r->f, "POST", "/request-password-reset", "{\"email\":\"" ZOE "\"}");
}

/* An address that exists and one that does not get the same answer, so the rows tell. */
static const char *token_and_mail(run *r)
{
    return expect(torture_count(r, "verification") == torture_count(r, "ba_mail"),
                  "a token without its mail, or a mail without its token");
}

/* As it was mailed. */
static const char *mailed_link(run *r)
{
    ba_mail mail = {.message = sqlite_value(r->db, "SELECT message FROM ba_mail")};

    return link_in(r->f, &mail);
}

static void with_reset_token(run *r)
{
    const char *link;

    request_reset(r);
    link = mailed_link(r) + strlen(ORIGIN "/api/auth/reset-password/");
    r->token = apr_pstrmemdup(r->f->pool, link, strcspn(link, "?"));
}

static void reset_password(run *r)
{
    serve(r->f, "POST", "/reset-password",
          apr_pstrcat(r->f->pool, "{\"newPassword\":\"" NEW_PASSWORD "\",\"token\":\"", r->token,
                      "\"}", NULL));
}

static const char *password_reset(run *r)
{
    return expect(torture_password_is(r, NEW_PASSWORD) && torture_count(r, "verification") == 0
                      && torture_count(r, "session WHERE userId = 'u1'") == 0,
                  "reset, and not all of it");
}

static const char *password_not_reset(run *r)
{
    return expect(torture_password_is(r, PASSWORD) && torture_count(r, "verification") == 1
                      && SESSIONS(TOKEN) == 1,
                  "not reset, but something of it");
}

static void with_used_token(run *r)
{
    with_reset_token(r);
    sqlite_run(r->db, "DELETE FROM verification");
}

static const char *old_password(run *r)
{
    return expect(torture_password_is(r, PASSWORD), "a password that nobody could set");
}

/* ---- addresses */

static void with_verify_link(run *r)
{
    r->f->settings.verify_signs_in = 1;
    torture_as(r, 0, "POST", "/send-verification-email", "{\"email\":\"" ZOE "\"}");
    r->token = mailed_link(r);
}

static void send_verification(run *r)
{
    torture_as(r, 0, "POST", "/send-verification-email", "{\"email\":\"" ZOE "\"}");
}

static const char *mail_waits(run *r)
{
    return expect(torture_count(r, "ba_mail") == 1, "no mail waits");
}

static void follow_link(run *r)
{
    follow(r->f, NULL, r->token);
}

static const char *is_verified(run *r)
{
    return expect(torture_count(r, "user WHERE id = 'u1' AND emailVerified = 1") == 1
                      || strstr(r->f->call->answer.location ? r->f->call->answer.location : "",
                                "error="),
                  "not verified");
}

static int verified_sessions(run *r)
{
    return torture_count(r, "user WHERE emailVerified = 1") * 10
           + torture_count(r, "session WHERE userId = 'u1'");
}

static const char *not_verified(run *r)
{
    return expect(verified_sessions(r) == 2 || verified_sessions(r) == 13, "half verified");
}

static const char *never_verified(run *r)
{
    return expect(verified_sessions(r) == 2, "verified by a forged link");
}

static void with_forged_link(run *r)
{
    char *token;

    with_verify_link(r);
    token = strstr(r->token, "token=");
    token[strcspn(token, "&") - 3] ^= 1; /* in the signature */
}

static void change_email(run *r)
{
    torture_as(r, 0, "POST", "/change-email", "{\"newEmail\":\"new@example.com\"}");
}

/* ---- the user */

static void update_user(run *r)
{
    torture_as(r, 0, "POST", "/update-user", "{\"name\":\"Zoë\"}");
}

static const char *is_updated(run *r)
{
    return expect(torture_count(r, "user WHERE name = 'Zoë'") == 1, "not updated");
}

static void delete_user(run *r)
{
    r->f->settings.delete_user = BA_DELETE_ON;
    torture_as(r, 0, "POST", "/delete-user", "{\"password\":\"" PASSWORD "\"}");
}

static const char *is_deleted(run *r)
{
    return expect(torture_count(r, "user WHERE id = 'u1'") == 0
                      && torture_count(r, "account WHERE userId = 'u1'") == 0
                      && torture_count(r, "session WHERE userId = 'u1'") == 0,
                  "deleted, and something is left");
}

static const char *is_there(run *r)
{
    return expect(torture_count(r, "user WHERE id = 'u1'") == 1
                      && torture_count(r, "account WHERE userId = 'u1'") == 1 && SESSIONS(TOKEN) == 1,
                  "not deleted, but something of it");
}

static void list_accounts(run *r)
{
    torture_as(r, 0, "GET", "/list-accounts", NULL);
}

static void unlink_account(run *r)
{
    torture_as(r, 0, "POST", "/unlink-account", "{\"providerId\":\"credential\"}");
}

static const char *one_account(run *r)
{
    return expect(torture_count(r, "account WHERE userId = 'u1'") == 1, "no way in is left");
}

const scenario scenarios[] = {
    {"sign-up", NULL, sign_up, signed_up, not_signed_up, 0},
    {"sign-in", NULL, sign_in, signed_in, not_signed_in, 0},
    {"sign-in, hash renewed", NULL, sign_in_renewed, signed_in, not_signed_in, 0},
    {"sign-in, wrong password", NULL, sign_in_wrong, NULL, not_signed_in, 1},
    {"sign-in, unknown address", NULL, sign_in_unknown, NULL, not_signed_in, 1},
    {"sign-in, banned", NULL, sign_in_banned, NULL, NULL, 1},
    {"sign-in, unverified", unverified, sign_in, NULL, not_signed_in, 1},
    {"sign-in, vetoed", vetoed, sign_in, NULL, not_signed_in, 1},
    {"password with each request", NULL, basic_right, NULL, NULL, 0},
    {"wrong password with each request", NULL, basic_wrong, NULL, NULL, 1},
    {"get-session", NULL, get_session, NULL, NULL, 0},
    {"get-session, from the cache", cached, get_session, NULL, NULL, 0},
    {"get-session, forged", NULL, forged, NULL, NULL, 1},
    {"get-session, expired", expired, get_session, NULL, NULL, 1},
    {"get-session, banned", banned, get_session, NULL, NULL, 1},
    {"guarded page", with_cookie, guarded, NULL, NULL, 0},
    {"guarded page, nobody", NULL, guarded, NULL, NULL, 1},
    {"guarded page, revoked", with_revoked_cookie, guarded, NULL, NULL, 1},
    {"list-sessions", cached, list_sessions, NULL, NULL, 0},
    {"list-sessions, expired", expired, list_sessions, NULL, NULL, 1},
    {"sign-out", cached, sign_out, signed_out, NULL, 0},
    {"revoke-session", cached, revoke_session, revoked, NULL, 0},
    {"revoke-other-sessions", cached, revoke_others, revoked, NULL, 0},
    {"revoke-sessions", cached, revoke_all, all_revoked, NULL, 0},
    {"change-password", cached, change_password, password_changed, password_unchanged, 0},
    {"change-password, wrong", NULL, change_password_wrong, old_password, password_unchanged, 0},
    {"request-password-reset", NULL, request_reset, token_and_mail, token_and_mail, 0},
    {"reset-password", with_reset_token, reset_password, password_reset, password_not_reset, 0},
    {"reset-password, used", with_used_token, reset_password, old_password, old_password, 1},
    {"send-verification-email", NULL, send_verification, mail_waits, NULL, 0},
    {"verify-email", with_verify_link, follow_link, is_verified, not_verified, 0},
    {"verify-email, forged", with_forged_link, follow_link, never_verified, never_verified, 1},
    {"change-email", NULL, change_email, mail_waits, NULL, 0},
    {"update-user", cached, update_user, is_updated, NULL, 0},
    {"delete-user", cached, delete_user, is_deleted, is_there, 0},
    {"list-accounts", NULL, list_accounts, NULL, NULL, 0},
    {"unlink-account", NULL, unlink_account, one_account, one_account, 0},
    {"mail", torture_with_mail, torture_deliver, torture_mail_kept, torture_mail_kept, 0},
    {"mail, no TLS", torture_with_mail_tls, torture_deliver, torture_mail_waits, torture_mail_waits, 0},
    {NULL, NULL, NULL, NULL, NULL, 0},
};
