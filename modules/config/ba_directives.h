/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The directive table, and the configuration httpd keeps for us. */

#ifndef BA_DIRECTIVES_H
#define BA_DIRECTIVES_H

#include "ba_settings.h"

#include <httpd.h>

#include <http_config.h>

struct ba_site;

extern const command_rec ba_directives[];

/* Per server. Every member has its value from the start, a default where nothing
 * was written; `set` has one bit per row of the table that was written here or
 * merged in, so "not written" is not the same as "written with the default". */
typedef struct ba_server_config {
    apr_uint64_t set;
    ba_settings values;
    struct ba_site *site; /* NULL until post_config, or where nothing is configured */
} ba_server_config;

typedef struct ba_dir_config {
    apr_uint64_t set;
    ba_dir_settings values;
} ba_dir_config;

void *ba_directives_create_server(apr_pool_t *pool, server_rec *s);
void *ba_directives_merge_server(apr_pool_t *pool, void *base, void *add);
void *ba_directives_create_dir(apr_pool_t *pool, char *dir);
void *ba_directives_merge_dir(apr_pool_t *pool, void *base, void *add);

#endif
