/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Signed values as Better Auth writes them (http-api 3.2). */

#ifndef BA_MAC_H
#define BA_MAC_H

#include "ba_types.h"

/* Length of the padded standard base64 of HMAC-SHA256. */
#define BA_MAC_LENGTH 44

/* Bytes of an HMAC-SHA256. */
#define BA_MAC_BYTES 32

/* Base64 HMAC-SHA256 of value; NULL if OpenSSL fails. */
const char *ba_mac_sign(ba_bytes secret, const char *value, apr_pool_t *pool);

/* The same as bytes, of any text. APR_EGENERAL if OpenSSL fails. */
apr_status_t ba_mac_bytes(ba_bytes secret, ba_bytes text, unsigned char out[BA_MAC_BYTES]);

/* Splits "value.signature" at the last dot, checks the signature against each secret (of
 * ba_bytes) in constant time, and tells value and the signature's bytes. APR_NOTFOUND: not
 * ours. APR_EGENERAL: OpenSSL fails, so nobody knows. *value is NULL then. */
apr_status_t ba_mac_open(const apr_array_header_t *secrets, const char *signed_value,
                         const char **value, unsigned char mac[BA_MAC_BYTES], apr_pool_t *pool);

/* SHA-256 of text; 0 if OpenSSL fails. */
int ba_mac_sha256(const char *text, unsigned char out[BA_MAC_BYTES]);

/* SHA-256 of text as base64url without padding; NULL if OpenSSL fails. */
const char *ba_mac_digest(const char *text, apr_pool_t *pool);

/* Constant-time equality. */
int ba_mac_same(const unsigned char *a, const unsigned char *b, apr_size_t len);

/* Constant-time equality of two strings; lengths are no secret. */
int ba_mac_equal(const char *a, const char *b);

/* Overwrites memory in a way that the compiler keeps. */
void ba_mac_wipe(void *data, apr_size_t len);

#endif
