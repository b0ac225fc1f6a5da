/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The audit log: a JSON object a line, to a file or a program, as BetterAuthAuditLog says. */

#ifndef BA_AUDIT_SITE_H
#define BA_AUDIT_SITE_H

#include "ba_event.h"

#include <httpd.h>

typedef struct ba_audit_log ba_audit_log;

int ba_audit_site_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/* Opens what target says (NULL: nothing, *log is NULL then), once for all servers that name
 * the same; for post_config, which runs as root. OK, or an HTTP status and a line in the
 * error log. */
int ba_audit_site_open(server_rec *s, const char *target, ba_audit_log **log, apr_pool_t *pconf);

/* Writes one line about r; site: its base URL. Never a reason for a request to fail. */
void ba_audit_site_write(request_rec *r, ba_audit_log *log, const char *site, ba_event event,
                         const ba_fact *fact);

#endif
