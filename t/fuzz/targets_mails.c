/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What a mail server answers, and what users have put into mails. ba_courier_smtp.c is read
 * in whole, since libcurl alone calls what looks at the answers. */

#include "../../modules/mail/ba_courier_smtp.c"

#include "fuzz.h"

#include "ba_mime.h"

/* A conversation: lines that begin with ">" are ours. */
static void read_smtp(fuzz *f)
{
    apr_uint32_t stop = 0;
    ba_courier_job job = {.recipient = "zoe@example.com", .stop = &stop, .message = "Hi"};
    talk t = {.job = &job, .rest = job.message};
    char buffer[8];

    while (*f->rest) {
        char *line = fuzz_line(f);
        int ours = *line == '>';
        apr_size_t len = strlen(line + ours);
        char *exact;

        if (ours && !len) {
            read_message(buffer, 1, sizeof(buffer), &t);
            continue;
        }
        exact = malloc(len + 1); /* libcurl's ends somewhere else */
        fuzz_must(exact != NULL, "out of memory");
        memcpy(exact, line + ours, len);
        exact[len] = '\r';
        listen_in(NULL, ours ? CURLINFO_HEADER_OUT : CURLINFO_HEADER_IN, exact, len + 1, &t);
        free(exact);
        progress(&t, 0, 0, 0, 0);
    }
    fuzz_must(strnlen(t.reply, sizeof(t.reply)) < sizeof(t.reply), "a reply without an end");
    fuzz_must(t.reply[strspn(t.reply, "0123456789. ")] == '\0', "words of a reply are kept");
    if (judge(&t, CURLE_RECV_ERROR, "", f->pool) != BA_COURIER_SENT) {
        fuzz_must(job.error && !strpbrk(job.error, "\r\n") && !strstr(job.error, job.recipient),
                  "an error that names somebody");
    }
    ba_courier_explain(&job, f->text, f->pool);
    fuzz_must(!strpbrk(job.error, "\r\n") && !strcasestr(job.error, job.recipient),
              "an explanation that names somebody");
}

/* Nothing in a value becomes a header of its own, or leaves ASCII. */
static void look_at_mail(const char *mail)
{
    static const char *const known[] = {"Date:", "From:", "To:", "Subject:", "Message-ID:",
                                        "MIME-Version:", "Content-Type:", "Auto-Submitted:",
                                        "Content-Transfer-Encoding:", "X-Auto-Response-Suppress:"};
    const char *end = strstr(mail, "\r\n\r\n");

    fuzz_must(end != NULL, "no end of the headers");
    for (const char *line = mail; line < end + 2; line = strstr(line, "\r\n") + 2) {
        int good = *line == ' ' || *line == '\t';

        for (apr_size_t i = 0; i < sizeof(known) / sizeof(known[0]) && !good; ++i) {
            good = !strncasecmp(line, known[i], strlen(known[i]));
        }
        fuzz_must(good, "a header that we do not write");
    }
    for (const unsigned char *p = (const unsigned char *)mail; *p; ++p) {
        fuzz_must(*p < 0x7F, "not ASCII");
        fuzz_must((*p == '\n') == (p > (const unsigned char *)mail && p[-1] == '\r'), "half a line end");
    }
}

/* Names, addresses and subject, a line each, then the text. */
static void read_mime(fuzz *f)
{
    ba_mime mime = {.id = "abc", .date = FUZZ_NOW};
    const char *mail = NULL, *problem;

    mime.from_name = fuzz_line(f);
    mime.from = fuzz_line(f);
    mime.to = fuzz_line(f);
    mime.subject = fuzz_line(f);
    mime.text = mime.html = f->rest;
    if (ba_mime_is_address(mime.to)) {
        fuzz_must(!strpbrk(mime.to, " \t\r\n,;<>\"()\\"), "an address that is read in two ways");
    }
    problem = ba_mime_assemble(&mime, &mail, f->pool);
    fuzz_must(problem || mail, "neither a mail nor a problem");
    if (!problem) {
        look_at_mail(mail);
    }
    ba_mime_header(f->text, f->pool);
}

const fuzz_target fuzz_mails[] = {{"smtp", read_smtp}, {"mime", read_mime}, {0}};
