/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The part of the dump that is about guarded locations. */

#ifndef BA_DUMP_GUARDS_H
#define BA_DUMP_GUARDS_H

#include "ba_sections.h"

/* Prints each section of a server that AuthType Session guards, or that takes it away, with
 * what is in force there. host: its <VirtualHost>, or NULL; complete: it has a secret.
 * Returns how many there were. */
int ba_dump_guards(apr_file_t *out, const ap_directive_t *host, int complete, apr_pool_t *pool);

/* The directive as written, without a name's "<" … ">" undone. */
const char *ba_dump_text(const ap_directive_t *node, apr_pool_t *pool);

/* " (file:line)" */
const char *ba_dump_place(const ap_directive_t *node, apr_pool_t *pool);

#endif
