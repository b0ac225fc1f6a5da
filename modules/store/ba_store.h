/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Typed questions to the database. A table of functions, so that unit tests can
 * hand the core a small one in memory.
 *
 * All: APR_SUCCESS, APR_NOTFOUND (no such row), or APR_EGENERAL (the database is
 * down or broken; logged already: answer 503 and allow nothing). Results live
 * in pool. Found rows are compared with the question byte for byte, since the
 * usual collations ignore case and accents (security.md IN-8). */

#ifndef BA_STORE_H
#define BA_STORE_H

#include "ba_column.h"
#include "ba_types.h"

struct ba_db;
typedef struct ba_store ba_store;

typedef struct ba_store_ops {
    /* The user of this lower-case address and the hash of the credential
     * account; *hash is NULL if there is none. */
    apr_status_t (*login)(ba_store *store, const char *email, ba_user **user, const char **hash,
                          apr_pool_t *pool);

    /* The session of this token and its user, expired or not. */
    apr_status_t (*session)(ba_store *store, const char *token, ba_session **session,
                            ba_user **user, apr_pool_t *pool);

    /* User, credential account, session and mail (NULL: none) in one transaction.
     * APR_EEXIST: the address is taken. APR_EINVAL: a value does not fit. */
    apr_status_t (*sign_up)(ba_store *store, const ba_user *user, const char *account_id,
                            const char *hash, const ba_session *session, ba_mail *mail,
                            apr_pool_t *pool);

    /* Like all that add a session: where session->limit says how many its user may have,
     * the oldest beyond them end in the same transaction, and those that have expired. */
    apr_status_t (*session_add)(ba_store *store, const ba_session *session, apr_pool_t *pool);

    /* Moves expiresAt from what session says to a later time; APR_NOTFOUND when
     * the row is gone or was moved meanwhile: a revoked session is not brought
     * back (security.md SE-17). */
    apr_status_t (*session_extend)(ba_store *store, const ba_session *session, ba_time expires_at,
                                   ba_time now, apr_pool_t *pool);

    /* Sets the given values of extra. APR_NOTFOUND: the row is gone. APR_EINVAL: a value
     * does not fit. */
    apr_status_t (*session_update)(ba_store *store, const ba_session *session,
                                   const ba_extra *extra, ba_time now, apr_pool_t *pool);

    /* Also APR_SUCCESS when there is no such row. */
    apr_status_t (*session_delete)(ba_store *store, const char *token, apr_pool_t *pool);

    /* Replaces the hash if it still is old_hash; else does nothing. */
    apr_status_t (*password_renew)(ba_store *store, const char *user_id, const char *old_hash,
                                   const char *new_hash, ba_time now, apr_pool_t *pool);

    /* The user's unexpired sessions, newest first, at most 100: of ba_session *. */
    apr_status_t (*sessions)(ba_store *store, const char *user_id, ba_time now,
                             apr_array_header_t **sessions, apr_pool_t *pool);

    /* Deletes all sessions of the user but the one with this id (NULL: none spared). */
    apr_status_t (*sessions_delete)(ba_store *store, const char *user_id, const char *but_id,
                                    apr_pool_t *pool);

    /* name NULL keeps the name; set_image says whether image (NULL: none) counts; extra
     * (NULL: none) has the own columns. APR_EINVAL: a value does not fit. */
    apr_status_t (*user_update)(ba_store *store, const char *user_id, const char *name,
                                int set_image, const char *image, const ba_extra *extra,
                                ba_time now, apr_pool_t *pool);

    /* The hash of the credential account; APR_NOTFOUND also when it has none. */
    apr_status_t (*password)(ba_store *store, const char *user_id, const char **hash,
                             apr_pool_t *pool);

    /* Replaces old_hash; with `only`, in the same transaction that session replaces
     * all others of the user. APR_NOTFOUND: the hash is another by now. */
    apr_status_t (*password_change)(ba_store *store, const char *user_id, const char *old_hash,
                                    const char *new_hash, const ba_session *only, ba_time now,
                                    apr_pool_t *pool);

    /* The user's accounts, at most 100: of ba_account *. */
    apr_status_t (*accounts)(ba_store *store, const char *user_id, apr_array_header_t **accounts,
                             apr_pool_t *pool);

    /* Deletes one account of the user; the last one only with last_too, else
     * APR_EEXIST. APR_NOTFOUND: the user has no such account. */
    apr_status_t (*account_delete)(ba_store *store, const char *user_id, const char *id,
                                   int last_too, apr_pool_t *pool);

    /* The user of this id. */
    apr_status_t (*user)(ba_store *store, const char *id, ba_user **user, apr_pool_t *pool);

    /* Marks the user's address as verified and, in the same transaction, adds a session
     * (NULL: none). APR_NOTFOUND: gone, or the address is another by now. */
    apr_status_t (*user_verify)(ba_store *store, const ba_user *user, const ba_session *session,
                                ba_time now, apr_pool_t *pool);

    /* Changes the address from what user says, and with it adds a session and mails
     * (NULL: none). APR_EEXIST: taken. APR_NOTFOUND: as above. */
    apr_status_t (*email_change)(ba_store *store, const ba_user *user, const char *email,
                                 int verified, const ba_session *session, ba_mail *first,
                                 ba_mail *second, ba_time now, apr_pool_t *pool);

    /* Sessions, accounts and the user: all or nothing. With token_id (NULL: none) that
     * verification row is used up by it; APR_NOTFOUND: somebody else has. */
    apr_status_t (*user_delete)(ba_store *store, const char *user_id, const char *token_id,
                                apr_pool_t *pool);

    /* A token and the mail that carries it (NULL: none): both or neither. */
    apr_status_t (*verification_add)(ba_store *store, const ba_verification *token,
                                     ba_mail *mail, apr_pool_t *pool);

    /* The newest row of this identifier, expired or not. */
    apr_status_t (*verification)(ba_store *store, const char *identifier, ba_verification **token,
                                 apr_pool_t *pool);

    /* Uses a token up, by one statement. APR_NOTFOUND: somebody else has. */
    apr_status_t (*verification_claim)(ba_store *store, const char *id, apr_pool_t *pool);

    /* Uses the token up and sets the password of the user it names, as a new credential
     * account of this id if there is none; with revoke all sessions end; mail as above.
     * APR_NOTFOUND: somebody else has used it. */
    apr_status_t (*password_reset)(ba_store *store, const ba_verification *token,
                                   const char *hash, const char *account_id, int revoke,
                                   ba_mail *mail, ba_time now, apr_pool_t *pool);

    /* Puts a mail into the outbox. mail->queued says whether it is there, here and
     * wherever a mail is given: not if the recipient had too many lately. */
    apr_status_t (*mail_add)(ba_store *store, ba_mail *mail, apr_pool_t *pool);
} ba_store_ops;

struct ba_store {
    const ba_store_ops *ops;

    /* of ba_revoke_store(), which puts functions of its own before these */
    const ba_store_ops *told;
    const struct ba_revoker *revoker;
};

/* The store on a database; db must live as long. */
ba_store *ba_store_create(const struct ba_db *db, apr_pool_t *pool);

#endif
