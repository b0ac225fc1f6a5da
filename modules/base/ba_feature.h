/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What a feature brings: endpoints, and a say in every call; what it leaves
 * out is NULL. ba_routes.c lists the features; each looks at its own setting and does nothing when it is off. */

#ifndef BA_FEATURE_H
#define BA_FEATURE_H

#include <apr_errno.h>

struct ba_call;
struct ba_error;
struct ba_route;
struct ba_user;

typedef struct ba_feature {
    const char *name;
    const struct ba_route *routes; /* ends with a row without method */

    /* The session token that the Authorization header shows, and which goes before the
     * cookie, NULL: none; *is_signed is set to 1 if our own signature, which is good then,
     * says so. Not APR_SUCCESS: nobody knows. */
    apr_status_t (*token)(const struct ba_call *call, const char **token, int *is_signed);

    /* Looks at an answer of the API before it goes out, success or not. */
    void (*after)(struct ba_call *call);

    /* Why no session may begin for this user, whatever the way of signing in. NULL: it
     * may. */
    const struct ba_error *(*refuses)(struct ba_call *call, const struct ba_user *user);

    /* True if a session of this user is over, whatever it says itself. */
    int (*bars)(const struct ba_call *call, const struct ba_user *user);
} ba_feature;

#endif
