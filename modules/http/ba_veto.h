/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Asks other modules whether somebody may sign in: the hook of mod_betterauth.h. */

#ifndef BA_VETO_H
#define BA_VETO_H

#include "ba_call.h"

#include <httpd.h>

/* As ba_call_ops' veto; r is the request that signs in. */
const ba_error *ba_veto(request_rec *r, const ba_call *call, const ba_user *user, int remember);

#endif
