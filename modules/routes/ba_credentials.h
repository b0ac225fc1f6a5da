/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Address and password, compared with what is stored: the one place for sign-in and for
 * whoever sends both with each request (HTTP Basic). Limits, the gate, the cost of unknown
 * addresses and the log line of a failure are here. */

#ifndef BA_CREDENTIALS_H
#define BA_CREDENTIALS_H

#include "ba_call.h"
#include "ba_limit.h"

/* 1: the password is right; *hash is what is stored. 0: the call has its answer; *user is
 * NULL if there is no such user. attempt: its address, and its endpoint if it needs one. */
int ba_credentials_match(ba_call *call, ba_try *attempt, ba_bytes password, ba_user **user,
                         const char **hash);

/* Writes a hash in the configured form, if the old one is not: now is when we know the
 * password. Nothing is lost if it does not work out; the next time tries again. */
void ba_credentials_renew(ba_call *call, const ba_user *user, const char *old, ba_bytes password);

/* Would sign-in let them in, now? For each of many requests: a password that was right is
 * believed of the same client without being compared again for the lifetime of the session
 * cache, if there is one, and until something of the user changes. 1: call->user says who, call->session has
 * no id and began when the password was compared. 0: the call has its answer; call->user
 * is somebody whose password was wrong or who may not sign in, NULL for nobody. */
int ba_credentials_check(ba_call *call, const char *address, ba_bytes password);

#endif
