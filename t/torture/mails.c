/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* A mail that waits in the outbox is sent. Whatever fails, it is sent as it was written, to
 * a server that knows us, and counts as sent where it was taken; otherwise it waits. */

#include "torture.h"

#include "ba_outbox.h"
#include "sink.h"

#include <apr_time.h>
#include <signal.h>

/* Whose turn it is at the sink. */
static int number;

static ba_time clock_now(void)
{
    return apr_time_as_msec(apr_time_now());
}

void torture_with_mail(run *r)
{
    ba_mail m = {.id = "m1", .site = ORIGIN, .sender = SINK_SENDER, .user_id = "u1",
                 .message = "Subject: torture\r\n\r\n" SINK_LINE "\r\n", .cap = 100};

    signal(SIGPIPE, SIG_IGN); /* as in httpd */
    m.recipient = apr_psprintf(r->f->pool, "%d@sink.test", ++number);
    m.created_at = clock_now();
    assert_int_equal(r->f->database->ops->mail_add(r->f->database, &m, r->f->pool), APR_SUCCESS);
    r->f->settings.mailer = (ba_mailer){
        .kind = BA_MAILER_SMTP,
        .target = apr_psprintf(r->f->pool, "smtp://127.0.0.1:%d", sink_port()),
        .starttls = BA_STARTTLS_OFF,
        .user = SINK_USER,
        .password = SINK_PASSWORD,
        .helo = "auth.test",
    };
}

void torture_with_mail_tls(run *r)
{
    torture_with_mail(r);
    r->f->settings.mailer.starttls = BA_STARTTLS_REQUIRED;
    r->f->settings.mailer.cafile = "/dev/null";
}

static void log_line(void *baton, ba_log_level level, const char *message)
{
    fixture *f = baton;

    (void)level;
    APR_ARRAY_PUSH(f->log, const char *) = apr_pstrdup(f->pool, message);
}

static void deliver(run *r, ba_time now)
{
    ba_outbox *o = ba_outbox_create(&r->db->db, &r->f->settings, NULL, log_line, r->f, r->f->pool);

    ba_outbox_step(o, now, 1, r->f->pool);
    ba_outbox_stop(o, now + BA_MS(3600), r->f->pool);
}

void torture_deliver(run *r)
{
    deliver(r, clock_now());
    r->f->call->answer.status = 200;
    r->f->call->answer.body = "{}";
}

#define MAIL(what) torture_count(r, "ba_mail WHERE id = 'm1' AND " what)

static int failed_was(const run *r, const char *name)
{
    return r->hit && strstr(r->hit, name) != NULL;
}

const char *torture_mail_kept(run *r)
{
    int taken = sink_taken(number);
    int sent = MAIL("sentAt IS NOT NULL"), waits = MAIL("dueAt IS NOT NULL AND message <> ''");

    if (taken < 0) {
        return "a mail that is not as it was written";
    }
    if (sent && !taken) {
        return "a mail that nobody took counts as sent";
    }
    if (sent + waits != 1) {
        return "a mail that is lost";
    }
    if (!sent && r->f->log->nelts && !r->hit) {
        return "it is not sent by itself";
    }
    /* without the database or the memory to hear it, nobody knows that it was taken */
    if (!sent && taken && r->hit && !failed_was(r, "apr_dbd") && !failed_was(r, "malloc")) {
        return "a mail that was taken will be sent again";
    }
    deliver(r, clock_now() + BA_MS(600));
    return MAIL("sentAt IS NOT NULL") && sink_taken(number) > 0 ? NULL : "a mail that is not sent later either";
}

const char *torture_mail_waits(run *r)
{
    return sink_taken(number)                           ? "a mail that went without TLS"
           : !MAIL("dueAt IS NOT NULL AND message <> ''") ? "a mail that is lost"
                                                        : NULL;
}
