/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Roles and bans: the columns of Better Auth's admin plugin, and what they say. A user
 * has them where ba_admin_columns() made the columns (BetterAuthAdmin on), and nowhere
 * else: a column that an operator calls "role" gives nobody one. */

#ifndef BA_ADMIN_H
#define BA_ADMIN_H

#include "ba_column.h"
#include "ba_types.h"

/* The plugin's columns and then own ones; clients set none of the plugin's. */
ba_columns ba_admin_columns(const ba_columns *own, apr_pool_t *pool);

/* The name that both the plugin and own have, or column as own has it; NULL: none. */
const char *ba_admin_clash(const ba_columns *own);

/* Roles with commas between, as the row has them; NULL: none. */
const char *ba_admin_role(const ba_user *user);

/* True if this is one of the user's roles, byte for byte as upstream compares. */
int ba_admin_has_role(const ba_user *user, const char *role);

typedef enum {
    BA_BAN_NONE,
    BA_BAN_OVER, /* banned until a time that has passed */
    BA_BANNED
} ba_ban;

ba_ban ba_admin_ban(const ba_user *user, ba_time now);

/* The change that lifts the ban of a user who has one, for the store's user_update. */
const ba_extra *ba_admin_lift(const ba_user *user, apr_pool_t *pool);

/* True if somebody else than the user began the session. */
int ba_admin_impersonated(const ba_session *session);

#endif
