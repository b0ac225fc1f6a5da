/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What the files of betterauthctl share: its options, the site it works on, how it
 * speaks. A run is one command; memory lives until it ends. */

#ifndef CTL_H
#define CTL_H

#include "ba_db.h"
#include "ba_settings.h"
#include "ba_store.h"
#include "ba_types.h"

#include <sys/types.h>

/* Exit statuses; betterauthctl(8) explains them. */
enum { CTL_OK, CTL_FAILED, CTL_USAGE, CTL_DATABASE, CTL_UNTOLD };

typedef struct ctl_options {
    const char *config, *httpd, *site, *database, *secret_file;
    const char *name, *role, *reason, *period, *domain, *owner, *user;
    int json, yes, dry_run, verified, no_password, keep_sessions, all, drop_old;
} ctl_options;

typedef struct ctl {
    apr_pool_t *pool;
    ctl_options options;
    int argc; /* arguments after the command's own words */
    const char *const *argv;
    ba_time now;

    /* the site, once ctl_site_find() has run */
    ba_settings settings; /* what is needed of them */
    const char *driver, *params;
    const char *run_as;      /* user of httpd's children; NULL: not known, like the next */
    const char *pid_file;
    const char *revocations; /* file of the running server's counters */
    apr_array_header_t *secret_files; /* const char *, NULL for a secret in none; NULL likewise */
    const char *said;        /* what httpd had to say, "" for nothing */
    const char *unusable;    /* why a configuration that httpd takes will not do; NULL: it does */

    /* the database, once ctl_db_open() has run */
    ba_db *db;
    ba_db_conn *conn;
    ba_store *store;
    int quiet;            /* says nothing of statements that fail */
    int untold;           /* an errno: a running server has not heard of a change */
} ctl;

/* ---- betterauthctl.c */

/* Each command's function, by the names of its words; answers an exit status. */
int ctl_init(ctl *c);
int ctl_migrate_status(ctl *c);
int ctl_migrate_up(ctl *c);
int ctl_check(ctl *c);
int ctl_user_add(ctl *c);
int ctl_user_list(ctl *c);
int ctl_user_show(ctl *c);
int ctl_user_ban(ctl *c);
int ctl_user_unban(ctl *c);
int ctl_user_delete(ctl *c);
int ctl_user_role(ctl *c);
int ctl_user_set_password(ctl *c);
int ctl_user_verify(ctl *c);
int ctl_session_list(ctl *c);
int ctl_session_revoke(ctl *c);
int ctl_import_htpasswd(ctl *c);
int ctl_import_csv(ctl *c);
int ctl_import_better_auth(ctl *c);
int ctl_export(ctl *c);
int ctl_secret_rotate(ctl *c);
int ctl_mail_queue(ctl *c);
int ctl_mail_retry(ctl *c);
int ctl_sweep(ctl *c);

/* ---- ctl_site.c */

/* Learns of the site: from --database, else from httpd. CTL_OK, or an exit status; it has
 * said why. */
int ctl_site_find(ctl *c);

/* Reads DRIVER:PARAMS, or file:PATH with such a line. 0: it has said why not. */
int ctl_site_database(ctl *c, const char *text, const char **driver, const char **params);

/* Runs httpd's own test of its configuration. 0: it fails; *said has its words. */
int ctl_site_ask_httpd(ctl *c, const char *define, const char **json, const char **said);

/* True if the server of pid_file runs; *pid is its process. */
int ctl_site_runs(const ctl *c, pid_t *pid);

/* ---- ctl_db.c */

/* For params: a database of SQLite's that is empty and stays in memory. */
#define CTL_NO_FILE ":memory:"

/* Connects, and makes the store, which tells the running server of what it changes. */
int ctl_db_open(ctl *c);

/* A database on its own, such as the one to import from; NULL: it has said why. */
ba_db *ctl_db_connect(ctl *c, const char *driver, const char *params);

/* Tells the running server that a session (by its token) or all of a user (by id) is
 * revoked. After the change, never before. */
void ctl_db_tell(ctl *c, const char *name);

/* ---- ctl_out.c */

typedef enum { CTL_TEXT, CTL_FLAG, CTL_NUMBER } ctl_kind;

/* key: in JSON; title: above a column. */
typedef struct ctl_column {
    const char *key, *title;
    ctl_kind kind;
} ctl_column;

typedef struct ctl_table ctl_table;

/* columns ends with a row without key. */
ctl_table *ctl_table_make(ctl *c, const ctl_column *columns);

/* One value a column; NULL for none. They must live as long as the table. */
void ctl_table_add(ctl_table *t, const char *const *values);

/* As aligned columns or a JSON array; `one`: one row, as lines or an object. */
void ctl_table_print(ctl_table *t, int one);

/* One line, "betterauthctl: …"; answers CTL_FAILED. */
int ctl_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What was done: a line, or with --json {key: n}. Answers CTL_OK. */
int ctl_done(ctl *c, const char *key, apr_int64_t n, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* For people: a line that --json leaves out. */
void ctl_say(const ctl *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Asks for a yes unless --yes was given. 0: no. */
int ctl_confirm(const ctl *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A new password: twice from a terminal, else a line of stdin. 0: it has said why not. */
int ctl_password(ctl *c, ba_bytes *password);

/* 0: the text is not in UTF-8 or longer than max characters, which has been said of `what`. */
int ctl_good_text(const char *what, const char *text, apr_size_t max);

/* Text without what would steer a terminal. */
const char *ctl_plain(const char *text, apr_pool_t *pool);

/* A date as people read it, NULL for 0. */
const char *ctl_date(ba_time t, apr_pool_t *pool);

/* ---- ctl_schema.c */

/* Makes what the tables lack; with dry_run prints it. */
int ctl_schema_up(ctl *c);

/* Steps that are not there in full; -1: they cannot be read, which has been said. */
int ctl_schema_pending(ctl *c);

/* ---- ctl_user.c */

/* By address or id. CTL_OK, or an exit status; it has said why. hash may be NULL. */
int ctl_user_find(ctl *c, const char *word, ba_user **user, const char **hash);

#endif
