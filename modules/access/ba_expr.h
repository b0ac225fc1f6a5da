/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Who is signed in, for expressions and access logs: %{BETTERAUTH_EMAIL} and
 * %{BETTERAUTH:email} wherever httpd takes an expression, %{email}^BA in LogFormat. */

#ifndef BA_EXPR_H
#define BA_EXPR_H

#include <ap_expr.h>
#include <httpd.h>

/* Hook: finds our variables and function. */
int ba_expr_lookup(ap_expr_lookup_parms *parms);

/* Hook: registers the log format. */
int ba_expr_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

#endif
