/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Reads the arguments of the mail directives. Each answers NULL, or what is wrong;
 * *out changes only in the first case. No answer repeats a password. */

#ifndef BA_MAIL_ARGS_H
#define BA_MAIL_ARGS_H

#include "ba_settings.h"

/* One line of 1 to 120 bytes of UTF-8, without control characters. */
int ba_mail_args_is_line(const char *text, apr_pool_t *pool);

/* ADDRESS or "Name <ADDRESS>". */
const char *ba_mail_args_mailbox(const char *text, ba_mailbox *out, apr_pool_t *pool);

/* smtp[s]://[user[:password]@]host[:port][?options], sendmail:COMMAND, dir:PATH or off;
 * password: from elsewhere, NULL if it is not. */
const char *ba_mail_args_mailer(const char *text, const char *password, ba_mailer *out,
                                apr_pool_t *pool);

#endif
