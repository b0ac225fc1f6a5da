/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_cache_site.h"

#include "ba_cache_ask.h"
#include "ba_directives.h"
#include "ba_kept.h"
#include "ba_mac.h"
#include "ba_module.h"
#include "ba_revoke_site.h"
#include "ba_session_cache.h"
#include "ba_store.h"

#include <ap_provider.h>
#include <ap_socache.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <mod_status.h>
#include <string.h>
#include <util_mutex.h>

#define MUTEX "betterauth-cache"

/* The one that people get who write nothing, and its size, which it takes from its
 * arguments alone: some 40000 sessions. Its own default holds 1400. */
#define SHMCB "shmcb"
#define SHMCB_ARGS "betterauth(16777216)"

/* One cache; sites that name the same one share it. */
typedef struct cache {
    struct cache *next;
    ba_cache_ask ask;
    const char *name, *args;
    int opened;
} cache;

/* Of the configuration now in force. */
static cache *all_caches;

static int told; /* that there is none */

void ba_cache_site_status(request_rec *r, int flags)
{
    for (cache *c = all_caches; c; c = c->next) {
        int brief = flags & AP_STATUS_SHORT;
        ba_time since = 0;

        if (!c->ask.provider->status || !ba_cache_ask_hold(&c->ask, &since)) {
            continue;
        }
        ap_rprintf(r, brief ? "BetterAuthSessionCache: %s %s\n" : "<h3>BetterAuthSessionCache %s %s</h3>\n",
                   c->name, c->args ? ap_escape_html(r->pool, c->args) : "");
        c->ask.provider->status(c->ask.instance, r, flags);
        ba_cache_ask_release(&c->ask, since);
    }
}

/* ---- start */

int ba_cache_site_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog, (void)ptemp;
    all_caches = NULL;
    told = 0;
    return ap_mutex_register(pconf, MUTEX, NULL, APR_LOCK_DEFAULT, 0) == APR_SUCCESS
               ? OK
               : HTTP_INTERNAL_SERVER_ERROR;
}

static const ap_socache_provider_t *provider_of(const char *name)
{
    return ap_lookup_provider(AP_SOCACHE_PROVIDER_GROUP, name, AP_SOCACHE_PROVIDER_VERSION);
}

static const char *args_of(const ba_cache_source *source)
{
    return !source->args && !strcmp(source->provider, SHMCB) ? SHMCB_ARGS : source->args;
}

static cache *find(const char *name, const char *args)
{
    cache *c = all_caches;

    while (c && (strcmp(c->name, name) || strcmp(c->args ? c->args : "", args ? args : ""))) {
        c = c->next;
    }
    return c;
}

static const ba_server_config *config_of(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &betterauth_module);
}

/* Who wrote nothing gets a cache where there is one. */
static int is_off(const server_rec *s)
{
    const ba_server_config *config = config_of(s);

    return !config->values.secrets || !config->values.session_cache.provider
           || (!ba_directives_is_set(&config->set, "BetterAuthSessionCache")
               && !provider_of(config->values.session_cache.provider));
}

int ba_cache_site_check(server_rec *s, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const ba_cache_source *source = &config_of(s)->values.session_cache;
    const char *args = source->provider ? args_of(source) : NULL;
    const char *problem;
    cache *c;

    if (is_off(s) || find(source->provider, args)) {
        return 1;
    }
    c = apr_pcalloc(pconf, sizeof(*c));
    c->name = source->provider;
    c->args = args;
    c->ask.server = s;
    c->ask.provider = provider_of(c->name);
    if (!c->ask.provider) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                     "BA0151: BetterAuthSessionCache %s needs mod_socache_%s: load it "
                     "(a2enmod socache_%s)",
                     c->name, c->name, c->name);
        return 0;
    }
    problem = c->ask.provider->create(&c->ask.instance, args, ptemp, pconf);
    if (problem) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                     "BA0152: BetterAuthSessionCache %s: %s", c->name, problem);
        return 0;
    }
    c->next = all_caches;
    all_caches = c;
    return 1;
}

static apr_status_t destroy(void *data)
{
    cache *c = data;

    c->ask.provider->destroy(c->ask.instance, c->ask.server);
    return APR_SUCCESS;
}

/* Names a cache towards its provider, within 16 characters. */
static const char *instance_name(const cache *c, apr_pool_t *pool)
{
    int n = 0;

    for (const cache *other = c->next; other; other = other->next) {
        ++n;
    }
    return n ? apr_psprintf(pool, "betterauth-%d", n) : "betterauth";
}

static apr_status_t open_cache(cache *c, apr_int64_t lifetime, apr_pool_t *pconf)
{
    struct ap_socache_hints hints = {BA_CACHE_KEY, 350, apr_time_from_sec(lifetime)};
    const char *name = instance_name(c, pconf);
    apr_status_t rv = APR_SUCCESS;

    if (c->ask.provider->flags & AP_SOCACHE_FLAG_NOTMPSAFE) {
        rv = ba_kept_mutex(apr_pstrcat(pconf, MUTEX ":", name, NULL), MUTEX, name, c->ask.server,
                           &c->ask.mutex);
    }
    if (rv == APR_SUCCESS) {
        rv = c->ask.provider->init(c->ask.instance, name, &hints, c->ask.server, pconf);
    }
    if (rv == APR_SUCCESS) {
        apr_pool_cleanup_register(pconf, c, destroy, apr_pool_cleanup_null);
    }
    return rv;
}

static int is_shared(const cache *c)
{
    return !strcmp(c->name, "redis") || !strcmp(c->name, "memcache");
}

/* What the site may read of this cache is what it has put there, from the same users, with
 * the same secret and the same columns: an entry does not name what is in it. Of machines
 * that share one, each may spell the way to their database in its own words. */
static const unsigned char *scope_of(const cache *c, const ba_settings *settings,
                                     const ba_dbd_source *database, apr_pool_t *pconf)
{
    const char *source = is_shared(c) || !database->driver
                             ? NULL
                             : apr_pstrcat(pconf, "\n", database->driver, "\n", database->params,
                                           NULL);
    ba_bytes secret = APR_ARRAY_IDX(settings->secrets, 0, ba_bytes);
    unsigned char *scope = apr_palloc(pconf, BA_CACHE_KEY);

    return ba_mac_sha256(apr_pstrcat(pconf, settings->base_url, "\n",
                                     apr_pstrmemdup(pconf, secret.data, secret.len), "\n",
                                     ba_columns_key(&settings->columns, pconf), source, NULL),
                         scope)
               ? scope
               : NULL;
}

static void tell_once(server_rec *s)
{
    if (!told) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "BA0156: each session is asked for in the database: load mod_socache_shmcb "
                     "(a2enmod socache_shmcb), or write BetterAuthSessionCache off");
        told = 1;
    }
}

int ba_cache_site_create(server_rec *s, const ba_dbd_source *database, ba_revocations *revocations,
                         ba_store *store, ba_session_cache **out, apr_pool_t *pconf)
{
    const ba_settings *settings = &config_of(s)->values;
    const ba_cache_source *source = &settings->session_cache;
    ba_session_cache *mine = NULL;
    cache *c = is_off(s) ? NULL : find(source->provider, args_of(source));
    apr_status_t rv;

    if (!c && source->provider) {
        tell_once(s);
    }
    if (c) {
        mine = apr_pcalloc(pconf, sizeof(*mine));
        mine->ops = &ba_cache_ask_ops;
        mine->baton = &c->ask;
        mine->lifetime = source->lifetime;
        mine->shared = is_shared(c);
        mine->scope = scope_of(c, settings, database, pconf);
        mine->revocations = revocations;
    }
    if (c && !c->opened) {
        rv = open_cache(c, source->lifetime, pconf);
        if (rv != APR_SUCCESS || !mine->scope) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                         "BA0153: cannot open the cache of BetterAuthSessionCache %s", c->name);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        c->opened = 1;
    }
    ba_revoke_site_join(store, mine, pconf);
    *out = mine;
    return OK;
}

void ba_cache_site_child_init(apr_pool_t *pchild, server_rec *s)
{
    for (cache *c = all_caches; c; c = c->next) {
        apr_status_t rv = c->ask.mutex ? apr_global_mutex_child_init(
                                         &c->ask.mutex, apr_global_mutex_lockfile(c->ask.mutex), pchild)
                                   : APR_SUCCESS;

        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                         "BA0155: cannot use the mutex of the session cache");
        }
    }
}
