/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The features, one file each; for ba_routes.c alone. */

#ifndef BA_ROUTES_INT_H
#define BA_ROUTES_INT_H

#include "ba_routes.h"

extern const ba_feature ba_email_password; /* sign-up and sign-in */
extern const ba_feature ba_session_routes; /* get-session, sign-out, lists, revocation */
extern const ba_feature ba_account_routes; /* the user's own row, password and accounts */
extern const ba_feature ba_service_routes; /* ok, error */
extern const ba_feature ba_bearer;         /* tokens in place of cookies */

#endif
