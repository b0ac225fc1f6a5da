/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* One row per directive: name, kind, member, range, default. One setter checks; create
 * and merge walk the same rows, so a default or an inheritance cannot be forgotten. */

#include "ba_directives.h"

#include "ba_kind.h"
#include "ba_module.h"

#include <apr_strings.h>
#include <http_core.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *const auto_words[] = {"auto", "on", "off", NULL};
static const char *const refresh_words[] = {"on", "off", "post", NULL};
static const char *const id_words[] = {"random", "uuid", NULL};
static const char *const bearer_words[] = {"off", "on", "signed", NULL};
static const char *const delete_words[] = {"off", "on", "confirm", NULL};
static const char *const identifier_words[] = {"plain", "hashed", NULL};
static const char *const cookie_cache_words[] = {"off", "compact", "jwt", "jwe", NULL};
static const char *const unauthenticated_words[] = {"auto", "401", "redirect", "pass", NULL};
static const char *const remote_user_words[] = {"email", "id", "name", NULL};
static const char *const export_words[] = {"none", "env", "headers", "both", NULL};

/* ---- the table */

static const char *set(cmd_parms *cmd, void *dir, int argc, char *const argv[]);

#define SERVER_ROW(name, kind, member, fallback, lo, hi, words, help)                              \
    AP_INIT_TAKE_ARGV(                                                                             \
        name, set,                                                                                 \
        (void *)(&(const ba_slot){&kind, offsetof(ba_settings, member), fallback, lo, hi, words}), \
        RSRC_CONF, help)

#define DIR_ROW(name, kind, member, fallback, words, help)                                       \
    AP_INIT_TAKE_ARGV(                                                                           \
        name, set,                                                                               \
        (void *)(&(const ba_slot){&kind, offsetof(ba_dir_settings, member), fallback, 0, 0,      \
                                  words}),                                                       \
        OR_AUTHCFG, help)

const command_rec ba_directives[] = {
    SERVER_ROW("BetterAuthSecret", ba_kind_secrets, secrets, NULL, 0, 0, NULL,
               "signing key, 32 characters or more: text, file:PATH, env:NAME or exec:COMMAND; "
               "further ones only verify"),
    SERVER_ROW("BetterAuthBaseURL", ba_kind_origin, base_url, NULL, 0, 0, NULL,
               "public origin of this server, https://host[:port]; from ServerName if absent"),
    SERVER_ROW("BetterAuthBasePath", ba_kind_url_path, base_path, "/api/auth", 0, 0, NULL,
               "where the API is mounted"),
    SERVER_ROW("BetterAuthPagesPath", ba_kind_url_path, pages_path, "/auth", 0, 0, NULL,
               "where the pages are mounted"),
    SERVER_ROW("BetterAuthPagesDir", ba_kind_directory, pages_dir, NULL, 0, 0, NULL,
               "directory of own page documents; the installed set serves what it lacks"),
    SERVER_ROW("BetterAuthLanguages", ba_kind_languages, languages, "en de fr es zh ar", 0, 0, NULL,
               "languages of pages and mails; the first is for those who read none of them"),
    SERVER_ROW("BetterAuthBrand", ba_kind_brand, brand, NULL, 0, 0, NULL,
               "logo or style PATH, color #RRGGBB, or terms, privacy or help URL: what the pages show"),
    SERVER_ROW("BetterAuthTrustedOrigins", ba_kind_patterns, trusted_origins, NULL, 0, 0, NULL,
               "further origins that may call the API and be redirected to"),
    SERVER_ROW("BetterAuthCookiePrefix", ba_kind_token, cookie_prefix, "better-auth", 0, 0, NULL,
               "first part of the cookies' names"),
    SERVER_ROW("BetterAuthCookieDomain", ba_kind_token, cookie_domain, NULL, 0, 0, NULL,
               "Domain of the cookies; absent: this host only"),
    SERVER_ROW("BetterAuthSecureCookies", ba_kind_word, secure_cookies, "auto", 0, 0, auto_words,
               "auto (by the base URL), on or off"),
    SERVER_ROW("BetterAuthSignUp", ba_kind_flag, sign_up, "on", 0, 0, NULL,
               "may visitors create accounts?"),
    SERVER_ROW("BetterAuthAutoSignIn", ba_kind_flag, auto_sign_in, "on", 0, 0, NULL,
               "does a new account start signed in?"),
    SERVER_ROW("BetterAuthRequireEmailVerification", ba_kind_flag, require_email_verification, "off",
               0, 0, NULL, "does sign-in need a verified address?"),
    SERVER_ROW("BetterAuthPasswordLength", ba_kind_lengths, password_length, "8 128", 0, 0, NULL,
               "MIN MAX characters of new passwords"),
    SERVER_ROW("BetterAuthPasswordBlockList", ba_kind_words, refused_passwords, NULL, 0, 0, NULL,
               "file of passwords that are refused, each in a line"),
    SERVER_ROW("BetterAuthPasswordHash", ba_kind_hash, hash, "argon2id", 0, 0, NULL,
               "argon2id [m=KIB] [t=N] [p=N], or scrypt to share tables with a Node server"),
    SERVER_ROW("BetterAuthHashConcurrency", ba_kind_concurrency, hash_concurrency, "cores 64", 0, 0,
               NULL, "N [QUEUE]: password hashes at a time on the whole server, and waiters"),
    SERVER_ROW("BetterAuthSessionExpiresIn", ba_kind_time, session_expires_in, "7d", 1, 34560000,
               NULL, "life of a session since it was last refreshed"),
    SERVER_ROW("BetterAuthSessionUpdateAge", ba_kind_time, session_update_age, "1d", 0, 34560000,
               NULL, "age at which a session in use is refreshed"),
    SERVER_ROW("BetterAuthSessionFreshAge", ba_kind_time, session_fresh_age, "1d", 0, 34560000, NULL,
               "age up to which a session is fresh; 0: always"),
    SERVER_ROW("BetterAuthMailer", ba_kind_mailer, mailer, "off", 0, 0, NULL,
               "how mail leaves: smtp://[user:password@]host[:port][?starttls=required|off|auto], "
               "smtps://…, sendmail:COMMAND, dir:PATH or off; the password also as a second "
               "argument: file:PATH, env:NAME or exec:COMMAND"),
    SERVER_ROW("BetterAuthMailFrom", ba_kind_mailbox, mail_from, NULL, 0, 0, NULL,
               "whom mails are from: ADDRESS or \"Name <ADDRESS>\""),
    SERVER_ROW("BetterAuthMailLimit", ba_kind_mail_limit, mail_limit, "5 1h", 0, 0, NULL,
               "mails to one address: at most MAX in WINDOW"),
    SERVER_ROW("BetterAuthMailDir", ba_kind_directory, mail_dir, NULL, 0, 0, NULL,
               "a folder with mail documents of your own"),
    SERVER_ROW("BetterAuthBearer", ba_kind_word, bearer, "off", 0, 0, bearer_words,
               "may Authorization: Bearer stand for the session cookie? on, off, or signed: with "
               "signature only"),
    SERVER_ROW("BetterAuthDisablePath", ba_kind_endpoints, disabled_paths, NULL, 0, 0, NULL,
               "endpoints that answer 404, and their pages with them: paths below the base path"),
    SERVER_ROW("BetterAuthSkipTrailingSlash", ba_kind_flag, skip_trailing_slash, "off", 0, 0, NULL,
               "is an endpoint with a slash behind the same endpoint?"),
    SERVER_ROW("BetterAuthErrorURL", ba_kind_url, error_url, NULL, 0, 0, NULL,
               "where the endpoint /error sends people: a URL, or a path of this server"),
    SERVER_ROW("BetterAuthAppName", ba_kind_name, app_name, NULL, 0, 0, NULL,
               "name of the site, as pages and mails show it; from the base URL if absent"),
    SERVER_ROW("BetterAuthEmailPassword", ba_kind_flag, email_password, "on", 0, 0, NULL,
               "may people sign up and in with a password?"),
    SERVER_ROW("BetterAuthSessionRefresh", ba_kind_word, session_refresh, "on", 0, 0, refresh_words,
               "is a session in use refreshed? on, off, or post: by POST /get-session only"),
    SERVER_ROW("BetterAuthSessionMaxLifetime", ba_kind_time_or_off, session_max_lifetime, "off", 60,
               34560000, NULL, "age at which a session is over, however it was refreshed; or off"),
    SERVER_ROW("BetterAuthMaxSessionsPerUser", ba_kind_count_or_off, max_sessions, "off", 1, 10000,
               NULL, "sessions of one user; a new one ends the oldest beyond them; or off"),
    SERVER_ROW("BetterAuthUnlinkAll", ba_kind_flag, unlink_all, "off", 0, 0, NULL,
               "may a user remove the last way to sign in?"),
    SERVER_ROW("BetterAuthCookieAttributes", ba_kind_cookie_attributes, cookie_attributes,
               "SameSite=Lax Path=/", 0, 0, NULL,
               "SameSite=Lax, Strict or None, Path=/path, Partitioned: of our cookies"),
    SERVER_ROW("BetterAuthIPv6Subnet", ba_kind_prefix, ipv6_subnet, "64", 0, 0, NULL,
               "bits of an IPv6 address that tell a client: 32, 48, 56, 64 or 128"),
    SERVER_ROW("BetterAuthIPTracking", ba_kind_flag, ip_tracking, "on", 0, 0, NULL,
               "do sessions keep the client's address?"),
    SERVER_ROW("BetterAuthGenerateID", ba_kind_word, generate_id, "random", 0, 0, id_words,
               "ids of new rows: random or uuid"),
    SERVER_ROW("BetterAuthVerifyOnSignUp", ba_kind_word, verify_on_sign_up, "auto", 0, 0, auto_words,
               "is a new address asked to be verified? auto: if sign-in needs it"),
    SERVER_ROW("BetterAuthVerifyOnSignIn", ba_kind_flag, verify_on_sign_in, "off", 0, 0, NULL,
               "does a sign-in that needs a verified address send a new link?"),
    SERVER_ROW("BetterAuthVerifySignsIn", ba_kind_flag, verify_signs_in, "off", 0, 0, NULL,
               "does the link that verifies an address sign in?"),
    SERVER_ROW("BetterAuthVerifyExpiresIn", ba_kind_time, verify_expires_in, "1h", 60, 2592000, NULL,
               "life of the links that verify and change addresses"),
    SERVER_ROW("BetterAuthResetExpiresIn", ba_kind_time, reset_expires_in, "1h", 60, 2592000, NULL,
               "life of a link to choose a new password"),
    SERVER_ROW("BetterAuthResetRevokesSessions", ba_kind_flag, reset_revokes_sessions, "off", 0, 0,
               NULL, "does a new password by mail end all sessions?"),
    SERVER_ROW("BetterAuthChangeEmail", ba_kind_flag, change_email, "off", 0, 0, NULL,
               "may users change their address?"),
    SERVER_ROW("BetterAuthChangeEmailUnverified", ba_kind_flag, change_email_unverified, "off", 0, 0,
               NULL, "is an unverified address changed at once?"),
    SERVER_ROW("BetterAuthChangeEmailConfirm", ba_kind_flag, change_email_confirm, "on", 0, 0, NULL,
               "does a verified address have to agree to its change?"),
    SERVER_ROW("BetterAuthDeleteUser", ba_kind_word, delete_user, "off", 0, 0, delete_words,
               "may users delete their account: off, on or confirm (by mail)"),
    SERVER_ROW("BetterAuthDeleteExpiresIn", ba_kind_time, delete_expires_in, "1d", 60, 2592000, NULL,
               "life of a link to delete an account"),
    SERVER_ROW("BetterAuthVerificationIdentifier", ba_kind_word, hash_identifiers, "plain", 0, 0,
               identifier_words, "how mailed tokens are stored: plain or hashed"),
    SERVER_ROW("BetterAuthRateLimit", ba_kind_flag, rate_limit, "on", 0, 0, NULL,
               "limit requests of one client, and wrong passwords of one account?"),
    SERVER_ROW("BetterAuthRateLimitDefault", ba_kind_rate, rate_default, "10 100", 0, 0, NULL,
               "WINDOW MAX: requests of one client to one path of the API"),
    SERVER_ROW("BetterAuthRateLimitRule", ba_kind_rate_rule, rate_rules, NULL, 0, 0, NULL,
               "PATH WINDOW MAX, or PATH off: another limit; the first rule that fits counts"),
    SERVER_ROW("BetterAuthCookieCache", ba_kind_cookie_cache, cookie_cache, "off 300", 1, 34560000,
               cookie_cache_words, "off, compact, jwt or jwe, then MAXAGE: session and user in a "
               "cookie that answers without the database"),
    SERVER_ROW("BetterAuthCookieCacheVersion", ba_kind_version, cookie_cache_version, "1", 0, 0, NULL,
               "a new TEXT makes all cookie caches of before worthless"),
    SERVER_ROW("BetterAuthSessionCache", ba_kind_session_cache, session_cache, "shmcb 10", 1, 3600,
               NULL, "off, or PROVIDER[:ARGS] and LIFETIME: where sessions are kept for a while, so "
               "that the database is not asked each time"),
    SERVER_ROW("BetterAuthAuditLog", ba_kind_log, audit_log, "off", 0, 0, NULL,
               "FILE, \"|program arguments\" or off: who did what, as a JSON object a line"),
    SERVER_ROW("BetterAuthField", ba_kind_column, fields, NULL, 0, 0, NULL,
               "user|session NAME string|number|boolean|date [required] [readonly] [hidden] "
               "[default=VALUE] [column=NAME]: a column of the operator's own"),
    SERVER_ROW("BetterAuthAdmin", ba_kind_flag, admin, "off", 0, 0, NULL,
               "do users have roles and bans, as with Better Auth's admin plugin?"),
    DIR_ROW("BetterAuthUnauthenticated", ba_kind_word, unauthenticated, "auto", unauthenticated_words,
            "what an anonymous request gets: auto, 401, redirect or pass"),
    DIR_ROW("BetterAuthRemoteUser", ba_kind_word, remote_user, "email", remote_user_words,
            "what becomes REMOTE_USER: email, id or name"),
    DIR_ROW("BetterAuthExport", ba_kind_word, export_to, "both", export_words,
            "how applications learn who it is: env, headers, both or none"),
    DIR_ROW("BetterAuthForwardCookies", ba_kind_flag, forward_cookies, "off", NULL,
            "do proxied applications get the session cookies?"),
    {0},
};

#define WORD_BITS 64

/* a row is a bit of `set` */
_Static_assert(sizeof(ba_directives) / sizeof(ba_directives[0]) - 1
                   <= WORD_BITS * sizeof(ba_directive_set) / sizeof(apr_uint64_t),
               "too many directives");

static apr_uint64_t bit(apr_size_t row)
{
    return (apr_uint64_t)1 << row % WORD_BITS;
}

static int has(const ba_directive_set *set, apr_size_t row)
{
    return (set->words[row / WORD_BITS] & bit(row)) != 0;
}

static void put(ba_directive_set *set, apr_size_t row)
{
    set->words[row / WORD_BITS] |= bit(row);
}

static void unite(ba_directive_set *set, const ba_directive_set *add)
{
    for (apr_size_t i = 0; i < sizeof(set->words) / sizeof(set->words[0]); ++i) {
        set->words[i] |= add->words[i];
    }
}

const ba_dir_settings *ba_directives_dir(const request_rec *r)
{
    const ba_dir_config *config = ap_get_module_config(r->per_dir_config, &betterauth_module);

    return &config->values;
}

int ba_directives_is_set(const ba_directive_set *set, const char *name)
{
    for (const command_rec *row = ba_directives; row->name; ++row) {
        if (!strcasecmp(row->name, name)) {
            return has(set, (apr_size_t)(row - ba_directives));
        }
    }
    return 0;
}

static const ba_slot *slot_of(const command_rec *row)
{
    return row->cmd_data;
}

static int is_dir_row(const command_rec *row)
{
    return row->req_override == OR_AUTHCFG;
}

static const char *set(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    const command_rec *row = cmd->cmd;
    const ba_slot *slot = slot_of(row);
    ba_dir_config *d = dir;
    ba_server_config *s = ap_get_module_config(cmd->server->module_config, &betterauth_module);
    char *values = is_dir_row(row) ? (char *)&d->values : (char *)&s->values;
    ba_directive_set *written = is_dir_row(row) ? &d->set : &s->set;
    const char *problem = NULL;

    if (!is_dir_row(row)) {
        /* the hash gate is one for the whole server */
        unsigned forbidden = slot->kind == &ba_kind_concurrency ? GLOBAL_ONLY : NOT_IN_DIR_CONTEXT;

        if ((problem = ap_check_cmd_context(cmd, forbidden)) != NULL) {
            return problem;
        }
    }
    if (argc < slot->kind->min_args || argc > slot->kind->max_args) {
        return apr_psprintf(cmd->pool, "%s takes: %s", row->name, row->errmsg);
    }
    problem = slot->kind->read(cmd->pool, slot, values + slot->offset, argc, argv);
    if (problem) {
        return apr_pstrcat(cmd->pool, row->name, " ", problem, NULL);
    }
    put(written, (apr_size_t)(row - ba_directives));
    return NULL;
}

/* ---- create and merge */

static void set_defaults(apr_pool_t *pool, char *values, int dir_rows)
{
    for (const command_rec *row = ba_directives; row->name; ++row) {
        const ba_slot *slot = slot_of(row);
        char **argv;
        int argc = 0;

        if (is_dir_row(row) != dir_rows || !slot->fallback) {
            continue;
        }
        apr_tokenize_to_argv(slot->fallback, &argv, pool);
        while (argv[argc]) {
            ++argc;
        }
        slot->kind->read(pool, slot, values + slot->offset, argc, argv);
    }
}

/* What add has set goes over what base says. */
static void merge(char *values, const char *add, const ba_directive_set *add_set, int dir_rows)
{
    for (const command_rec *row = ba_directives; row->name; ++row) {
        const ba_slot *slot = slot_of(row);

        if (is_dir_row(row) == dir_rows && has(add_set, (apr_size_t)(row - ba_directives))) {
            memcpy(values + slot->offset, add + slot->offset, slot->kind->size);
        }
    }
}

void *ba_directives_create_server(apr_pool_t *pool, server_rec *s)
{
    ba_server_config *config = apr_pcalloc(pool, sizeof(*config));

    (void)s;
    set_defaults(pool, (char *)&config->values, 0);
    return config;
}

void *ba_directives_merge_server(apr_pool_t *pool, void *base_, void *add_)
{
    const ba_server_config *base = base_, *add = add_;
    ba_server_config *config = apr_pmemdup(pool, base, sizeof(*config));

    merge((char *)&config->values, (const char *)&add->values, &add->set, 0);
    unite(&config->set, &add->set);
    return config;
}

void *ba_directives_create_dir(apr_pool_t *pool, char *dir)
{
    ba_dir_config *config = apr_pcalloc(pool, sizeof(*config));

    (void)dir;
    set_defaults(pool, (char *)&config->values, 1);
    return config;
}

void *ba_directives_merge_dir(apr_pool_t *pool, void *base_, void *add_)
{
    const ba_dir_config *base = base_, *add = add_;
    ba_dir_config *config = apr_pmemdup(pool, base, sizeof(*config));

    merge((char *)&config->values, (const char *)&add->values, &add->set, 1);
    unite(&config->set, &add->set);
    return config;
}
