/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* betterauthctl session …, mail …, sweep. Tokens are neither shown nor taken. */

#include "ctl.h"

#include "ba_store_ctl.h"
#include "ba_store_outbox.h"

#include <apr_strings.h>

/* ---- sessions */

static void list_one(const ctl *c, ctl_table *t, const ba_session *s, const char *email)
{
    const char *row[] = {s->id, email, ctl_date(s->created_at, c->pool),
                         ctl_date(s->expires_at, c->pool), s->ip_address, s->user_agent};

    ctl_table_add(t, row);
}

static int list_user(ctl *c, ctl_table *t, const char *word)
{
    apr_array_header_t *sessions;
    ba_user *user;
    int status = ctl_user_find(c, word, &user, NULL);

    if (status != CTL_OK) {
        return status;
    }
    if (c->store->ops->sessions(c->store, user->id, c->now, &sessions, c->pool) != APR_SUCCESS) {
        return CTL_DATABASE;
    }
    for (int i = 0; i < sessions->nelts; ++i) {
        list_one(c, t, APR_ARRAY_IDX(sessions, i, ba_session *), user->email);
    }
    return CTL_OK;
}

typedef int (*each_session)(ctl *c, void *baton, const ba_listed_session *s);

static int all_sessions(ctl *c, each_session each, void *baton)
{
    const char *after = "";
    apr_array_header_t *rows;
    int status = CTL_OK;

    do {
        if (ba_store_sessions_all(c->store, after, &rows, c->pool) != APR_SUCCESS) {
            return CTL_DATABASE;
        }
        for (int i = 0; i < rows->nelts && status == CTL_OK; ++i) {
            const ba_listed_session *s = APR_ARRAY_IDX(rows, i, ba_listed_session *);

            after = s->session.id;
            status = each(c, baton, s);
        }
    } while (rows->nelts && status == CTL_OK);
    return status;
}

static int list_if_alive(ctl *c, void *baton, const ba_listed_session *s)
{
    if (s->session.expires_at > c->now) {
        list_one(c, baton, &s->session, s->email);
    }
    return CTL_OK;
}

int ctl_session_list(ctl *c)
{
    static const ctl_column columns[]
        = {{"id", "ID", CTL_TEXT},           {"email", "USER", CTL_TEXT},
           {"createdAt", "BEGAN", CTL_TEXT}, {"expiresAt", "EXPIRES", CTL_TEXT},
           {"ipAddress", "ADDRESS", CTL_TEXT}, {"userAgent", "PROGRAM", CTL_TEXT}, {0}};
    ctl_table *t = ctl_table_make(c, columns);
    int status = c->argc ? list_user(c, t, c->argv[0]) : all_sessions(c, list_if_alive, t);

    if (status == CTL_OK) {
        ctl_table_print(t, 0);
    }
    return status;
}

static int revoke_token(ctl *c, const char *token)
{
    return c->store->ops->session_delete(c->store, token, c->pool) == APR_SUCCESS ? CTL_OK
                                                                                  : CTL_DATABASE;
}

static int revoke_each(ctl *c, void *baton, const ba_listed_session *s)
{
    ++*(int *)baton;
    return revoke_token(c, s->session.token);
}

static int revoke_user(ctl *c)
{
    ba_user *user;
    int status = ctl_user_find(c, c->options.user, &user, NULL);

    if (status == CTL_OK
        && c->store->ops->sessions_delete(c->store, user->id, NULL, c->pool) != APR_SUCCESS) {
        status = CTL_DATABASE;
    }
    return status == CTL_OK
               ? ctl_done(c, "users", 1, "All sessions of %s have ended.", user->email)
               : status;
}

static int revoke_ids(ctl *c)
{
    for (int i = 0; i < c->argc; ++i) {
        const char *token, *user_id;
        apr_status_t rv
            = ba_store_session_of(c->store, c->argv[i], &token, &user_id, c->pool);

        if (rv == APR_NOTFOUND) {
            return ctl_fail("there is no session %s", c->argv[i]);
        }
        if (rv != APR_SUCCESS || revoke_token(c, token) != CTL_OK) {
            return CTL_DATABASE;
        }
    }
    return ctl_done(c, "sessions", c->argc, "%d session%s ended.", c->argc,
                    c->argc == 1 ? " has" : "s have");
}

int ctl_session_revoke(ctl *c)
{
    int n = 0, status;

    if ((c->argc > 0) + (c->options.user != NULL) + c->options.all != 1) {
        ctl_fail("session revoke takes IDs, or --user USER, or --all");
        return CTL_USAGE;
    }
    if (!c->options.all) {
        return c->options.user ? revoke_user(c) : revoke_ids(c);
    }
    if (!ctl_confirm(c, "End every session of every user?")) {
        return ctl_fail("nothing was ended");
    }
    status = all_sessions(c, revoke_each, &n);
    return status == CTL_OK ? ctl_done(c, "sessions", n, "%d sessions have ended.", n) : status;
}

/* ---- mail */

static int all_mails(ctl *c, int (*each)(ctl *, void *, const ba_waiting_mail *), void *baton)
{
    const char *after = "";
    apr_array_header_t *rows;
    int status = CTL_OK;

    do {
        if (ba_store_mails_waiting(c->store, after, &rows, c->pool) != APR_SUCCESS) {
            return CTL_DATABASE;
        }
        for (int i = 0; i < rows->nelts && status == CTL_OK; ++i) {
            const ba_waiting_mail *m = APR_ARRAY_IDX(rows, i, ba_waiting_mail *);

            after = m->id;
            status = each(c, baton, m);
        }
    } while (rows->nelts && status == CTL_OK);
    return status;
}

static int list_mail(ctl *c, void *baton, const ba_waiting_mail *m)
{
    const char *row[] = {m->id,
                         m->recipient,
                         m->due ? (m->error ? "failed" : "waiting") : "given up",
                         ctl_date(m->created_at, c->pool),
                         ctl_date(m->due, c->pool),
                         apr_itoa(c->pool, m->attempts),
                         m->error,
                         m->site};

    ctl_table_add(baton, row);
    return CTL_OK;
}

int ctl_mail_queue(ctl *c)
{
    static const ctl_column columns[]
        = {{"id", "ID", CTL_TEXT},           {"recipient", "TO", CTL_TEXT},
           {"state", "STATE", CTL_TEXT},     {"createdAt", "WRITTEN", CTL_TEXT},
           {"dueAt", "NEXT", CTL_TEXT},      {"attempts", "TRIED", CTL_NUMBER},
           {"lastError", "ERROR", CTL_TEXT}, {"site", "SITE", CTL_TEXT}, {0}};
    ctl_table *t = ctl_table_make(c, columns);
    int status = all_mails(c, list_mail, t);

    if (status == CTL_OK) {
        ctl_table_print(t, 0);
    }
    return status;
}

static int retry_failed(ctl *c, void *baton, const ba_waiting_mail *m)
{
    if (m->due && m->error && m->due > c->now) {
        apr_status_t rv = ba_store_mail_retry(c->store, m->id, c->now, c->pool);

        *(int *)baton += rv == APR_SUCCESS;
        return rv == APR_EGENERAL ? CTL_DATABASE : CTL_OK;
    }
    return CTL_OK;
}

int ctl_mail_retry(ctl *c)
{
    int n = 0, status = CTL_OK;

    if ((c->argc > 0) + c->options.all != 1) {
        ctl_fail("mail retry takes IDs, or --all");
        return CTL_USAGE;
    }
    if (c->options.all) {
        status = all_mails(c, retry_failed, &n);
    }
    for (int i = 0; i < c->argc && status == CTL_OK; ++i) {
        apr_status_t rv = ba_store_mail_retry(c->store, c->argv[i], c->now, c->pool);

        n += rv == APR_SUCCESS;
        status = rv == APR_SUCCESS    ? CTL_OK
                 : rv == APR_NOTFOUND ? ctl_fail("no mail %s waits after an attempt that failed; "
                                                 "one that was given up has lost its text",
                                                 c->argv[i])
                                      : CTL_DATABASE;
    }
    return status == CTL_OK
               ? ctl_done(c, "mails", n, "%d mail%s due now; the server sends within seconds.", n,
                          n == 1 ? " is" : "s are")
               : status;
}

/* ---- sweeping */

static int sweep(ctl *c, ba_sweep what, int *n)
{
    ba_time window = BA_MS(c->settings.mail_limit.max); /* that BetterAuthMailLimit counts */
    ba_time sent = c->now - (window > BA_SWEEP_SENT ? window : BA_SWEEP_SENT);
    ba_time forgotten = c->now - BA_SWEEP_GIVEN_UP;
    ba_time before = what == BA_SWEEP_MAILS ? sent : c->now - BA_SWEEP_MARGIN;
    const char *cursor = "";
    int rows;

    while (cursor) {
        if (ba_store_sweep(c->db, what, before, forgotten, &cursor, &rows, c->pool)
            != APR_SUCCESS) {
            return 0;
        }
        *n += rows;
    }
    return 1;
}

int ctl_sweep(ctl *c)
{
    int n[BA_SWEEPS] = {0};

    for (int what = 0; what < BA_SWEEPS; ++what) {
        if (!sweep(c, (ba_sweep)what, &n[what])) {
            return CTL_DATABASE;
        }
    }
    return ctl_done(c, "rows", n[BA_SWEEP_SESSIONS] + n[BA_SWEEP_VERIFICATIONS] + n[BA_SWEEP_MAILS],
                    "Swept: %d sessions, %d verifications, %d mails.", n[BA_SWEEP_SESSIONS],
                    n[BA_SWEEP_VERIFICATIONS], n[BA_SWEEP_MAILS]);
}
