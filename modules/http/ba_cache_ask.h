/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The core asks a cache of httpd's. */

#ifndef BA_CACHE_ASK_H
#define BA_CACHE_ASK_H

#include "ba_patience.h"
#include "ba_session_cache.h"

#include <ap_socache.h>
#include <apr_global_mutex.h>
#include <httpd.h>

typedef struct ba_cache_ask {
    const ap_socache_provider_t *provider;
    ap_socache_instance_t *instance;
    apr_global_mutex_t *mutex; /* NULL: it needs none */
    server_rec *server;
    ba_patience patience; /* of this child, with one that has no mutex */
} ba_cache_ask;

/* Before and after talking to the provider; since is for both. 0: the mutex is broken,
 * which has been logged, or the server keeps others waiting. One that needs a mutex is on
 * this machine. */
int ba_cache_ask_hold(ba_cache_ask *c, ba_time *since);
void ba_cache_ask_release(ba_cache_ask *c, ba_time since);

/* Its baton is a ba_cache_ask. */
extern const ba_cache_ops ba_cache_ask_ops;

#endif
