/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* betterauthctl user … */

#include "ctl.h"

#include "ba_admin.h"
#include "ba_password.h"
#include "ba_random.h"
#include "ba_schema.h"
#include "ba_store_ctl.h"
#include "ba_text.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static int database_failed(void)
{
    return CTL_DATABASE; /* the store has said why */
}

int ctl_user_find(ctl *c, const char *word, ba_user **user, const char **hash)
{
    ba_store *store = c->store;
    const char *ignored;
    apr_status_t rv
        = strchr(word, '@')
              ? store->ops->login(store, ba_text_lower(word, c->pool), user,
                                  hash ? hash : &ignored, c->pool)
              : store->ops->user(store, word, user, c->pool);

    if (rv == APR_SUCCESS && hash && !strchr(word, '@')) {
        rv = store->ops->password(store, (*user)->id, hash, c->pool);
        rv = rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    }
    if (rv == APR_NOTFOUND) {
        return ctl_fail("there is no user %s", word);
    }
    return rv == APR_SUCCESS ? CTL_OK : database_failed();
}

/* ---- showing */

static const char *extra_of(const ba_user *user, const char *name)
{
    for (int i = 0; user->extra && i < user->extra->columns->nelts; ++i) {
        if (!strcmp(APR_ARRAY_IDX(user->extra->columns, i, ba_column).name, name)) {
            return user->extra->values[i];
        }
    }
    return NULL;
}

static int matches(const ba_user *user, const char *part, apr_pool_t *pool)
{
    return !part || strstr(user->email, part) || strstr(ba_text_lower(user->name, pool), part);
}

static void list_one(const ctl *c, ctl_table *t, const ba_listed_user *listed)
{
    const ba_user *u = listed->user;
    const char *form = listed->hash ? ba_password_form(listed->hash) : NULL;
    const char *row[] = {u->id,
                         u->email,
                         u->name,
                         u->email_verified ? "1" : "0",
                         ba_admin_role(u),
                         ba_admin_ban(u, c->now) == BA_BANNED ? "1" : "0",
                         listed->hash ? (form ? form : "unknown") : NULL,
                         ctl_date(u->created_at, c->pool)};

    ctl_table_add(t, row);
}

int ctl_user_list(ctl *c)
{
    static const ctl_column columns[]
        = {{"id", "ID", CTL_TEXT},           {"email", "EMAIL", CTL_TEXT},
           {"name", "NAME", CTL_TEXT},       {"emailVerified", "VERIFIED", CTL_FLAG},
           {"role", "ROLE", CTL_TEXT},       {"banned", "BANNED", CTL_FLAG},
           {"password", "PASSWORD", CTL_TEXT}, {"createdAt", "CREATED", CTL_TEXT}, {0}};
    const char *part = c->argc ? ba_text_lower(c->argv[0], c->pool) : NULL, *after = "";
    ctl_table *t = ctl_table_make(c, columns);
    apr_array_header_t *rows;

    do {
        if (ba_store_users(c->store, after, &rows, c->pool) != APR_SUCCESS) {
            return database_failed();
        }
        for (int i = 0; i < rows->nelts; ++i) {
            const ba_listed_user *listed = APR_ARRAY_IDX(rows, i, ba_listed_user *);

            after = listed->user->email;
            if (matches(listed->user, part, c->pool)) {
                list_one(c, t, listed);
            }
        }
    } while (rows->nelts);
    ctl_table_print(t, 0);
    return CTL_OK;
}

static const char *accounts_of(ctl *c, const ba_user *user)
{
    apr_array_header_t *accounts;
    const char *names = "";

    if (c->store->ops->accounts(c->store, user->id, &accounts, c->pool) != APR_SUCCESS) {
        return NULL;
    }
    for (int i = 0; i < accounts->nelts; ++i) {
        names = apr_pstrcat(c->pool, names, *names ? " " : "",
                            APR_ARRAY_IDX(accounts, i, ba_account *)->provider_id, NULL);
    }
    return names;
}

int ctl_user_show(ctl *c)
{
    static const ctl_column columns[]
        = {{"id", "id", CTL_TEXT},             {"email", "email", CTL_TEXT},
           {"name", "name", CTL_TEXT},         {"emailVerified", "email verified", CTL_FLAG},
           {"role", "role", CTL_TEXT},         {"banned", "banned", CTL_FLAG},
           {"banReason", "ban reason", CTL_TEXT}, {"banExpires", "ban ends", CTL_TEXT},
           {"password", "password", CTL_TEXT}, {"accounts", "accounts", CTL_TEXT},
           {"sessions", "sessions", CTL_NUMBER}, {"createdAt", "created", CTL_TEXT},
           {"updatedAt", "updated", CTL_TEXT}, {0}};
    ctl_table *t = ctl_table_make(c, columns);
    apr_array_header_t *sessions;
    const char *hash = NULL, *form;
    ba_user *u;
    int status = ctl_user_find(c, c->argv[0], &u, &hash);

    if (status != CTL_OK) {
        return status;
    }
    if (c->store->ops->sessions(c->store, u->id, c->now, &sessions, c->pool) != APR_SUCCESS) {
        return database_failed();
    }
    form = hash ? ba_password_form(hash) : NULL;
    ctl_table_add(t, (const char *const[]){u->id,
                                           u->email,
                                           u->name,
                                           u->email_verified ? "1" : "0",
                                           ba_admin_role(u),
                                           ba_admin_ban(u, c->now) == BA_BANNED ? "1" : "0",
                                           extra_of(u, "banReason"),
                                           extra_of(u, "banExpires"),
                                           hash ? (form ? form : "unknown") : NULL,
                                           accounts_of(c, u),
                                           apr_itoa(c->pool, sessions->nelts),
                                           ctl_date(u->created_at, c->pool),
                                           ctl_date(u->updated_at, c->pool)});
    ctl_table_print(t, 1);
    return CTL_OK;
}

/* ---- adding */

/* A change of the columns named, or the fallbacks of a new row with it. */
static ba_extra *extra_with(const ctl *c, int fresh, const char *const *pairs)
{
    const apr_array_header_t *columns = c->settings.columns.user;
    ba_extra *extra = fresh ? ba_extra_fallback(columns, c->pool)
                            : ba_extra_create(columns, c->pool);

    for (int i = 0; columns && i < columns->nelts; ++i) {
        for (const char *const *p = pairs; *p; p += 2) {
            if (!strcmp(APR_ARRAY_IDX(columns, i, ba_column).name, *p)) {
                extra->values[i] = p[1];
                extra->given[i] = 1;
            }
        }
    }
    return extra;
}

static const char *missing_column(const ba_extra *extra)
{
    for (int i = 0; extra && i < extra->columns->nelts; ++i) {
        const ba_column *column = &APR_ARRAY_IDX(extra->columns, i, ba_column);

        if (column->required && !extra->values[i]) {
            return column->name;
        }
    }
    return NULL;
}

static int needs_admin(const ctl *c)
{
    return c->settings.admin
               ? CTL_OK
               : ctl_fail("roles and bans need BetterAuthAdmin on in this server, and step 003 of "
                          "the tables");
}

static int put_new(ctl *c, ba_user *user, const char *hash)
{
    ba_new_user new = {user, hash ? ba_random_id(c->settings.generate_id, c->pool) : NULL, hash,
                       APR_SUCCESS};
    apr_array_header_t *all = apr_array_make(c->pool, 1, sizeof(ba_new_user *));

    APR_ARRAY_PUSH(all, ba_new_user *) = &new;
    if (!user->id || ba_store_users_add(c->store, all, c->pool) != APR_SUCCESS) {
        return database_failed();
    }
    if (new.status == APR_EEXIST) {
        return ctl_fail("there is a user %s already", user->email);
    }
    if (new.status != APR_SUCCESS) {
        return ctl_fail("the tables do not take these values");
    }
    c->argv = &user->id;
    c->argc = 1;
    return ctl_user_show(c);
}

int ctl_user_add(ctl *c)
{
    const ctl_options *o = &c->options;
    const char *role[] = {o->role ? "role" : NULL, o->role, NULL};
    const char *email = ba_text_lower(c->argv[0], c->pool), *hash = NULL, *lacking;
    ba_user user = {0};
    ba_bytes password;

    if (!ba_schema_email(email) || strlen(email) > BA_EMAIL_MAX) {
        return ctl_fail("%s is no e-mail address", c->argv[0]);
    }
    if (o->role && needs_admin(c) != CTL_OK) {
        return CTL_FAILED;
    }
    if (o->name && !ctl_good_text("--name", o->name, BA_NAME_MAX)) {
        return CTL_USAGE;
    }
    user.id = ba_random_id(c->settings.generate_id, c->pool);
    user.email = email;
    user.name = o->name ? o->name : apr_pstrmemdup(c->pool, email, strcspn(email, "@"));
    user.email_verified = o->verified;
    user.created_at = user.updated_at = c->now;
    user.extra = extra_with(c, 1, role);
    if ((lacking = missing_column(user.extra)) != NULL) {
        return ctl_fail("BetterAuthField wants %s of each new user: import csv can set it",
                        lacking);
    }
    if (!o->no_password) {
        if (!ctl_password(c, &password)) {
            return CTL_FAILED;
        }
        hash = ba_password_hash(&c->settings.hash, password, c->pool);
        if (!hash) {
            return ctl_fail("hashing failed: out of memory?");
        }
    }
    return put_new(c, &user, hash);
}

/* ---- changing */

static int change(ctl *c, const ba_user *user, const ba_extra *extra)
{
    return c->store->ops->user_update(c->store, user->id, NULL, 0, NULL, extra, c->now, c->pool)
                   == APR_SUCCESS
               ? CTL_OK
               : database_failed();
}

/* "7d", "12h", "10m", seconds; 0: none of them. */
static apr_int64_t seconds_of(const char *text)
{
    static const struct { char unit; apr_int64_t seconds; } units[]
        = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}, {'\0', 1}};
    char *end;
    long n = strtol(text, &end, 10);

    for (apr_size_t i = 0; n > 0 && n < 100000000 && i < 5; ++i) {
        if (*end == units[i].unit && (!*end || !end[1])) {
            return n * units[i].seconds;
        }
    }
    return 0;
}

int ctl_user_ban(ctl *c)
{
    const ctl_options *o = &c->options;
    apr_int64_t seconds = o->period ? seconds_of(o->period) : 0;
    ba_user *user;
    int status = needs_admin(c);

    if (status == CTL_OK && o->period && !seconds) {
        ctl_fail("--for takes a time such as 7d, 12h or 10m");
        return CTL_USAGE;
    }
    status = status == CTL_OK ? ctl_user_find(c, c->argv[0], &user, NULL) : status;
    if (status == CTL_OK) {
        const char *pairs[] = {"banned",     "1",
                               "banReason",  o->reason ? o->reason : "No reason",
                               "banExpires", seconds ? ba_text_iso_date(c->now + BA_MS(seconds), c->pool)
                                                     : NULL,
                               NULL};

        status = change(c, user, extra_with(c, 0, pairs));
    }
    if (status == CTL_OK
        && c->store->ops->sessions_delete(c->store, user->id, NULL, c->pool) != APR_SUCCESS) {
        status = database_failed();
    }
    return status == CTL_OK
               ? ctl_done(c, "banned", 1, "%s is banned; their sessions have ended.", user->email)
               : status;
}

int ctl_user_unban(ctl *c)
{
    ba_user *user;
    int status = needs_admin(c);

    status = status == CTL_OK ? ctl_user_find(c, c->argv[0], &user, NULL) : status;
    status = status == CTL_OK ? change(c, user, ba_admin_lift(user, c->pool)) : status;
    return status == CTL_OK ? ctl_done(c, "unbanned", 1, "%s may sign in again.", user->email)
                            : status;
}

int ctl_user_role(ctl *c)
{
    const char *pairs[] = {"role", c->argv[1], NULL};
    ba_user *user;
    int status = needs_admin(c);

    status = status == CTL_OK ? ctl_user_find(c, c->argv[0], &user, NULL) : status;
    status = status == CTL_OK ? change(c, user, extra_with(c, 0, pairs)) : status;
    return status == CTL_OK ? ctl_done(c, "changed", 1, "%s has the role %s.", user->email,
                                       ctl_plain(c->argv[1], c->pool))
                            : status;
}

int ctl_user_delete(ctl *c)
{
    ba_user *user;
    int status = ctl_user_find(c, c->argv[0], &user, NULL);

    if (status != CTL_OK) {
        return status;
    }
    if (!ctl_confirm(c, "Delete %s (%s) with all accounts and sessions?", user->email,
                     ctl_plain(user->name, c->pool))) {
        return ctl_fail("nothing was deleted");
    }
    if (c->store->ops->user_delete(c->store, user->id, NULL, c->pool) != APR_SUCCESS) {
        return database_failed();
    }
    return ctl_done(c, "deleted", 1, "%s is deleted.", user->email);
}

int ctl_user_set_password(ctl *c)
{
    int end = !c->options.keep_sessions;
    ba_user *user;
    ba_bytes password;
    const char *hash;
    int status = ctl_user_find(c, c->argv[0], &user, NULL);

    if (status != CTL_OK) {
        return status;
    }
    if (!ctl_password(c, &password)) {
        return CTL_FAILED;
    }
    hash = ba_password_hash(&c->settings.hash, password, c->pool);
    if (!hash) {
        return ctl_fail("hashing failed: out of memory?");
    }
    if (ba_store_password_put(c->store, user->id, hash,
                              ba_random_id(c->settings.generate_id, c->pool), end, c->now,
                              c->pool)
        != APR_SUCCESS) {
        return database_failed();
    }
    ctl_db_tell(c, user->id);
    return ctl_done(c, "changed", 1, "%s has a new password%s.", user->email,
                    end ? "; their sessions have ended" : "");
}

int ctl_user_verify(ctl *c)
{
    ba_user *user;
    int status = ctl_user_find(c, c->argv[0], &user, NULL);

    if (status == CTL_OK
        && c->store->ops->user_verify(c->store, user, NULL, c->now, c->pool) != APR_SUCCESS) {
        status = database_failed();
    }
    return status == CTL_OK ? ctl_done(c, "verified", 1, "%s is verified.", user->email) : status;
}
