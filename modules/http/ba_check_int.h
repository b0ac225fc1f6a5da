/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What the files of ba_check share; for them alone. */

#ifndef BA_CHECK_INT_H
#define BA_CHECK_INT_H

#include "ba_dbd.h"
#include "ba_settings.h"

#include <http_config.h>

/* What the configuration tree says about one server. */
typedef struct ba_facts {
    struct ba_facts *next;
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
} ba_facts;

/* Reads the configuration tree now in force; all of it lives in pconf. */
void ba_facts_collect(server_rec *main, apr_pool_t *pconf);

/* Of the main server, which comes first; virtual hosts follow. */
const ba_facts *ba_facts_first(void);

/* The path of the <Location "/path"> that a directive stands in; NULL: it stands elsewhere. */
const char *ba_facts_location(const ap_directive_t *node, apr_pool_t *pool);

const ba_settings *ba_facts_settings(const ba_facts *f);
int ba_facts_secret(const ba_facts *f);
int ba_facts_database(const ba_facts *f);

#endif
