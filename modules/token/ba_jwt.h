/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* JSON Web Tokens as Better Auth signs them: compact form, HS256 and nothing else
 * (http-api 9.1, RFC 7515, security.md TK-5). */

#ifndef BA_JWT_H
#define BA_JWT_H

#include "ba_json.h"

/* Latest "exp" that we believe in, seconds: the year 9999. */
#define BA_JWT_EXP_MAX 253402300799.0

/* header.claims.signature with the header {"alg":"HS256"}; claims keep their order.
 * NULL: OpenSSL failed or memory is out. */
const char *ba_jwt_sign(ba_bytes secret, const json_t *claims, apr_pool_t *pool);

/* The claims of a token that one of the secrets (of ba_bytes) has signed.
 * APR_SUCCESS   *claims is an object that has a sane "exp" in the future
 * APR_TIMEUP    signed by us, and expired
 * APR_EINVAL    anything else: not ours, another algorithm, no expiry */
apr_status_t ba_jwt_verify(const apr_array_header_t *secrets, const char *token, ba_time now,
                           json_t **claims, apr_pool_t *pool);

#endif
