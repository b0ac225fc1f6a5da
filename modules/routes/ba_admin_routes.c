/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Roles and bans, as Better Auth's admin plugin has them; its endpoints come with a later
 * issue. Where BetterAuthAdmin is off no row has the columns, and nobody is banned. */

#include "ba_admin.h"
#include "ba_audit.h"
#include "ba_routes_int.h"
#include "ba_store.h"

/* Lifts a ban whose time has passed, as upstream does when a session begins; the row is
 * read once more, since an administrator may have banned them anew. */
static const ba_error *lift(ba_call *call, const char *user_id)
{
    const ba_store_ops *ops = call->store->ops;
    ba_user *user;
    apr_status_t rv = ops->user(call->store, user_id, &user, call->pool);

    if (rv == APR_SUCCESS && ba_admin_ban(user, call->now) == BA_BANNED) {
        return &ba_err_banned;
    }
    if (rv == APR_SUCCESS) {
        rv = ops->user_update(call->store, user_id, NULL, 0, NULL, ba_admin_lift(user, call->pool),
                              call->now, call->pool);
    }
    if (rv != APR_SUCCESS) {
        return &ba_err_unavailable;
    }
    ba_audit(call, BA_EVENT_BAN_LIFTED, (ba_fact){.user = user_id});
    return NULL;
}

static const ba_error *refuses(ba_call *call, const ba_user *user)
{
    const ba_error *error = NULL;

    switch (ba_admin_ban(user, call->now)) {
    case BA_BAN_NONE:
        return NULL;
    case BA_BAN_OVER:
        error = lift(call, user->id);
        break;
    case BA_BANNED:
        error = &ba_err_banned;
        break;
    }
    if (error == &ba_err_banned) {
        ba_audit(call, BA_EVENT_SIGN_IN_BANNED, (ba_fact){.user = user->id, .reason = "banned"});
    }
    return error;
}

/* Upstream ends the sessions when its endpoint bans somebody; nobody does where it was a
 * statement of SQL. */
static int bars(const ba_call *call, const ba_user *user)
{
    return ba_admin_ban(user, call->now) == BA_BANNED;
}

static const ba_route routes[] = {{0}};

const ba_feature ba_admin_routes = {
    .name = "admin", .routes = routes, .refuses = refuses, .bars = bars};
