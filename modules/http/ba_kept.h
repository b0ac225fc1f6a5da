/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Shared memory and mutexes that live as long as the server, through restarts, so that all
 * generations of children look at the same. */

#ifndef BA_KEPT_H
#define BA_KEPT_H

#include <apr_global_mutex.h>
#include <httpd.h>

#define BA_KEPT_ALIGN 64

/* The memory of this key, aligned as above; made on first use, then *made is 1 and it is
 * zeroed. A new key for each new layout: an old generation may still run the old code.
 * For post_config. Anything but APR_SUCCESS: there is none. */
apr_status_t ba_kept_memory(const char *key, apr_size_t size, server_rec *s, void **memory,
                            int *made);

/* A mutex as the Mutex directive says for that type, when it is asked for first; of the
 * configuration's own pool, it would end under children that still serve. */
apr_status_t ba_kept_mutex(const char *key, const char *type, const char *instance, server_rec *s,
                           apr_global_mutex_t **mutex);

/* Memory as above in a file of this path, which betterauthctl maps too; one that is there is an
 * earlier server's and goes. The file itself goes when the server ends. */
apr_status_t ba_kept_file(const char *key, const char *path, apr_size_t size, void **memory,
                          int *made);

/* For each post_config that keeps the file. */
void ba_kept_file_ends(const char *path, apr_pool_t *pconf);

#endif
