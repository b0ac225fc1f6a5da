/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Password work behind the gate that bounds it over the whole server. When there
 * is no permit to be had, the call is answered with 503 here, and so is who has gone
 * while waiting for one, without a hash; when an account has had too many wrong
 * passwords, with 429. */

#ifndef BA_HASHING_H
#define BA_HASHING_H

#include "ba_call.h"
#include "ba_limit.h"
#include "ba_password.h"

/* What is wrong with a new password; NULL: nothing. Its length is counted as JavaScript
 * counts (http-api 2). */
const ba_error *ba_hashing_check_new(const ba_call *call, ba_bytes password);

/* The same for a password that is only compared: too long, or nothing. */
const ba_error *ba_hashing_check_given(const ba_call *call, ba_bytes password);

/* NULL: the call has its answer. */
const char *ba_hashing_hash(ba_call *call, ba_bytes password);

/* Costs as much as a verification, to no end: for a user that does not exist
 * (security.md TH-9). 0: the call has its answer. */
int ba_hashing_burn(ba_call *call, ba_bytes password);

/* Compares a password with what is stored for the account of attempt->address.
 * stored NULL: there is no such user, or none with a password; it costs as much, counts
 * as much, and is BA_PASSWORD_WRONG, and so is an unreadable stored hash, which is
 * logged. BA_PASSWORD_FAILED: the call has its answer. */
ba_password_result ba_hashing_verify(ba_call *call, ba_try *attempt, const char *stored,
                                     ba_bytes password);

#endif
