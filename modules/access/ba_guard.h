/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* AuthType Session: who comes in, and what the others get.
 *
 * access   asks who it is, attaches that, and leaves the decision to the Require
 *          lines, but for 503 when a signed cookie cannot be resolved; our own
 *          handlers stay reachable inside what is guarded
 * authn    runs only if a Require line wants a user: sends to sign-in, or 401
 * fixups   tells applications, once it is decided
 * filter   keeps the answers out of shared caches
 */

#ifndef BA_GUARD_H
#define BA_GUARD_H

#include <httpd.h>

int ba_guard_access(request_rec *r);
int ba_guard_authn(request_rec *r);
int ba_guard_fixups(request_rec *r);

/* Hook, after mod_dir: that module lets a folder's request go on as the one for its
 * index, with the configuration of that, but without what that one was told. */
int ba_guard_settle(request_rec *r);

void ba_guard_register_filter(void);
void ba_guard_insert_filter(request_rec *r);

#endif
