/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_require.h"

#include "ba_admin.h"
#include "ba_directives.h"
#include "ba_httpd.h"
#include "ba_kind.h"
#include "ba_settings.h"
#include "ba_text.h"
#include "ba_who.h"

#include <ap_provider.h>
#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <http_request.h>
#include <mod_auth.h>
#include <string.h>
#include <strings.h>

/* Note of a request that a "fresh" line has refused. */
#define STALE "betterauth-stale"

/* Longest age that fresh takes, in seconds: no session is older. */
#define AGE_MAX 34560000

typedef struct line line;

/* 1: what the line wants is so. */
typedef int (*line_check)(request_rec *r, const ba_call *call, const line *l);

struct line {
    line_check check;
    apr_int64_t age;           /* of fresh, seconds; -1: BetterAuthSessionFreshAge */
    apr_array_header_t *words; /* of email: const char * patterns; of role: names */
};

static int is_verified(request_rec *r, const ba_call *call, const line *l)
{
    (void)r, (void)l;
    return call->user->email_verified;
}

static int is_fresh(request_rec *r, const ba_call *call, const line *l)
{
    apr_int64_t age = l->age < 0 ? call->settings->session_fresh_age : l->age;

    if (age == 0 || call->now - call->session->created_at < BA_MS(age)) {
        return 1;
    }
    apr_table_setn(r->notes, STALE, "1");
    return 0;
}

/* An address that nobody has proved is anybody's, so it opens nothing. */
static int has_email(request_rec *r, const ba_call *call, const line *l)
{
    (void)r;
    for (int i = 0; call->user->email_verified && i < l->words->nelts; ++i) {
        if (apr_fnmatch(APR_ARRAY_IDX(l->words, i, const char *), call->user->email, 0)
            == APR_SUCCESS) {
            return 1;
        }
    }
    return 0;
}

static int has_role(request_rec *r, const ba_call *call, const line *l)
{
    (void)r;
    for (int i = 0; i < l->words->nelts; ++i) {
        if (ba_admin_has_role(call->user, APR_ARRAY_IDX(l->words, i, const char *))) {
            return 1;
        }
    }
    return 0;
}

int ba_require_wants_fresh(const request_rec *r)
{
    return apr_table_get(r->notes, STALE) != NULL;
}

/* ---- the provider */

static const char *take_patterns(cmd_parms *cmd, const char *rest, line *l)
{
    while (*rest) {
        const char *word = ap_getword_conf(cmd->pool, &rest);

        if (*word) {
            APR_ARRAY_PUSH(l->words, const char *) = ba_text_lower(word, cmd->pool);
        }
    }
    return l->words->nelts ? NULL : "Require betterauth email needs a pattern, such as *@example.com";
}

static const char *take_roles(cmd_parms *cmd, const char *rest, line *l)
{
    while (*rest) {
        const char *word = ap_getword_conf(cmd->pool, &rest);

        if (strchr(word, ',')) {
            return "Require betterauth role takes names with blanks between, without commas";
        }
        if (*word) {
            APR_ARRAY_PUSH(l->words, const char *) = word;
        }
    }
    return l->words->nelts ? NULL : "Require betterauth role needs a name, such as admin";
}

static const char *parse(cmd_parms *cmd, const char *text, const void **parsed)
{
    line *l = apr_pcalloc(cmd->pool, sizeof(*l));
    const char *kind = ap_getword_conf(cmd->pool, &text);

    *parsed = l;
    l->age = -1;
    l->words = apr_array_make(cmd->pool, 2, sizeof(const char *));
    if (!strcasecmp(kind, "email-verified") && !*text) {
        l->check = is_verified;
        return NULL;
    }
    if (!strcasecmp(kind, "fresh")) {
        l->check = is_fresh;
        return *text && !ba_kind_seconds(ap_getword_conf(cmd->pool, &text), 0, AGE_MAX,
                                                  &l->age)
                   ? "Require betterauth fresh takes an age such as 300, 10m or 1h"
                   : NULL;
    }
    if (!strcasecmp(kind, "email")) {
        l->check = has_email;
        return take_patterns(cmd, text, l);
    }
    if (!strcasecmp(kind, "role")) {
        l->check = has_role;
        return take_roles(cmd, text, l);
    }
    return "Require betterauth takes: email-verified, fresh [AGE], email PATTERN ... or role NAME ...";
}

static authz_status check(request_rec *r, const char *text, const void *parsed)
{
    const line *l = parsed;
    const ba_call *call;

    (void)text;
    if (ba_who_is_basic(r) && !ba_who_basic(r)) {
        /* nobody yet, or another provider's */
        return r->user ? AUTHZ_DENIED : AUTHZ_DENIED_NO_USER;
    }
    if ((!ba_who_guarded(r) && !ba_who_basic(r)) || !ba_httpd_site(r->server)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0134: Require betterauth needs AuthType Session and BetterAuthSecret here");
        return AUTHZ_GENERAL_ERROR;
    }
    if (l->check == has_role && !ba_httpd_site(r->server)->settings->admin) {
        /* not "denied", likewise: .htaccess and sections of the main server come this far */
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "BA0173: Require betterauth role needs BetterAuthAdmin on in this server");
        return AUTHZ_GENERAL_ERROR;
    }
    /* a cookie may be as old as its MAXAGE: who may do what is not read from it */
    switch (ba_who_confirmed(r, &call)) {
    case APR_SUCCESS:
        return l->check(r, call, l) ? AUTHZ_GRANTED : AUTHZ_DENIED;
    case APR_NOTFOUND:
    case APR_INCOMPLETE:
        return AUTHZ_DENIED_NO_USER;
    default:
        /* not "denied": a RequireNone would let in */
        return AUTHZ_GENERAL_ERROR;
    }
}

static const authz_provider provider = {check, parse};

void ba_require_register(apr_pool_t *pool)
{
    ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, "betterauth", AUTHZ_PROVIDER_VERSION,
                              &provider, AP_AUTH_INTERNAL_PER_CONF);
}
