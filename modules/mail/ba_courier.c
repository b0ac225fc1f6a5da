/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_courier_int.h"

#include "ba_settings.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

#define ERROR_BYTES 200

void ba_courier_explain(ba_courier_job *job, const char *text, apr_pool_t *pool)
{
    char *line = apr_pstrndup(pool, text, strcspn(text, "\r\n"));
    apr_size_t len = strlen(job->recipient);

    for (char *p = line; *p; ++p) {
        /* servers like to repeat whom they refuse */
        if (len && !strncasecmp(p, job->recipient, len)) {
            memset(p, '*', len);
        }
        if (!apr_isprint(*p)) {
            *p = '?';
        }
    }
    if (strlen(line) > ERROR_BYTES) {
        line[ERROR_BYTES] = '\0';
    }
    job->error = line;
}

ba_courier_result ba_courier_send(ba_courier_job *job, apr_pool_t *pool)
{
    switch (job->mailer->kind) {
    case BA_MAILER_SMTP:
        return ba_courier_smtp(job, pool);
    case BA_MAILER_SENDMAIL:
        return ba_courier_sendmail(job, pool);
    case BA_MAILER_DIR:
        return ba_courier_dir(job, pool);
    default:
        job->error = "the mailer is off";
        return BA_COURIER_LATER;
    }
}
