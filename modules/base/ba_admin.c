/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_admin.h"

#include "ba_text.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

enum { ROLE, BANNED, BAN_REASON, BAN_EXPIRES, USER_COUNT };
enum { IMPERSONATED_BY, SESSION_COUNT };

/* Arrays of their own: by the address it shows that a column is the plugin's. */
static const char role[] = "role", impersonated_by[] = "impersonatedBy";

/* In the order of the enums, before all others. Upstream's hook, and not the field, gives
 * new users their role, so a sign-up that names one is refused there. */
static const ba_column of_user[USER_COUNT] = {
    [ROLE] = {role, role, BA_COLUMN_STRING, .readonly = 1, .refused = 1, .fallback = "user"},
    [BANNED] = {"banned", "banned", BA_COLUMN_BOOLEAN, .readonly = 1, .fallback = "0"},
    [BAN_REASON] = {"banReason", "banReason", BA_COLUMN_STRING, .readonly = 1},
    [BAN_EXPIRES] = {"banExpires", "banExpires", BA_COLUMN_DATE, .readonly = 1},
};

static const ba_column of_session[SESSION_COUNT] = {
    [IMPERSONATED_BY]
    = {impersonated_by, impersonated_by, BA_COLUMN_STRING, .readonly = 1},
};

_Static_assert(USER_COUNT <= BA_COLUMNS_ADMIN && SESSION_COUNT <= BA_COLUMNS_ADMIN, "room");

static apr_array_header_t *joined(const ba_column *ours, int count, const apr_array_header_t *own,
                                  apr_pool_t *pool)
{
    apr_array_header_t *all = apr_array_make(pool, count + (own ? own->nelts : 0),
                                             sizeof(ba_column));

    for (int i = 0; i < count; ++i) {
        APR_ARRAY_PUSH(all, ba_column) = ours[i];
    }
    if (own) {
        apr_array_cat(all, own);
    }
    return all;
}

ba_columns ba_admin_columns(const ba_columns *own, apr_pool_t *pool)
{
    ba_columns all = {joined(of_user, USER_COUNT, own->user, pool),
                      joined(of_session, SESSION_COUNT, own->session, pool)};

    return all;
}

static const char *clash(const ba_column *ours, int count, const apr_array_header_t *own)
{
    for (int i = 0; own && i < own->nelts; ++i) {
        const ba_column *c = &APR_ARRAY_IDX(own, i, ba_column);

        for (int k = 0; k < count; ++k) {
            if (!strcasecmp(c->name, ours[k].name) || !strcasecmp(c->column, ours[k].column)) {
                return ours[k].name;
            }
        }
    }
    return NULL;
}

const char *ba_admin_clash(const ba_columns *own)
{
    const char *name = clash(of_user, USER_COUNT, own->user);

    return name ? name : clash(of_session, SESSION_COUNT, own->session);
}

/* NULL where the row has not the plugin's columns, or has NULL there. */
static const char *value(const ba_extra *extra, const char *first, int index)
{
    return extra && extra->columns->nelts > index
                   && APR_ARRAY_IDX(extra->columns, 0, ba_column).name == first
               ? extra->values[index]
               : NULL;
}

const char *ba_admin_role(const ba_user *user)
{
    const char *text = value(user->extra, role, ROLE);

    return text && *text ? text : NULL;
}

int ba_admin_has_role(const ba_user *user, const char *name)
{
    const char *list = ba_admin_role(user);
    apr_size_t len = strlen(name);
    /* the last one of a list that was cut when it was read may be the half of another */
    int cut = list && ba_text_length(list) >= BA_COLUMN_TEXT_MAX;

    while (list) {
        apr_size_t part = strcspn(list, ",");

        if (!list[part] && cut) {
            return 0;
        }
        if (part == len && !memcmp(list, name, len)) {
            return 1;
        }
        list = list[part] ? list + part + 1 : NULL;
    }
    return 0;
}

ba_ban ba_admin_ban(const ba_user *user, ba_time now)
{
    const char *banned = value(user->extra, role, BANNED);
    const char *expires = value(user->extra, role, BAN_EXPIRES);
    ba_time until;

    if (!banned || *banned != '1') {
        return BA_BAN_NONE;
    }
    return expires && ba_text_parse_date(expires, &until) == APR_SUCCESS && until < now
               ? BA_BAN_OVER
               : BA_BANNED;
}

const ba_extra *ba_admin_lift(const ba_user *user, apr_pool_t *pool)
{
    ba_extra *change = ba_extra_create(user->extra->columns, pool);

    change->values[BANNED] = "0";
    change->given[BANNED] = change->given[BAN_REASON] = change->given[BAN_EXPIRES] = 1;
    return change;
}

int ba_admin_impersonated(const ba_session *session)
{
    const char *by = value(session->extra, impersonated_by, IMPERSONATED_BY);

    return by && *by;
}
