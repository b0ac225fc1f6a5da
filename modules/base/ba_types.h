/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The words everything else speaks: who a user is, what a session is.
 * Knows APR only. All strings are UTF-8, NUL-terminated and live in the pool
 * of the call that asked for them. */

#ifndef BA_TYPES_H
#define BA_TYPES_H

#include <apr.h>
#include <apr_pools.h>
#include <apr_tables.h>

/* Milliseconds since 1970-01-01 UTC, as Better Auth counts. */
typedef apr_int64_t ba_time;

#define BA_MS(seconds) ((ba_time)(seconds) * 1000)

/* Bytes that may hold NUL, such as a password. */
typedef struct ba_bytes {
    const char *data;
    apr_size_t len;
} ba_bytes;

/* A row of `user` (http-api 1.1). */
typedef struct ba_user {
    const char *id;
    const char *name;
    const char *email; /* lower case */
    const char *image; /* NULL if the column is NULL */
    int email_verified;
    ba_time created_at;
    ba_time updated_at;
} ba_user;

/* A row of `session`. */
typedef struct ba_session {
    const char *id;
    const char *token; /* the bearer secret: never logged */
    const char *user_id;
    const char *ip_address;
    const char *user_agent;
    ba_time expires_at;
    ba_time created_at;
    ba_time updated_at;
} ba_session;

typedef enum { BA_HASH_ARGON2ID, BA_HASH_SCRYPT } ba_hash_scheme;

/* How new passwords are hashed (http-api 2, security.md PW-6). */
typedef struct ba_hash_params {
    ba_hash_scheme scheme;
    apr_uint32_t memory_kib; /* argon2id only, like the next two */
    apr_uint32_t passes;
    apr_uint32_t lanes;
} ba_hash_params;

/* A row of `account`, without its secrets. */
typedef struct ba_account {
    const char *id;
    const char *account_id; /* the provider's name for the user */
    const char *provider_id;
    const char *user_id;
    const char *scope; /* comma-separated, NULL if there is none */
    ba_time created_at;
    ba_time updated_at;
} ba_account;

/* A row of `verification`: a token that somebody was mailed (http-api 9.4). */
typedef struct ba_verification {
    const char *id;
    const char *identifier; /* names the purpose and the token: never logged */
    const char *value;      /* the user's id */
    ba_time expires_at;
    ba_time created_at;
} ba_verification;

/* A row of `ba_mail`: a composed mail on its way to the outbox. */
typedef struct ba_mail {
    const char *id;        /* also in the Message-ID, the same at each attempt */
    const char *site;      /* base URL of the server whose mailer sends it */
    const char *sender;    /* of the envelope */
    const char *recipient; /* the address of the user's row, not one somebody typed */
    const char *user_id;   /* for whose mails the cap is counted one after the other */
    const char *message;   /* RFC 5322, ASCII only, lines end with CRLF */
    ba_time created_at;
    int cap;           /* not queued if the recipient got that many … */
    ba_time cap_since; /* … since then */
    int queued;        /* set by the store */
} ba_mail;

/* Longest values that the VARCHAR columns hold, in characters. Longer input is
 * refused before it reaches a database (security.md IN-6). */
#define BA_NAME_MAX 255
#define BA_EMAIL_MAX 255
#define BA_TOKEN_MAX 255

/* TEXT column without a limit upstream: longer ones are cut when written. */
#define BA_USER_AGENT_MAX 1024

#define BA_ID_LENGTH 32
#define BA_TOKEN_LENGTH 32

#endif
