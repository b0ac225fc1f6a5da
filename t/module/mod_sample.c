/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* A module of somebody else: shows who is signed in, and refuses some of them. The live
 * tests load it, and docs/c-interface.md explains it.
 *
 *     SetHandler sample-who             plain text: who has sent this request
 *     SetHandler sample-who-confirmed   the same, asked of the database
 *     SampleRefuse PATTERN [CODE [TEXT]]   who has such an address may not sign in
 *     SampleDown PATTERN                whether they may, cannot be said now
 */

#include <mod_betterauth.h>

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>

typedef struct sample_config {
    const char *refused; /* NULL: nobody */
    const char *code;
    const char *text;
    const char *down;
} sample_config;

extern module AP_MODULE_DECLARE_DATA sample_module;

/* NULL where mod_betterauth is not loaded. */
static APR_OPTIONAL_FN_TYPE(betterauth_who) *who;
static APR_OPTIONAL_FN_TYPE(betterauth_who_confirmed) *who_confirmed;

static void find_functions(void)
{
    who = APR_RETRIEVE_OPTIONAL_FN(betterauth_who);
    who_confirmed = APR_RETRIEVE_OPTIONAL_FN(betterauth_who_confirmed);
}

/* ---- who is signed in */

static void print_user(request_rec *r, const betterauth_user *user)
{
    ap_rprintf(r, "version %d\nid %s\nemail %s\nname %s\nverified %d\nsession %s\n",
               user->version, user->id, user->email, user->name, user->email_verified,
               user->session_id);
    ap_rprintf(r, "image %s\n", user->image ? user->image : "none");
    ap_rprintf(r, "created %" APR_TIME_T_FMT " %" APR_TIME_T_FMT "\nexpires %" APR_TIME_T_FMT "\n",
               apr_time_sec(user->created), apr_time_sec(user->session_created),
               apr_time_sec(user->session_expires));
}

static int show(request_rec *r)
{
    const betterauth_user *user = NULL;
    int confirmed = r->handler && !strcmp(r->handler, "sample-who-confirmed");
    betterauth_answer answer = BETTERAUTH_UNKNOWN;

    if (!r->handler || (!confirmed && strcmp(r->handler, "sample-who"))) {
        return DECLINED;
    }
    ap_set_content_type(r, "text/plain; charset=utf-8");
    apr_table_setn(r->headers_out, "Cache-Control", "private, no-store");
    if (!who || !who_confirmed) {
        ap_rputs("no mod_betterauth\n", r);
        return OK;
    }
    answer = confirmed ? who_confirmed(r, &user) : who(r, &user);
    switch (answer) {
    case BETTERAUTH_SOMEBODY:
        print_user(r, user);
        return OK;
    case BETTERAUTH_NOBODY:
        ap_rputs("nobody\n", r);
        return OK;
    default:
        return HTTP_SERVICE_UNAVAILABLE;
    }
}

/* Before authentication, in every request. */
static int early(request_rec *r)
{
    const betterauth_user *user;

    if (who && apr_table_get(r->headers_in, "X-Sample-Early")) {
        apr_table_setn(r->err_headers_out, "X-Sample",
                       who(r, &user) == BETTERAUTH_SOMEBODY ? user->id : "nobody");
    }
    return DECLINED;
}

/* ---- who may sign in */

static int fits(const char *pattern, const char *email)
{
    return pattern && apr_fnmatch(pattern, email, 0) == APR_SUCCESS;
}

static int may_sign_in(request_rec *r, const betterauth_attempt *somebody, betterauth_refusal *why)
{
    const sample_config *config = ap_get_module_config(r->server->module_config, &sample_module);

    if (fits(config->down, somebody->email)) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    if (!fits(config->refused, somebody->email)) {
        return DECLINED;
    }
    why->code = config->code;
    /* any pool will do, since it is copied */
    why->message = config->text
                       ? apr_pstrcat(r->pool, config->text, " (", somebody->endpoint, ")", NULL)
                       : NULL;
    return HTTP_FORBIDDEN;
}

/* ---- the module */

static const char *set_refused(cmd_parms *cmd, void *dir, const char *pattern, const char *code,
                               const char *text)
{
    sample_config *config = ap_get_module_config(cmd->server->module_config, &sample_module);

    (void)dir;
    config->refused = pattern;
    config->code = code;
    config->text = text;
    return NULL;
}

static const char *set_down(cmd_parms *cmd, void *dir, const char *pattern)
{
    sample_config *config = ap_get_module_config(cmd->server->module_config, &sample_module);

    (void)dir;
    config->down = pattern;
    return NULL;
}

static void *create_config(apr_pool_t *pool, server_rec *s)
{
    (void)s;
    return apr_pcalloc(pool, sizeof(sample_config));
}

static const command_rec directives[] = {
    AP_INIT_TAKE123("SampleRefuse", set_refused, NULL, RSRC_CONF, "PATTERN [CODE [TEXT]]"),
    AP_INIT_TAKE1("SampleDown", set_down, NULL, RSRC_CONF, "PATTERN"),
    {0},
};

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_optional_fn_retrieve(find_functions, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(betterauth, betterauth_sign_in, may_sign_in, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(early, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(show, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA sample_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, create_config, NULL, directives, register_hooks, 0,
};
