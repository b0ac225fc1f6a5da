/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ctl_import.h"

#include "ba_json.h"
#include "ba_password.h"
#include "ba_random.h"
#include "ba_schema.h"
#include "ba_store_ctl.h"
#include "ba_text.h"

#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#define BATCH 200
#define ID_MAX 36

struct ctl_import {
    ctl *c;
    apr_pool_t *pool; /* of the batch */
    apr_array_header_t *batch; /* of ba_new_user * */
    int added, there, refused, without;
};

ctl_import *ctl_import_begin(ctl *c)
{
    ctl_import *i = apr_pcalloc(c->pool, sizeof(*i));

    i->c = c;
    apr_pool_create(&i->pool, c->pool);
    i->batch = apr_array_make(c->pool, BATCH, sizeof(ba_new_user *));
    return i;
}

static int flush(ctl_import *i)
{
    if (!i->c->options.dry_run
        && ba_store_users_add(i->c->store, i->batch, i->pool) != APR_SUCCESS) {
        return CTL_DATABASE;
    }
    for (int n = 0; n < i->batch->nelts; ++n) {
        const ba_new_user *new = APR_ARRAY_IDX(i->batch, n, ba_new_user *);

        if (new->status == APR_SUCCESS) {
            ++i->added;
            i->without += !new->hash;
        }
        else if (new->status == APR_EEXIST) {
            ++i->there;
        }
        else {
            ++i->refused;
            ctl_fail("%s: the tables do not take these values", new->user->email);
        }
    }
    apr_array_clear(i->batch);
    apr_pool_clear(i->pool);
    return CTL_OK;
}

int ctl_import_refuse(ctl_import *i, int line, const char *why)
{
    ++i->refused;
    if (line) {
        ctl_fail("line %d: %s", line, why);
    }
    else {
        ctl_fail("%s", why);
    }
    return CTL_OK;
}

static int good_id(const char *id)
{
    static const char good[]
        = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    return *id && strlen(id) <= ID_MAX && !id[strspn(id, good)];
}

static const char *address_of(const ctl_import *i, const char *text)
{
    const char *domain = i->c->options.domain;

    if (text && !strchr(text, '@') && domain) {
        text = apr_pstrcat(i->pool, text, "@", domain, NULL);
    }
    return text ? ba_text_lower(text, i->pool) : "";
}

/* Why not; NULL: nothing. */
static const char *wrong(const ctl_import *i, const ba_user *user, const ctl_incoming *in)
{
    if (!strchr(user->email, '@') && !i->c->options.domain) {
        return "the name is no e-mail address: give --domain";
    }
    if (!ba_schema_email(user->email) || strlen(user->email) > BA_EMAIL_MAX) {
        return "no e-mail address";
    }
    if (in->id && !good_id(in->id)) {
        return "an id has up to 36 letters, digits, - and _";
    }
    if (ba_text_length(user->name) > BA_NAME_MAX) {
        return "the name is too long";
    }
    return user->created_at < 0 ? "createdAt is no date" : NULL;
}

static ba_time date_of(const ctl_import *i, const char *text)
{
    ba_time t;

    if (!text || !*text) {
        return i->c->now;
    }
    return ba_text_parse_date(text, &t) == APR_SUCCESS ? t : -1;
}

int ctl_import_add(ctl_import *i, const ctl_incoming *in, int line)
{
    ba_new_user *new = apr_pcalloc(i->pool, sizeof(*new));
    ba_user *user = apr_pcalloc(i->pool, sizeof(*user));
    ba_id_kind kind = i->c->settings.generate_id;
    const char *why;
    apr_size_t len;

    user->email = address_of(i, in->email);
    user->name = in->name && *in->name
                     ? ba_text_repair_utf8(in->name, strlen(in->name), &len, i->pool)
                     : apr_pstrmemdup(i->pool, user->email, strcspn(user->email, "@"));
    user->created_at = user->updated_at = date_of(i, in->created_at);
    why = wrong(i, user, in);
    if (why) {
        return ctl_import_refuse(i, line, why);
    }
    user->id = in->id ? apr_pstrdup(i->pool, in->id) : ba_random_id(kind, i->pool);
    user->image = in->image && *in->image ? apr_pstrdup(i->pool, in->image) : NULL;
    user->email_verified = in->verified;
    user->extra = in->extra ? in->extra : ba_extra_fallback(i->c->settings.columns.user, i->pool);
    if (in->hash && *in->hash && ba_password_form(in->hash)) {
        new->hash = apr_pstrdup(i->pool, in->hash);
        new->account_id = ba_random_id(kind, i->pool);
    }
    else if (in->hash && *in->hash) {
        ctl_fail("line %d: nobody can sign in with a hash of this form; added without a password",
                 line);
    }
    new->user = user;
    APR_ARRAY_PUSH(i->batch, ba_new_user *) = new;
    return i->batch->nelts < BATCH ? CTL_OK : flush(i);
}

int ctl_import_end(ctl_import *i)
{
    static const ctl_column columns[]
        = {{"added", "added", CTL_NUMBER},       {"there", "there already", CTL_NUMBER},
           {"refused", "refused", CTL_NUMBER},   {"withoutPassword", "without a password", CTL_NUMBER},
           {0}};
    ctl_table *t = ctl_table_make(i->c, columns);
    apr_pool_t *pool = i->c->pool;
    int status = i->batch->nelts ? flush(i) : CTL_OK;
    const char *row[] = {apr_itoa(pool, i->added), apr_itoa(pool, i->there),
                         apr_itoa(pool, i->refused), apr_itoa(pool, i->without)};

    if (status != CTL_OK) {
        return status;
    }
    if (i->c->options.dry_run) {
        ctl_say(i->c, "Nothing was written; whether somebody is there already was not asked.");
    }
    ctl_table_add(t, row);
    ctl_table_print(t, 1);
    return i->refused ? CTL_FAILED : CTL_OK;
}

/* ---- a database of Better Auth */

static int has_all(ba_db_conn *conn, const char *table, const apr_array_header_t *columns,
                   apr_pool_t *pool)
{
    for (int i = 0; columns && i < columns->nelts; ++i) {
        if (!ba_db_has(conn, table, APR_ARRAY_IDX(columns, i, ba_column).column, pool)) {
            return 0;
        }
    }
    return 1;
}

static ba_store *open_source(ctl *c, const char *driver, const char *params)
{
    ba_db_conn conn;
    ba_db *db = ctl_db_connect(c, driver, params);

    if (!db || ba_db_open(db, &conn, c->pool) != APR_SUCCESS) {
        return NULL;
    }
    /* roles, bans and own columns come along where both have them all */
    if (has_all(&conn, "user", c->settings.columns.user, c->pool)
        && has_all(&conn, "session", c->settings.columns.session, c->pool)) {
        ba_db_extend(db, &c->settings.columns, c->pool);
    }
    return ba_store_create(db, c->pool);
}

static int take_rows(ctl_import *i, const apr_array_header_t *rows)
{
    int status = CTL_OK;

    for (int n = 0; n < rows->nelts && status == CTL_OK; ++n) {
        const ba_listed_user *listed = APR_ARRAY_IDX(rows, n, ba_listed_user *);
        const ba_user *u = listed->user;
        ctl_incoming in = {u->id, u->email, u->name, u->image, listed->hash,
                           ba_text_iso_date(u->created_at, i->c->pool), u->email_verified,
                           (ba_extra *)(apr_uintptr_t)u->extra};

        status = ctl_import_add(i, &in, 0);
    }
    return status;
}

int ctl_import_better_auth(ctl *c)
{
    ctl_import *i = ctl_import_begin(c);
    const char *driver, *params, *after = "";
    apr_array_header_t *rows;
    ba_store *source;
    int status;

    if (!ctl_site_database(c, c->argv[0], &driver, &params)) {
        return CTL_USAGE;
    }
    source = open_source(c, driver, params);
    status = source ? CTL_OK : CTL_DATABASE;
    while (status == CTL_OK) {
        if (ba_store_users(source, after, &rows, c->pool) != APR_SUCCESS) {
            return CTL_DATABASE;
        }
        if (!rows->nelts) {
            return ctl_import_end(i);
        }
        after = APR_ARRAY_IDX(rows, rows->nelts - 1, ba_listed_user *)->user->email;
        status = take_rows(i, rows);
    }
    return status;
}

/* ---- export */

static void print_field(const char *text, char end)
{
    if (text && text[strcspn(text, "\",\r\n")]) {
        putchar('"');
        for (; *text; ++text) {
            if (*text == '"') {
                putchar('"');
            }
            putchar(*text);
        }
        putchar('"');
    }
    else if (text) {
        fputs(text, stdout);
    }
    putchar(end);
}

#define FIELDS 8

static void export_one(const ctl *c, const ba_listed_user *listed)
{
    static const char *const names[FIELDS] = {"id",    "email",     "name",      "emailVerified",
                                              "image", "createdAt", "updatedAt", "password"};
    const ba_user *u = listed ? listed->user : NULL;
    const apr_array_header_t *columns = c->settings.columns.user;
    int n = columns ? columns->nelts : 0;
    const char *values[FIELDS]
        = {u ? u->id : NULL,
           u ? u->email : NULL,
           u ? u->name : NULL,
           u && u->email_verified ? "true" : "false",
           u ? u->image : NULL,
           u ? ctl_date(u->created_at, c->pool) : NULL,
           u ? ctl_date(u->updated_at, c->pool) : NULL,
           u && !c->options.no_password ? listed->hash : NULL};

    for (int i = 0; i < FIELDS; ++i) {
        print_field(u ? values[i] : names[i], i == FIELDS - 1 && !n ? '\n' : ',');
    }
    for (int i = 0; i < n; ++i) {
        print_field(u ? u->extra->values[i] : APR_ARRAY_IDX(columns, i, ba_column).name,
                    i == n - 1 ? '\n' : ',');
    }
}

/* A line of JSON for each. */
static void export_json(const ctl *c, const ba_listed_user *listed)
{
    json_t *json = ba_json_user(listed->user, c->pool);

    ba_json_add_hidden(json, listed->user);
    if (!c->options.no_password) {
        json_object_set_new(json, "password",
                            listed->hash ? json_string(listed->hash) : json_null());
    }
    puts(ba_json_text(json, c->pool));
}

int ctl_export(ctl *c)
{
    const char *after = "";
    apr_array_header_t *rows;

    if (!c->options.json) {
        export_one(c, NULL);
    }
    do {
        if (ba_store_users(c->store, after, &rows, c->pool) != APR_SUCCESS) {
            return CTL_DATABASE;
        }
        for (int i = 0; i < rows->nelts; ++i) {
            const ba_listed_user *listed = APR_ARRAY_IDX(rows, i, ba_listed_user *);

            after = listed->user->email;
            if (c->options.json) {
                export_json(c, listed);
            }
            else {
                export_one(c, listed);
            }
        }
    } while (rows->nelts);
    return CTL_OK;
}
