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

/* One bit per row of the table: was it written? */
typedef struct ba_directive_set {
    apr_uint64_t words[2];
} ba_directive_set;

/* Per server. Every member has its value from the start, a default where nothing
 * was written; `set` has the rows that were written here or merged in, so "not
 * written" is not the same as "written with the default". */
typedef struct ba_server_config {
    ba_directive_set set;
    ba_settings values;
    struct ba_site *site; /* NULL until post_config, or where nothing is configured */
} ba_server_config;

typedef struct ba_dir_config {
    ba_directive_set set;
    ba_dir_settings values;
} ba_dir_config;

/* What is in force where r leads. */
const ba_dir_settings *ba_directives_dir(const request_rec *r);

/* 1 if the row of this name was written. */
int ba_directives_is_set(const ba_directive_set *set, const char *name);

void *ba_directives_create_server(apr_pool_t *pool, server_rec *s);
void *ba_directives_merge_server(apr_pool_t *pool, void *base, void *add);
void *ba_directives_create_dir(apr_pool_t *pool, char *dir);
void *ba_directives_merge_dir(apr_pool_t *pool, void *base, void *add);

#endif
