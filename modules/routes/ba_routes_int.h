/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The features, one file each, and what they do for each other; for modules/routes
 * alone. */

#ifndef BA_ROUTES_INT_H
#define BA_ROUTES_INT_H

#include "ba_routes.h"

extern const ba_feature ba_email_password; /* sign-up and sign-in */
extern const ba_feature ba_session_routes; /* get-session, sign-out, lists, revocation */
extern const ba_feature ba_account_routes; /* the user's own row, password and accounts */
extern const ba_feature ba_reset_routes;   /* a new password by mail */
extern const ba_feature ba_email_routes;   /* verify an address, follow mailed links */
extern const ba_feature ba_change_email;   /* ask for another address */
extern const ba_feature ba_delete_routes;  /* delete the account */
extern const ba_feature ba_service_routes; /* ok, error */
extern const ba_feature ba_bearer;         /* tokens in place of cookies */
extern const ba_feature ba_admin_routes;   /* bans */

/* Answers 200 {"status":true}. */
void ba_route_answer_status(ba_call *call);

/* 1 if the password is the signed-in user's. 0: the call has its answer, none if the
 * user has no password. */
int ba_account_password_good(ba_call *call, ba_bytes password, const ba_error *none);

#endif
