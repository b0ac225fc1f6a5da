/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_courier_int.h"

#include "ba_settings.h"

#include <apr_atomic.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <curl/curl.h>
#include <string.h>

#define CONNECT_SECONDS 10
/* How long to wait for an answer to QUIT once the mail has been taken. */
#define QUIT_SECONDS 2

/* One conversation. libcurl tells what was said only to its debug function. */
typedef struct talk {
    ba_courier_job *job;
    const char *rest;   /* of the message */
    char command[12];   /* the latest one; "message" once the server waits for it */
    char reply[16];     /* the latest one: 550, or 550 5.1.1 */
    int over;           /* QUIT has been said: nothing after it counts */
    apr_time_t taken;   /* when the message was taken, 0: not yet */
} talk;

static size_t read_message(char *buffer, size_t size, size_t count, void *baton)
{
    talk *t = baton;
    apr_size_t len = strlen(t->rest);

    if (len > size * count) {
        len = size * count;
    }
    memcpy(buffer, t->rest, len);
    t->rest += len;
    return len;
}

/* What is said while authenticating is no command, and is not kept. */
static void note_command(talk *t, const char *line, apr_size_t len)
{
    static const char *const commands[]
        = {"EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"};

    for (apr_size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); ++i) {
        apr_size_t n = strlen(commands[i]);

        if (len > n && !strncmp(line, commands[i], n) && strchr(" \r", line[n])) {
            apr_cpystrn(t->command, commands[i], sizeof(t->command));
        }
    }
}

/* What the reply means for the message. */
static void follow(talk *t)
{
    if (!strcmp(t->command, "DATA") && t->reply[0] == '3') {
        apr_cpystrn(t->command, "message", sizeof(t->command));
    }
    else if (!strcmp(t->command, "message") && t->reply[0] == '2' && !*t->rest) {
        t->taken = apr_time_now();
    }
}

/* The code, and RFC 3463's if it is there; the words may hold an address. */
static void note_reply(talk *t, const char *line, apr_size_t len)
{
    apr_size_t n = 0;

    while (n < len && n < sizeof(t->reply) - 1
           && (apr_isdigit(line[n]) || (n > 3 && line[n] == '.')
               || (n == 3 && (line[n] == ' ' || line[n] == '-')))) {
        ++n;
    }
    if (n < 3) {
        return;
    }
    apr_cpystrn(t->reply, line, n + 1);
    if (n > 3) {
        /* "550 5.1.1", but not "550 1 mailbox" */
        t->reply[3] = n >= 8 && t->reply[5] == '.' ? ' ' : '\0';
    }
    follow(t);
}

static int listen_in(CURL *curl, curl_infotype type, char *data, size_t len, void *baton)
{
    talk *t = baton;

    (void)curl;
    if (type == CURLINFO_HEADER_OUT) {
        t->over |= len > 4 && !strncmp(data, "QUIT\r", 5);
        if (!t->over) {
            note_command(t, data, len);
            t->reply[0] = '\0';
        }
    }
    else if (type == CURLINFO_HEADER_IN && !t->over) {
        note_reply(t, data, len);
    }
    return 0;
}

/* Called once a second at least. Not 0: end it. */
static int progress(void *baton, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const talk *t = baton;

    (void)a, (void)b, (void)c, (void)d;
    return apr_atomic_read32(t->job->stop)
           || (t->taken && apr_time_now() - t->taken > apr_time_from_sec(QUIT_SECONDS));
}

/* 0: not all of it is so, and a mail would go another way than it should, such as without
 * TLS or from nobody. */
static int configure(CURL *curl, talk *t, struct curl_slist *to, char *error, apr_pool_t *pool)
{
    static const long starttls[] = {[BA_STARTTLS_REQUIRED] = CURLUSESSL_ALL,
                                    [BA_STARTTLS_AUTO] = CURLUSESSL_TRY,
                                    [BA_STARTTLS_OFF] = CURLUSESSL_NONE};
    const ba_mailer *m = t->job->mailer;
    int bad;

    bad = curl_easy_setopt(curl, CURLOPT_URL,
                           m->helo ? apr_pstrcat(pool, m->target, "/", m->helo, NULL) : m->target);
    bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    bad |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
    bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)BA_COURIER_SECONDS);
    /* also ends the wait for QUIT's answer, which the timeout above does not */
    bad |= curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)BA_COURIER_SECONDS);
    /* else QUIT is said by curl_easy_cleanup(), which nothing can interrupt */
    bad |= curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_USE_SSL, starttls[m->starttls]);
    bad |= curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (m->cafile) {
        bad |= curl_easy_setopt(curl, CURLOPT_CAINFO, m->cafile);
        bad |= curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    if (m->user) {
        bad |= curl_easy_setopt(curl, CURLOPT_USERNAME, m->user);
        bad |= curl_easy_setopt(curl, CURLOPT_PASSWORD, m->password);
    }
    bad |= curl_easy_setopt(curl, CURLOPT_MAIL_FROM, t->job->sender);
    bad |= curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    bad |= curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
    bad |= curl_easy_setopt(curl, CURLOPT_READDATA, t);
    bad |= curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)strlen(t->rest));
    bad |= curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, listen_in);
    bad |= curl_easy_setopt(curl, CURLOPT_DEBUGDATA, t);
    bad |= curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    bad |= curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
    bad |= curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    bad |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    return !bad;
}

static ba_courier_result judge(const talk *t, CURLcode rc, const char *error, apr_pool_t *pool)
{
    ba_courier_job *job = t->job;
    int about_this_mail = !strcmp(t->command, "RCPT") || !strcmp(t->command, "DATA")
                          || !strcmp(t->command, "message");

    if (rc == CURLE_OK || t->taken) {
        return BA_COURIER_SENT;
    }
    if (apr_atomic_read32(job->stop)) {
        return BA_COURIER_STOPPED;
    }
    if (t->reply[0] == '4' || t->reply[0] == '5') {
        ba_courier_explain(job,
                           apr_pstrcat(pool, t->command[0] ? t->command : "greeting",
                                       " was answered with ", t->reply, NULL),
                           pool);
    }
    else {
        ba_courier_explain(job, *error ? error : curl_easy_strerror(rc), pool);
    }
    /* 5xx before that is about the server or our account: an operator can mend it */
    return about_this_mail && t->reply[0] == '5' ? BA_COURIER_NEVER : BA_COURIER_LATER;
}

ba_courier_result ba_courier_smtp(ba_courier_job *job, apr_pool_t *pool)
{
    talk t = {.job = job, .rest = job->message};
    char error[CURL_ERROR_SIZE] = "";
    struct curl_slist *to = curl_slist_append(NULL, job->recipient);
    CURL *curl = curl_easy_init();
    ba_courier_result result = BA_COURIER_LATER;

    if (curl && to && configure(curl, &t, to, error, pool)) {
        result = judge(&t, curl_easy_perform(curl), error, pool);
    }
    else {
        job->error = "libcurl has no memory, or lacks what the mailer needs";
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(to);
    return result;
}

void ba_courier_begin(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void ba_courier_end(void)
{
    curl_global_cleanup();
}
