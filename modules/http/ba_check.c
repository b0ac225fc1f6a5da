/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_check.h"

#include "ba_admin.h"
#include "ba_cache_site.h"
#include "ba_check_mail.h"
#include "ba_directives.h"
#include "ba_languages.h"
#include "ba_limit_site.h"
#include "ba_module.h"
#include "ba_mount.h"
#include "ba_routes.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <string.h>
#include <strings.h>

/* What the configuration tree says about one server. */
typedef struct facts {
    struct facts *next;
    server_rec *server;
    ba_dbd_source source;
    const ap_directive_t *params; /* DBDParams */
    const ap_directive_t *api;    /* where a handler of ours is set */
    const ap_directive_t *pages;
    const ap_directive_t *forward;
    const ap_directive_t *stray; /* betterauth-forward, but not in a <Location "/path"> */
    const ap_directive_t *guard; /* AuthType Session */
    const ap_directive_t *basic; /* AuthBasicProvider betterauth */
    const ap_directive_t *role;  /* Require betterauth role */
    const ap_directive_t *ssi_tags;
    apr_array_header_t *forwards; /* const char *: where betterauth-forward is mounted */
    const char *ssl_engine; /* word of SSLEngine, NULL if not said */
} facts;

/* Of the configuration now in force; made anew by each check_config. */
static facts *all_facts;

static facts *facts_of(const server_rec *s)
{
    facts *f = all_facts;

    while (f && f->server != s) {
        f = f->next;
    }
    return f;
}

/* The server of a <VirtualHost> node: the core notes where each was defined. */
static facts *facts_at(const ap_directive_t *node)
{
    facts *f = all_facts;

    while (f
           && !(f->server->defn_name && (int)f->server->defn_line_number == node->line_num
                && !strcmp(f->server->defn_name, node->filename))) {
        f = f->next;
    }
    return f;
}

static const char *first_word(apr_pool_t *pool, const char *args)
{
    return ap_getword_conf(pool, &args);
}

/* The path of the <Location "/path"> that a directive stands in; NULL: it stands elsewhere. */
static const char *location_of(const ap_directive_t *node, apr_pool_t *pool)
{
    const ap_directive_t *section = node->parent;
    char *arg;

    if (!section || strcasecmp(section->directive, "<Location")) {
        return NULL;
    }
    arg = apr_pstrdup(pool, section->args);
    if (*arg && arg[strlen(arg) - 1] == '>') {
        arg[strlen(arg) - 1] = '\0';
    }
    arg = (char *)(apr_uintptr_t)first_word(pool, arg);
    return *arg == '/' ? arg : NULL;
}

static int wants_role(const char *args, apr_pool_t *pool)
{
    const char *word = ap_getword_conf(pool, &args);

    if (!strcasecmp(word, "not")) {
        word = ap_getword_conf(pool, &args);
    }
    return !strcasecmp(word, "betterauth") && !strcasecmp(ap_getword_conf(pool, &args), "role");
}

static int names_us(const char *args, apr_pool_t *pool)
{
    while (*args) {
        if (!strcasecmp(ap_getword_conf(pool, &args), "betterauth")) {
            return 1;
        }
    }
    return 0;
}

static void note(facts *f, const ap_directive_t *node, apr_pool_t *pool)
{
    const char *word;

    if (!strcasecmp(node->directive, "DBDriver")) {
        f->source.driver = first_word(pool, node->args);
    }
    else if (!strcasecmp(node->directive, "DBDParams")) {
        f->source.params = first_word(pool, node->args);
        f->params = node;
    }
    else if (!strcasecmp(node->directive, "SSLEngine")) {
        f->ssl_engine = first_word(pool, node->args);
    }
    else if (!strcasecmp(node->directive, "SSIStartTag")
             || !strcasecmp(node->directive, "SSIEndTag")) {
        f->ssi_tags = node;
    }
    else if (!strcasecmp(node->directive, "AuthType")) {
        word = first_word(pool, node->args);
        if (!strcasecmp(word, "Session")) {
            f->guard = node;
        }
    }
    else if (!strcasecmp(node->directive, "AuthBasicProvider")) {
        f->basic = names_us(node->args, pool) ? node : f->basic;
    }
    else if (!strcasecmp(node->directive, "Require")) {
        f->role = wants_role(node->args, pool) ? node : f->role;
    }
    else if (!strcasecmp(node->directive, "SetHandler")) {
        word = first_word(pool, node->args);
        if (!strcmp(word, BA_HANDLER_API)) {
            f->api = node;
        }
        else if (!strcmp(word, BA_HANDLER_PAGES)) {
            f->pages = node;
        }
        else if (!strcmp(word, BA_HANDLER_FORWARD)) {
            const char *path = location_of(node, pool);

            f->forward = node;
            if (path) {
                APR_ARRAY_PUSH(f->forwards, const char *) = path;
            }
            else {
                f->stray = node;
            }
        }
    }
}

static void walk(const ap_directive_t *node, facts *f, apr_pool_t *pool)
{
    for (; node; node = node->next) {
        facts *inner = f;

        if (!strcasecmp(node->directive, "<VirtualHost")) {
            inner = facts_at(node);
        }
        if (inner) {
            note(inner, node, pool);
            walk(node->first_child, inner, pool);
        }
    }
}

/* A virtual host has what the main server has, unless it says otherwise. */
static void inherit(facts *f, const facts *base)
{
    if (!f->source.driver) {
        f->source.driver = base->source.driver;
    }
    if (!f->source.params) {
        f->source.params = base->source.params;
        f->params = base->params;
    }
    if (!f->ssi_tags) {
        f->ssi_tags = base->ssi_tags;
    }
    if (!f->ssl_engine) {
        f->ssl_engine = base->ssl_engine;
    }
}

static void collect(server_rec *main, apr_pool_t *pconf)
{
    facts **last = &all_facts;

    all_facts = NULL;
    for (server_rec *s = main; s; s = s->next) {
        facts *f = apr_pcalloc(pconf, sizeof(*f));

        f->server = s;
        f->forwards = apr_array_make(pconf, 2, sizeof(const char *));
        *last = f;
        last = &f->next;
    }
    walk(ap_conftree, all_facts, pconf);
    for (facts *f = all_facts->next; f; f = f->next) {
        inherit(f, all_facts);
    }
}

/* ---- what must be there */

static int refuse(const ap_directive_t *node, const char *tag, const char *message)
{
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, NULL,
                 "%s: Syntax error on line %d of %s: %s", tag, node->line_num, node->filename,
                 message);
    return 0;
}

static const ba_settings *settings_of(const facts *f)
{
    const ba_server_config *config
        = ap_get_module_config(f->server->module_config, &betterauth_module);

    return &config->values;
}

/* Sections outside all virtual hosts hold for each of them: there it is enough
 * that one of them is complete. A server that is not refuses requests. */
static int complete_somewhere(const facts *f, int (*complete)(const facts *))
{
    if (complete(f)) {
        return 1;
    }
    for (const facts *v = f == all_facts ? f->next : NULL; v; v = v->next) {
        if (complete(v)) {
            return 1;
        }
    }
    return 0;
}

static int has_secret(const facts *f)
{
    return settings_of(f)->secrets != NULL;
}

static int has_database(const facts *f)
{
    return f->source.driver != NULL;
}

static int has_roles(const facts *f)
{
    return settings_of(f)->admin;
}

static const char *what(const ap_directive_t *node)
{
    return !strcasecmp(node->directive, "AuthType")            ? "AuthType Session"
           : !strcasecmp(node->directive, "AuthBasicProvider") ? "AuthBasicProvider betterauth"
                                                               : node->args;
}

static int check_needs(const facts *f, const ap_directive_t *node, apr_pool_t *pool)
{
    if (!complete_somewhere(f, has_secret)) {
        return refuse(node, "BA0111",
                      apr_pstrcat(pool, what(node),
                                  " needs a signing key: write BetterAuthSecret file:PATH in this "
                                  "server, with 32 random characters in the file (openssl rand "
                                  "-base64 32)",
                                  NULL));
    }
    if (!complete_somewhere(f, has_database)) {
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
    const char *arg = location_of(node, pool);

    if (!arg || !strcmp(arg, path)) {
        return 1;
    }
    return refuse(node, "BA0113",
                  apr_psprintf(pool,
                               "the handler is mounted on %s but expects %s: write %s %s, or mount "
                               "it there",
                               arg, path, directive, arg));
}

static int check_pages(const facts *f, apr_pool_t *pool)
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
    return check_mount(f->pages, settings_of(f)->pages_path, "BetterAuthPagesPath", pool);
}

static int check_driver(const facts *f, const ap_directive_t *node, apr_pool_t *pool)
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

static int is_secure(const facts *f)
{
    const ba_settings *s = settings_of(f);

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

static int has_good_cookies(const facts *f)
{
    const ba_cookie_attributes *a = &settings_of(f)->cookie_attributes;

    return is_secure(f) || (a->same_site != BA_SAME_SITE_NONE && !a->partitioned);
}

/* A path that names nothing may be a mistake that leaves an endpoint open. */
static void warn_disabled(const facts *f)
{
    const apr_array_header_t *paths = settings_of(f)->disabled_paths;

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

static void warn_trace(const facts *f)
{
    const core_server_config *core = ap_get_core_module_config(f->server->module_config);

    if (core->trace_enable != AP_TRACE_DISABLE) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, NULL,
                     "BA0118: TRACE shows session cookies to scripts: write TraceEnable off");
    }
}

static int check_admin(const facts *f)
{
    const ba_settings *s = settings_of(f);
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

static int check_server(const facts *f, apr_pool_t *pool)
{
    const ap_directive_t *nodes[] = {f->api, f->pages, f->forward, f->guard, f->basic};
    const ap_directive_t *any = NULL;

    for (int i = 0; i < 5; ++i) {
        any = any ? any : nodes[i];
        if (nodes[i] && !check_needs(f, nodes[i], pool)) {
            return 0;
        }
        if (nodes[i] && has_database(f) && !check_driver(f, nodes[i], pool)) {
            return 0;
        }
    }
    if (any && !complete_somewhere(f, has_good_cookies)) {
        return refuse(any, "BA0129",
                      "browsers take cookies with SameSite=None or Partitioned from https only: "
                      "write BetterAuthBaseURL https://host, or other BetterAuthCookieAttributes");
    }
    if (f->api && !check_mount(f->api, settings_of(f)->base_path, "BetterAuthBasePath", pool)) {
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
    collect(main, pconf);
    for (const facts *f = all_facts; f; f = f->next) {
        if (!check_server(f, ptemp)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        used |= f->api || f->pages || f->forward || f->guard || f->basic;
        if (!ba_cache_site_check(f->server, pconf, ptemp)) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        /* not again for each that inherits them */
        if (f == all_facts || settings_of(f)->rate_rules != settings_of(all_facts)->rate_rules) {
            ba_limit_site_check(settings_of(f)->rate_rules);
        }
        if (f->api || f->pages) {
            warn_disabled(f);
        }
    }
    if (used) {
        warn_trace(all_facts);
    }
    return OK;
}

/* ---- databases */

const ba_dbd_source *ba_check_database(server_rec *s)
{
    return &facts_of(s)->source;
}

int ba_check_speaks_tls(server_rec *s)
{
    const facts *f = facts_of(s);

    return f->ssl_engine && !strcasecmp(f->ssl_engine, "on");
}

int ba_check_has_pages(server_rec *s)
{
    return facts_of(s)->pages || all_facts->pages;
}

const apr_array_header_t *ba_check_forwards(server_rec *s, apr_pool_t *pool)
{
    const facts *f = facts_of(s);

    return f == all_facts ? f->forwards
                          : apr_array_append(pool, f->forwards, all_facts->forwards);
}

/* What the database says of these columns, NULL if nothing. */
static const char *missing(const ba_columns *columns, ba_db_conn *conn, apr_pool_t *pool)
{
    ba_db db = {0};

    ba_db_extend(&db, columns, pool);
    return db.texts ? ba_db_check(&db, conn, pool) : NULL;
}

static void check_columns(const facts *f, ba_db_conn *conn, apr_pool_t *pool)
{
    const ba_settings *s = settings_of(f);
    const ba_columns none = {NULL, NULL}, admin = ba_admin_columns(&none, pool);
    const char *error = s->admin ? missing(&admin, conn, pool) : NULL;

    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, f->server,
                     "BA0172: the %s database lacks a column of BetterAuthAdmin (%s): load "
                     "sql/%s/003-admin.sql; answering 503 until then",
                     f->source.driver, error, ba_db_dialect(f->source.driver));
        return;
    }
    error = missing(&s->fields, conn, pool);
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, f->server,
                     "BA0127: the %s database lacks a column of BetterAuthField (%s): add it to "
                     "the table; answering 503 until then",
                     f->source.driver, error);
    }
}

static void check_source(const facts *f, apr_pool_t *pool)
{
    const ba_db db = {0};
    const char *error;
    ba_db_conn *conn = ba_dbd_connect(&f->source, &error, pool);

    if (!conn) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, f->server,
                     "BA0119: cannot reach the %s database: %s; answering 503 until it is there",
                     f->source.driver, error);
        return;
    }
    error = ba_db_check(&db, conn, pool);
    if (!error) {
        check_columns(f, conn, pool);
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, f->server,
                     "BA0120: the %s database lacks our tables (%s): load sql/%s/*.sql in order; "
                     "answering 503 until then",
                     f->source.driver, error, ba_db_dialect(f->source.driver));
    }
}

static int same_check(const facts *a, const facts *b)
{
    const ba_settings *of_a = settings_of(a), *of_b = settings_of(b);

    return ba_dbd_same_source(&a->source, &b->source) && of_a->fields.user == of_b->fields.user
           && of_a->fields.session == of_b->fields.session && of_a->admin == of_b->admin;
}

void ba_check_databases(server_rec *main, apr_pool_t *ptemp)
{
    (void)main;
    for (const facts *f = all_facts; f; f = f->next) {
        const facts *earlier = all_facts;
        apr_pool_t *pool;

        if (!has_secret(f) || !has_database(f)) {
            continue;
        }
        while (earlier != f
               && !(has_secret(earlier) && has_database(earlier)
                    && same_check(earlier, f))) {
            earlier = earlier->next;
        }
        if (earlier == f) {
            apr_pool_create(&pool, ptemp);
            check_source(f, pool);
            apr_pool_destroy(pool);
        }
    }
}

/* Reads the files of languages, for what is logged of them. */
static void check_languages(apr_pool_t *pool)
{
    const ba_settings *first = settings_of(all_facts);

    for (const facts *f = all_facts; f; f = f->next) {
        const ba_settings *s = settings_of(f);

        if (has_secret(f)
            && (f == all_facts || s->pages_dir != first->pages_dir || s->languages != first->languages)) {
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
