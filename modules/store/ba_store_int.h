/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What the files of the store share; for modules/store/ alone. */

#ifndef BA_STORE_INT_H
#define BA_STORE_INT_H

#include "ba_db.h"
#include "ba_store.h"

/* Columns of a user, in the order of every SELECT that has them. */
enum { USER_ID, USER_NAME, USER_EMAIL, USER_VERIFIED, USER_IMAGE, USER_IMAGE_LENGTH, USER_CREATED,
       USER_UPDATED, USER_COLUMNS };

const ba_db *ba_store_db(const ba_store *store);

/* A date column. One that cannot be read is long ago: expired, not valid for ever. */
ba_time ba_store_date(const char *text);

/* A column that is never NULL. */
const char *ba_store_text(const char *text);

/* What is done on one connection between BEGIN and COMMIT; run once more after a
 * deadlock, so it must not keep anything of a first time. */
typedef apr_status_t (*ba_store_work)(const ba_db *db, ba_db_conn *conn, void *baton,
                                      apr_pool_t *pool);

/* Commits if work says APR_SUCCESS, else rolls back. Gives what work gave;
 * APR_EGENERAL also for a second deadlock. */
apr_status_t ba_store_transaction(const ba_store *store, ba_store_work work, void *baton,
                                  apr_pool_t *pool);

/* One statement on a connection of its own; how many rows it matched is no matter. */
apr_status_t ba_store_change(const ba_store *store, ba_sql id, const char **args, apr_pool_t *pool);

/* The user of a row of USER_COLUMNS; own is where its BetterAuthField values begin, of
 * which there are ba_store_columns(). */
apr_status_t ba_store_read_user(const ba_db *db, ba_db_conn *conn, const char *const *row,
                                const char *const *own, ba_user **out, apr_pool_t *pool);
int ba_store_columns(const apr_array_header_t *columns);
const ba_extra *ba_store_read_extra(const apr_array_header_t *columns, const char *const *values,
                                    apr_pool_t *pool);

/* Writes the arguments of an INSERT's or UPDATE's own columns; the latter says how many
 * there are. extra NULL: NULLs, or nothing is changed. */
void ba_store_insert_extra(const ba_db_conn *conn, const apr_array_header_t *columns,
                           const ba_extra *extra, const char **args, apr_pool_t *pool);
int ba_store_update_extra(const ba_db_conn *conn, const apr_array_header_t *columns,
                          const ba_extra *extra, const char **args, apr_pool_t *pool);

/* Parts of transactions. Session, account: a new row. Mail: NULL is none. */
apr_status_t ba_store_add_session(const ba_db *db, ba_db_conn *conn, const ba_session *session,
                                  apr_pool_t *pool);
apr_status_t ba_store_add_account(const ba_db *db, ba_db_conn *conn, const char *id,
                                  const char *user_id, const char *hash, ba_time now,
                                  apr_pool_t *pool);
apr_status_t ba_store_add_mail(const ba_db *db, ba_db_conn *conn, ba_mail *mail, apr_pool_t *pool);

/* ---- the questions of ba_store.h that have files of their own */

apr_status_t ba_store_user(ba_store *store, const char *id, ba_user **user, apr_pool_t *pool);
apr_status_t ba_store_user_update(ba_store *store, const char *user_id, const char *name,
                                  int set_image, const char *image, const ba_extra *extra,
                                  ba_time now, apr_pool_t *pool);
apr_status_t ba_store_session_update(ba_store *store, const ba_session *session,
                                     const ba_extra *extra, ba_time now, apr_pool_t *pool);
apr_status_t ba_store_user_verify(ba_store *store, const ba_user *user, const ba_session *session,
                                  ba_time now, apr_pool_t *pool);
apr_status_t ba_store_email_change(ba_store *store, const ba_user *user, const char *email,
                                   int verified, const ba_session *session, ba_mail *first,
                                   ba_mail *second, ba_time now, apr_pool_t *pool);
apr_status_t ba_store_user_delete(ba_store *store, const char *user_id, const char *token_id,
                                  apr_pool_t *pool);
apr_status_t ba_store_password(ba_store *store, const char *user_id, const char **hash,
                               apr_pool_t *pool);
apr_status_t ba_store_password_change(ba_store *store, const char *user_id, const char *old_hash,
                                      const char *new_hash, const ba_session *only, ba_time now,
                                      apr_pool_t *pool);
apr_status_t ba_store_password_reset(ba_store *store, const ba_verification *token,
                                     const char *hash, const char *account_id, int revoke,
                                     ba_mail *mail, ba_time now, apr_pool_t *pool);
apr_status_t ba_store_accounts(ba_store *store, const char *user_id, apr_array_header_t **out,
                               apr_pool_t *pool);
apr_status_t ba_store_account_delete(ba_store *store, const char *user_id, const char *id,
                                     int last_too, apr_pool_t *pool);
apr_status_t ba_store_verification_add(ba_store *store, const ba_verification *token,
                                       ba_mail *mail, apr_pool_t *pool);
apr_status_t ba_store_verification(ba_store *store, const char *identifier,
                                   ba_verification **token, apr_pool_t *pool);
apr_status_t ba_store_verification_claim(ba_store *store, const char *id, apr_pool_t *pool);
apr_status_t ba_store_mail_add(ba_store *store, ba_mail *mail, apr_pool_t *pool);

#endif
