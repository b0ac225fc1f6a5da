/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_check.h"
#include "ba_check_int.h"

#include "ba_admin.h"
#include "ba_cache_site.h"
#include "ba_check_mail.h"
#include "ba_languages.h"
#include "ba_limit_site.h"
#include "ba_mac.h"
#include "ba_module.h"
#include "ba_routes.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <string.h>
#include <strings.h>

static int refuse(const ap_directive_t *node, const char *tag, const char *message)
{
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, NULL,
                 "%s: Syntax error on line %d of %s: %s", tag, node->line_num, node->filename,
                 message);
    return 0;
}

/* Sections outside all virtual hosts hold for each of them: there it is enough
 * that one of them is complete. A server that is not refuses requests. */
static int complete_somewhere(const ba_facts *f, int (*complete)(const ba_facts *))
{
    if (complete(f)) {
        return 1;
    }
    for (const ba_facts *v = f == ba_facts_first() ? f->next : NULL; v; v = v->next) {
        if (complete(v)) {
            return 1;
        }
    }
    return 0;
}

static int has_roles(const ba_facts *f)
{
    return ba_facts_settings(f)->admin;
}

static const char *what(const ap_directive_t *node)
{
    return !strcasecmp(node->directive, "AuthType")            ? "AuthType Session"
           : !strcasecmp(node->directive, "AuthBasicProvider") ? "AuthBasicProvider betterauth"
                                                               : node->args;
}

static int check_needs(const ba_facts *f, const ap_directive_t *node, apr_pool_t *pool)
{
    if (!complete_somewhere(f, ba_facts_secret)) {
        return refuse(node, "BA0111",
                      apr_pstrcat(pool, what(node),
                                  " needs a signing key: write BetterAuthSecret file:PATH in this "
                                  "server, with 32 random characters in the file (openssl rand "
                                  "-base64 32)",
                                  NULL));
    }
    if (!complete_somewhere(f, ba_facts_database)) {
        return refuse(node, "BA0112",
                      apr_pstrcat(pool, what(node),
                                  " needs a database: load mod_dbd (a2enmod dbd) and write DBDriver "
                                  "and DBDParams in this server",
                                  NULL));
    }
    return 1;
}

/* <Location "/x"> that mounts a handler must be the path we think it is. */
static int check_mount(const ap_directive_t *node, const char *path, const char *directive,
                       apr_pool_t *pool)
{
    const char *arg = ba_facts_location(node, pool);

    if (!arg || !strcmp(arg, path)) {
        return 1;
    }
    return refuse(node, "BA0113",
                  apr_psprintf(pool,
                               "the handler is mounted on %s but expects %s: write %s %s, or mount "
                               "it there",
                               arg, path, directive, arg));
}

static int check_pages(const ba_facts *f, apr_pool_t *pool)
{
    if (!ap_find_linked_module("mod_include.c")) {
        return refuse(f->pages, "BA0114",
                      "betterauth-pages needs mod_include: load it (a2enmod include)");
    }
    if (f->ssi_tags) {
        return refuse(f->ssi_tags, "BA0115",
                      "betterauth-pages needs the usual SSI tags: remove SSIStartTag and SSIEndTag "
                      "from this server");
    }
    return check_mount(f->pages, ba_facts_settings(f)->pages_path, "BetterAuthPagesPath", pool);
}

static int check_driver(const ba_facts *f, const ap_directive_t *node, apr_pool_t *pool)
{
    const char *params = f->source.params ? f->source.params : "";

    if (!ba_db_dialect(f->source.driver)) {
        return refuse(node, "BA0116",
                      apr_pstrcat(pool, "DBDriver must be mysql or sqlite3, not ", f->source.driver,
                                  NULL));
    }
    /* a connection that comes back by itself has lost its prepared statements,
     * its character set and its transaction, and never heals */
    if (!strcmp(f->source.driver, "mysql") && f->params && !strstr(params, "reconnect=0")) {
        return refuse(f->params, "BA0117", "add reconnect=0 to DBDParams");
    }
    return 1;
}

static int is_secure(const ba_facts *f)
{
    const ba_settings *s = ba_facts_settings(f);

    if (s->secure_cookies != BA_AUTO) {
        return s->secure_cookies == BA_ON;
    }
    if (s->base_url) {
        return !strncmp(s->base_url, "https://", 8);
    }
    return f->server->server_scheme && *f->server->server_scheme
               ? !strcmp(f->server->server_scheme, "https")
               : ba_check_speaks_tls(f->server);
}

static int has_good_cookies(const ba_facts *f)
{
    const ba_cookie_attributes *a = &ba_facts_settings(f)->cookie_attributes;

    return is_secure(f) || (a->same_site != BA_SAME_SITE_NONE && !a->partitioned);
}

/* A path that names nothing may be a mistake that leaves an endpoint open. */
static void warn_disabled(const ba_facts *f)
{
    const apr_array_header_t *paths = ba_facts_settings(f)->disabled_paths;

    for (int i = 0; paths && i < paths->nelts; ++i) {
        const char *path = APR_ARRAY_IDX(paths, i, const char *);
        const char *endpoint = ba_route_endpoint(path);

        /* one address below "/:name" is not the endpoint */
        if (!endpoint || strcmp(endpoint, path)) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, NULL,
                         "BA0128: BetterAuthDisablePath: there is no endpoint %s", path);
        }
    }
}

static void warn_trace(const ba_facts *f)
{
    const core_server_config *core = ap_get_core_module_config(f->server->module_config);

    if (core->trace_enable != AP_TRACE_DISABLE) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, NULL,
                     "BA0118: TRACE shows session cookies to scripts: write TraceEnable off");
    }
}

static int check_admin(const ba_facts *f)
{
    const ba_settings *s = ba_facts_settings(f);
    const char *twice = s->admin ? ba_admin_clash(&s->fields) : NULL;

    if (twice) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, NULL,
                     "BA0170: BetterAuthAdmin brings the column %s: remove the BetterAuthField of "
                     "that name from this server", twice);
        return 0;
    }
    if (f->role && !complete_somewhere(f, has_roles)) {
        return refuse(f->role, "BA0171",
                      "Require betterauth role needs users with roles: write BetterAuthAdmin on in "
                      "this server");
    }
    return 1;
}

static int share_secret(const ba_settings *a, const ba_settings *b)
{
    for (int i = 0; i < a->secrets->nelts; ++i) {
        ba_bytes secret = APR_ARRAY_IDX(a->secrets, i, ba_bytes);

        for (int k = 0; k < b->secrets->nelts; ++k) {
            ba_bytes other = APR_ARRAY_IDX(b->secrets, k, ba_bytes);

            if (secret.len == other.len
                && ba_mac_same((const unsigned char *)secret.data,
                               (const unsigned char *)other.data, secret.len)) {
                return 1;
            }
        }
    }
    return 0;
}

/* Would each take the other's session_data for its own? It says who somebody is, and the
 * database is not asked. Nothing else that is signed does: sessions and mailed tokens have
 * a row, and links to change an address are for one. */
static int believe_each_other(const ba_facts *a, const ba_facts *b)
{
    const ba_settings *of_a = ba_facts_settings(a), *of_b = ba_facts_settings(b);

    return of_a->cookie_cache.form != BA_CACHE_OFF
           && of_a->cookie_cache.form == of_b->cookie_cache.form
           && !strcmp(of_a->cookie_cache_version, of_b->cookie_cache_version)
           && share_secret(of_a, of_b);
}

static int check_strangers(const ba_facts *f, apr_pool_t *pool)
{
    ap_directive_t here = {.filename = f->server->defn_name,
                           .line_num = (int)f->server->defn_line_number};

    for (const ba_facts *e = ba_facts_first(); ba_facts_secret(f) && ba_facts_database(f) && e != f;
         e = e->next) {
        if (ba_facts_secret(e) && ba_facts_database(e)
            && !ba_dbd_same_source(&e->source, &f->source) && believe_each_other(e, f)) {
            const char *name = e->server->server_hostname;

            return refuse(&here, "BA0168",
                          apr_pstrcat(pool, "this server and ", name ? name : "the main one",
                                      " have one BetterAuthSecret and two databases, so with "
                                      "BetterAuthCookieCache each would believe who is signed in "
                                      "at the other: write another BetterAuthSecret, or the same "
                                      "DBDriver and DBDParams, or another "
                                      "BetterAuthCookieCacheVersion",
                                      NULL));
        }
    }
    return 1;
}

static int check_server(const ba_facts *f, apr_pool_t *pool)
{
    const ap_directive_t *nodes[] = {f->api, f->pages, f->forward, f->guard, f->basic};
    const ap_directive_t *any = NULL;

    for (int i = 0; i < 5; ++i) {
        any = any ? any : nodes[i];
        if (nodes[i] && !check_needs(f, nodes[i], pool)) {
            return 0;
        }
        if (nodes[i] && ba_facts_database(f) && !check_driver(f, nodes[i], pool)) {
            return 0;
        }
    }
    if (any && !complete_somewhere(f, has_good_cookies)) {
        return refuse(any, "BA0129",
                      "browsers take cookies with SameSite=None or Partitioned from https only: "
                      "write BetterAuthBaseURL https://host, or other BetterAuthCookieAttributes");
    }
    if (f->api && !check_mount(f->api, ba_facts_settings(f)->base_path, "BetterAuthBasePath", pool)) {
        return 0;
    }
    if (f->pages && !check_pages(f, pool)) {
        return 0;
    }
    /* a path that we do not know could not be told from one below it */
    if (f->stray) {
        return refuse(f->stray, "BA0167",
                      "betterauth-forward is mounted with <Location \"/path\"> alone");
    }
    return check_admin(f);
}

int ba_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main)
{
    int used = 0;

    (void)plog;
    ba_facts_collect(main, pconf);
    for (const ba_facts *f = ba_facts_first(); f; f = f->next) {
        if (!check_server(f, ptemp) || !check_strangers(f, ptemp)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        used |= f->api || f->pages || f->forward || f->guard || f->basic;
        if (!ba_cache_site_check(f->server, pconf, ptemp)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        /* not again for each that inherits them */
        if (f == ba_facts_first() || ba_facts_settings(f)->rate_rules != ba_facts_settings(ba_facts_first())->rate_rules) {
            ba_limit_site_check(ba_facts_settings(f)->rate_rules);
        }
        if (f->api || f->pages) {
            warn_disabled(f);
        }
    }
    if (used) {
        warn_trace(ba_facts_first());
    }
    return OK;
}

/* Reads the files of languages, for what is logged of them. */
static void check_languages(apr_pool_t *pool)
{
    const ba_settings *first = ba_facts_settings(ba_facts_first());

    for (const ba_facts *f = ba_facts_first(); f; f = f->next) {
        const ba_settings *s = ba_facts_settings(f);

        if (ba_facts_secret(f)
            && (f == ba_facts_first() || s->pages_dir != first->pages_dir || s->languages != first->languages)) {
            ba_languages_load(s, f->server, pool);
        }
    }
}

void ba_check_test(apr_pool_t *pconf, server_rec *s)
{
    ba_check_databases(s, pconf);
    check_languages(pconf);
    ba_check_mail(s, pconf);
}
