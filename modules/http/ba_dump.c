/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_dump.h"

#include "ba_check.h"
#include "ba_directives.h"
#include "ba_dump_guards.h"
#include "ba_httpd.h"
#include "ba_kind.h"
#include "ba_module.h"
#include "ba_mount.h"

#include <ap_provider.h>
#include <ap_socache.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <string.h>
#include <strings.h>

/* One server being printed. */
typedef struct dump {
    apr_file_t *out;
    apr_pool_t *pool;
    server_rec *server;
    const ap_directive_t *host; /* its <VirtualHost>, NULL: the main server */
    ba_settings settings;       /* a copy, with what is derived of them */
} dump;

static void line(const dump *d, const char *name, const char *text)
{
    apr_file_printf(d->out, "    %-14s%s\n", name, text);
}

/* ---- what is written where */

/* The nodes of that name in a server, outside of all sections. */
static void find(apr_array_header_t *found, const ap_directive_t *node, const char *name)
{
    for (; node; node = node->next) {
        if (!strcasecmp(node->directive, name)) {
            APR_ARRAY_PUSH(found, const ap_directive_t *) = node;
        }
    }
}

/* What is in force: the virtual host's own, or else what it inherits. */
static const apr_array_header_t *written(const ap_directive_t *host, const char *name,
                                         apr_pool_t *pool)
{
    apr_array_header_t *found = apr_array_make(pool, 2, sizeof(const ap_directive_t *));

    if (host) {
        find(found, host->first_child, name);
    }
    if (!found->nelts) {
        find(found, ap_conftree, name);
    }
    return found;
}

const ap_directive_t *ba_dump_written(const ap_directive_t *host, const char *name,
                                      apr_pool_t *pool)
{
    const apr_array_header_t *found = written(host, name, pool);

    return found->nelts ? APR_ARRAY_IDX(found, found->nelts - 1, const ap_directive_t *) : NULL;
}

/* Where a handler is set, virtual hosts left out. */
static const ap_directive_t *find_handler(const ap_directive_t *node, const char *name,
                                          apr_pool_t *pool)
{
    for (; node; node = node->next) {
        const char *args = node->args;
        const ap_directive_t *inner;

        if (!strcasecmp(node->directive, "SetHandler")
            && !strcmp(ap_getword_conf(pool, &args), name)) {
            return node;
        }
        if (node->first_child && strcasecmp(node->directive, "<VirtualHost")
            && (inner = find_handler(node->first_child, name, pool)) != NULL) {
            return inner;
        }
    }
    return NULL;
}

const ap_directive_t *ba_dump_host(const server_rec *s)
{
    const ap_directive_t *node = ap_conftree;

    while (node
           && (strcasecmp(node->directive, "<VirtualHost") || !s->defn_name
               || (int)s->defn_line_number != node->line_num
               || strcmp(s->defn_name, node->filename))) {
        node = node->next;
    }
    return node;
}

/* ---- the lines */

static void print_mount(const dump *d, const char *name, const char *path, const char *handler)
{
    const ap_directive_t *node
        = d->host ? find_handler(d->host->first_child, handler, d->pool) : NULL;

    if (!node) {
        node = find_handler(ap_conftree, handler, d->pool);
    }
    line(d, name,
         apr_pstrcat(d->pool, path, node ? "" : ", not mounted",
                     node ? ba_dump_place(node, d->pool) : "", NULL));
}

/* One value of DBDParams, found as apr_dbd_mysql finds it; so a password that looks like
 * another key stays a password. */
static const char *param(const char *params, const char *name, apr_pool_t *pool)
{
    const char *found = NULL;

    for (const char *p = strchr(params, '='); p; p = strchr(p, '=')) {
        const char *end = p, *key, *value = p + 1;
        apr_size_t len;

        while (end > params && apr_isspace(end[-1])) {
            --end;
        }
        for (key = end; key > params && apr_isalpha(key[-1]); --key) {
        }
        while (apr_isspace(*value)) {
            ++value;
        }
        len = strcspn(value, " \r\n\t;|,");
        if ((apr_size_t)(end - key) == strlen(name) && !strncasecmp(key, name, strlen(name))) {
            found = apr_pstrmemdup(pool, value, len);
        }
        p = value + len;
    }
    return found;
}

static const char *state_of(const dump *d, const ba_dbd_source *source)
{
    ba_db db = {0};
    const char *error;
    const char *state = "ready";
    apr_pool_t *pool;
    ba_db_conn *conn;

    apr_pool_create(&pool, d->pool);
    conn = ba_dbd_connect(source, &error, pool);
    if (!conn) {
        state = "cannot be reached";
    }
    else if (ba_db_check(&db, conn, pool)) {
        state = "lacks our tables";
    }
    else {
        ba_db_extend(&db, &d->settings.columns, pool);
        state = db.texts && ba_db_check(&db, conn, pool) ? "lacks a column of BetterAuthField"
                                                         : "ready";
    }
    apr_pool_destroy(pool);
    return state;
}

static void print_database(const dump *d)
{
    static const char *const shown[] = {"host", "port", "sock", "user", "dbname"};
    const ba_dbd_source *source = ba_check_database(d->server);
    const char *text = source->driver;
    int is_mysql = text && !strcmp(text, "mysql");

    if (!text) {
        line(d, "database", "none");
        return;
    }
    for (int i = 0; source->params && is_mysql && i < 5; ++i) {
        const char *value = param(source->params, shown[i], d->pool);

        text = value ? apr_pstrcat(d->pool, text, " ", shown[i], "=", value, NULL) : text;
    }
    if (source->params && !is_mysql) {
        text = apr_pstrcat(d->pool, text, " ", source->params, NULL);
    }
    line(d, "database", apr_pstrcat(d->pool, text, ": ", state_of(d, source), NULL));
}

/* How many keys, and where they come from. */
static void print_secret(const dump *d)
{
    static const char *const sources[] = {"file:", "env:", "exec:"};
    const ap_directive_t *node = ba_dump_written(d->host, "BetterAuthSecret", d->pool);
    const char *args = node ? node->args : "";
    const char *text = apr_psprintf(d->pool, "%d key%s:", d->settings.secrets->nelts,
                                    d->settings.secrets->nelts == 1 ? "" : "s");

    while (*args) {
        const char *word = ap_getword_conf(d->pool, &args);
        const char *kind = "in the configuration";

        for (int i = 0; i < 3; ++i) {
            if (!strncmp(word, sources[i], strlen(sources[i]))) {
                kind = apr_pstrndup(d->pool, sources[i], strlen(sources[i]) - 1);
            }
        }
        text = apr_pstrcat(d->pool, text, text[strlen(text) - 1] == ':' ? " " : ", ", kind, NULL);
    }
    line(d, "secret", text);
}

static void print_caches(const dump *d)
{
    static const char *const forms[] = {"off", "compact", "jwt", "jwe"};
    const ba_cache_source *server = &d->settings.session_cache;
    const ba_cookie_cache *cookie = &d->settings.cookie_cache;
    const char *sessions = "off", *cookies = "off";

    if (server->provider) {
        sessions = ap_lookup_provider(AP_SOCACHE_PROVIDER_GROUP, server->provider,
                                      AP_SOCACHE_PROVIDER_VERSION)
                       ? apr_psprintf(d->pool, "%s, %" APR_INT64_T_FMT " s", server->provider,
                                      server->lifetime)
                       : apr_pstrcat(d->pool, "off, ", server->provider, " is not loaded", NULL);
    }
    if (cookie->form != BA_CACHE_OFF) {
        cookies = apr_psprintf(d->pool, "%s, %" APR_INT64_T_FMT " s", forms[cookie->form],
                               cookie->max_age);
    }
    line(d, "session cache", sessions);
    line(d, "cookie cache", cookies);
}

static void print_mailer(const dump *d)
{
    static const char *const kinds[] = {"off", "smtp", "sendmail", "dir"};
    const ba_mailer *m = &d->settings.mailer;
    /* the address of a mail server has its scheme in it */
    const char *text = m->kind == BA_MAILER_OFF    ? "off"
                       : m->kind == BA_MAILER_SMTP ? m->target
                                                   : apr_pstrcat(d->pool, kinds[m->kind], ":",
                                                                 m->target, NULL);

    if (m->kind != BA_MAILER_OFF) {
        text = apr_pstrcat(d->pool, text, ", from ", d->settings.mail_from.address, NULL);
    }
    line(d, "mail", text);
}

/* Each directive of ours that is written; the others have their defaults. */
static void print_settings(const dump *d)
{
    int n = 0;

    for (int i = 0; ba_directives[i].name; ++i) {
        const ba_slot *slot = ba_directives[i].cmd_data;
        const apr_array_header_t *nodes = ba_directives[i].req_override == OR_AUTHCFG
                                              ? NULL
                                              : written(d->host, ba_directives[i].name, d->pool);

        for (int j = 0; nodes && j < nodes->nelts; ++j) {
            const ap_directive_t *node = APR_ARRAY_IDX(nodes, j, const ap_directive_t *);

            if (j < nodes->nelts - 1 && !ba_kind_adds_up(slot->kind)) {
                continue;
            }
            apr_file_printf(d->out, "%s        %s%s\n", n++ ? "" : "    written:\n",
                            ba_kind_is_secret(slot->kind)
                                ? apr_pstrcat(d->pool, ba_directives[i].name, " ...", NULL)
                                : ba_dump_text(node, d->pool),
                            ba_dump_place(node, d->pool));
        }
    }
}

static void print_complete(dump *d)
{
    ba_settings *s = &d->settings;
    int named = s->base_url != NULL;

    if (!named) {
        s->base_url = ba_httpd_base_url(d->server, d->pool);
    }
    if (!s->base_url) {
        line(d, "base URL", "not known: no ServerName, no BetterAuthBaseURL");
        return;
    }
    ba_settings_finish(s, d->pool);
    line(d, "base URL",
         apr_pstrcat(d->pool, s->base_url, named ? "" : " (from ServerName)", NULL));
    print_mount(d, "API", s->base_path, BA_HANDLER_API);
    print_mount(d, "pages", s->pages_path, BA_HANDLER_PAGES);
    print_database(d);
    print_secret(d);
    line(d, "cookie", apr_pstrcat(d->pool, s->session_cookie, s->cookie_flags, NULL));
    print_caches(d);
    print_mailer(d);
}

static void print_server(dump *d)
{
    const server_rec *s = d->server;

    if (d->host) {
        apr_file_printf(d->out, "%s %s%s\n", ba_dump_text(d->host, d->pool),
                        s->server_hostname ? s->server_hostname : "-",
                        ba_dump_place(d->host, d->pool));
    }
    else {
        apr_file_printf(d->out, "main server %s\n", s->server_hostname ? s->server_hostname : "-");
    }
    if (d->settings.secrets) {
        print_complete(d);
        print_settings(d);
    }
    else {
        line(d, "not used", "no BetterAuthSecret");
    }
    ba_dump_guards(d->out, d->host, d->settings.secrets != NULL, d->pool);
}

/* The main one, and virtual hosts as written, which httpd has in reverse. */
static const apr_array_header_t *servers_of(server_rec *main, apr_pool_t *pool)
{
    apr_array_header_t *all = apr_array_make(pool, 4, sizeof(server_rec *));

    for (server_rec *s = main->next; s; s = s->next) {
        APR_ARRAY_PUSH(all, server_rec *) = s;
    }
    APR_ARRAY_PUSH(all, server_rec *) = main;
    return all;
}

void ba_dump_test(apr_pool_t *pconf, server_rec *main)
{
    dump d = {.pool = pconf};
    const apr_array_header_t *servers = servers_of(main, pconf);

    if (!ap_exists_config_define("DUMP_BETTERAUTH")
        || apr_file_open_stdout(&d.out, pconf) != APR_SUCCESS) {
        return;
    }
    apr_file_printf(d.out, "mod_betterauth configuration:\n");
    for (int i = servers->nelts; i-- > 0;) {
        const ba_server_config *config;

        d.server = APR_ARRAY_IDX(servers, i, server_rec *);
        d.host = d.server == main ? NULL : ba_dump_host(d.server);
        config = ap_get_module_config(d.server->module_config, &betterauth_module);
        d.settings = config->values;
        print_server(&d);
    }
    apr_file_printf(d.out, "not shown: .htaccess files; which directories an address leads to\n");
}
