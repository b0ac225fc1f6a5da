/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What betterauthctl asks the database beyond ba_store.h. No request asks it, and whoever
 * changes something here tells of it (ba_revoke.h): these functions do not. APR_EGENERAL:
 * the database failed, and has been logged. */

#ifndef BA_STORE_CTL_H
#define BA_STORE_CTL_H

#include "ba_db.h"
#include "ba_store.h"

/* A user and the hash of their credential account, NULL for none. */
typedef struct ba_listed_user {
    ba_user *user;
    const char *hash;
} ba_listed_user;

/* The next users by address after this one ("" at first), at most 200; none is the end:
 * *rows is of ba_listed_user *. */
apr_status_t ba_store_users(ba_store *store, const char *after, apr_array_header_t **rows,
                            apr_pool_t *pool);

/* One of many that are added together. */
typedef struct ba_new_user {
    const ba_user *user;    /* email_verified counts */
    const char *account_id; /* NULL: no credential account */
    const char *hash;
    apr_status_t status; /* set: APR_EEXIST, the id or the address is taken; APR_EINVAL, a
                            value does not fit */
} ba_new_user;

/* Adds users (of ba_new_user *) in one transaction; those that cannot be added do not
 * keep the others out. */
apr_status_t ba_store_users_add(ba_store *store, const apr_array_header_t *users,
                                apr_pool_t *pool);

/* Sets a user's password, as a new credential account of this id if there is none; with
 * end all their sessions end. APR_NOTFOUND: no such user. */
apr_status_t ba_store_password_put(ba_store *store, const char *user_id, const char *hash,
                                   const char *account_id, int end, ba_time now,
                                   apr_pool_t *pool);

/* Token and user of the session of this id. APR_NOTFOUND: no such session. */
apr_status_t ba_store_session_of(ba_store *store, const char *id, const char **token,
                                 const char **user_id, apr_pool_t *pool);

typedef struct ba_listed_session {
    ba_session session;
    const char *email;
} ba_listed_session;

/* The next sessions by id after this one ("" at first), expired or not, at most 200: of
 * ba_listed_session *. */
apr_status_t ba_store_sessions_all(ba_store *store, const char *after, apr_array_header_t **rows,
                                   apr_pool_t *pool);

/* A mail that has not been sent. */
typedef struct ba_waiting_mail {
    const char *id;
    const char *site;
    const char *recipient;
    ba_time created_at;
    ba_time due; /* 0: given up */
    int attempts;
    const char *error; /* of the last attempt, NULL: none */
} ba_waiting_mail;

/* The next of them by id after this one ("" at first), at most 200: of
 * ba_waiting_mail *. */
apr_status_t ba_store_mails_waiting(ba_store *store, const char *after, apr_array_header_t **rows,
                                    apr_pool_t *pool);

/* Makes a mail due that has failed and waits for its next attempt. APR_NOTFOUND: there is
 * no such mail. */
apr_status_t ba_store_mail_retry(ba_store *store, const char *id, ba_time now, apr_pool_t *pool);

#endif
