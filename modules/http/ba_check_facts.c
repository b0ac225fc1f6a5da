/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_check.h"
#include "ba_check_int.h"

#include "ba_directives.h"
#include "ba_module.h"
#include "ba_mount.h"

#include <apr_strings.h>
#include <http_core.h>
#include <string.h>
#include <strings.h>

/* Of the configuration now in force; made anew by each check_config. */
static ba_facts *all_facts;

static ba_facts *facts_of(const server_rec *s)
{
    ba_facts *f = all_facts;

    while (f && f->server != s) {
        f = f->next;
    }
    return f;
}

/* The server of a <VirtualHost> node: the core notes where each was defined. */
static ba_facts *facts_at(const ap_directive_t *node)
{
    ba_facts *f = all_facts;

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

const char *ba_facts_location(const ap_directive_t *node, apr_pool_t *pool)
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

static void note_handler(ba_facts *f, const ap_directive_t *node, apr_pool_t *pool)
{
    const char *word = first_word(pool, node->args);

    if (!strcmp(word, BA_HANDLER_API)) {
        f->api = node;
    }
    else if (!strcmp(word, BA_HANDLER_PAGES)) {
        f->pages = node;
    }
    else if (!strcmp(word, BA_HANDLER_FORWARD)) {
        const char *path = ba_facts_location(node, pool);

        f->forward = node;
        if (path) {
            APR_ARRAY_PUSH(f->forwards, const char *) = path;
        }
        else {
            f->stray = node;
        }
    }
}

static void note(ba_facts *f, const ap_directive_t *node, apr_pool_t *pool)
{
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
        f->guard = !strcasecmp(first_word(pool, node->args), "Session") ? node : f->guard;
    }
    else if (!strcasecmp(node->directive, "AuthBasicProvider")) {
        f->basic = names_us(node->args, pool) ? node : f->basic;
    }
    else if (!strcasecmp(node->directive, "Require")) {
        f->role = wants_role(node->args, pool) ? node : f->role;
    }
    else if (!strcasecmp(node->directive, "SetHandler")) {
        note_handler(f, node, pool);
    }
}

static void walk(const ap_directive_t *node, ba_facts *f, apr_pool_t *pool)
{
    for (; node; node = node->next) {
        ba_facts *inner = f;

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
static void inherit(ba_facts *f, const ba_facts *base)
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

void ba_facts_collect(server_rec *main, apr_pool_t *pconf)
{
    ba_facts **last = &all_facts;

    all_facts = NULL;
    for (server_rec *s = main; s; s = s->next) {
        ba_facts *f = apr_pcalloc(pconf, sizeof(*f));

        f->server = s;
        f->forwards = apr_array_make(pconf, 2, sizeof(const char *));
        *last = f;
        last = &f->next;
    }
    walk(ap_conftree, all_facts, pconf);
    for (ba_facts *f = all_facts->next; f; f = f->next) {
        inherit(f, all_facts);
    }
}

/* ---- asking */

const ba_facts *ba_facts_first(void)
{
    return all_facts;
}

const ba_settings *ba_facts_settings(const ba_facts *f)
{
    const ba_server_config *config
        = ap_get_module_config(f->server->module_config, &betterauth_module);

    return &config->values;
}

int ba_facts_secret(const ba_facts *f)
{
    return ba_facts_settings(f)->secrets != NULL;
}

int ba_facts_database(const ba_facts *f)
{
    return f->source.driver != NULL;
}

const ba_dbd_source *ba_check_database(server_rec *s)
{
    return &facts_of(s)->source;
}

int ba_check_speaks_tls(server_rec *s)
{
    const ba_facts *f = facts_of(s);

    return f->ssl_engine && !strcasecmp(f->ssl_engine, "on");
}

int ba_check_has_pages(server_rec *s)
{
    return facts_of(s)->pages || all_facts->pages;
}

const apr_array_header_t *ba_check_forwards(server_rec *s, apr_pool_t *pool)
{
    const ba_facts *f = facts_of(s);

    return f == all_facts ? f->forwards
                          : apr_array_append(pool, f->forwards, all_facts->forwards);
}
