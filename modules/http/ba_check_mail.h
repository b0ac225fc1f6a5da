/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#ifndef BA_CHECK_MAIL_H
#define BA_CHECK_MAIL_H

#include <httpd.h>

/* What keeps mails from being written or delivered, a line each: no mod_watchdog, a
 * folder that cannot be written to, mistakes in documents. Never a reason not to start. */
void ba_check_mail(server_rec *main, apr_pool_t *ptemp);

#endif
