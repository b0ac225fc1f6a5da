/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#ifndef BA_RANDOM_H
#define BA_RANDOM_H

#include "ba_types.h"

/* n characters of a-zA-Z0-9 from OpenSSL's generator, without bias
 * (security.md SE-1). NULL when the generator fails: the request must fail too. */
const char *ba_random_text(apr_size_t n, apr_pool_t *pool);

/* The same of a-z0-9 alone. */
const char *ba_random_lower(apr_size_t n, apr_pool_t *pool);

/* n random bytes; APR_EGENERAL when the generator fails. */
apr_status_t ba_random_bytes(unsigned char *out, apr_size_t n);


/* A new row's id, in this form; NULL likewise. */
const char *ba_random_id(ba_id_kind kind, apr_pool_t *pool);

#endif
