/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* One question to the core: what came in, what it may use, what goes out.
 * The glue builds a call from a request and writes its answer once; unit tests
 * build one by hand. A call lives as long as its pool and belongs to one
 * thread. */

#ifndef BA_CALL_H
#define BA_CALL_H

#include "ba_error.h"
#include "ba_event.h"
#include "ba_feature.h"
#include "ba_types.h"

/* Seconds a client is asked to wait after a 503. */
#define BA_RETRY_AFTER 2

struct ba_settings;
struct ba_store;
struct ba_gate;
struct ba_meter;
struct ba_limit;
struct ba_session_cache;
struct ba_revocations;
struct ba_call;

typedef enum {
    BA_LOG_ERROR, /* an operator must act */
    BA_LOG_WARN,  /* an operator should know */
    BA_LOG_INFO,  /* the audit trail: who did what, from where */
    BA_LOG_DEBUG
} ba_log_level;

/* What the outside world lends to a call. */
typedef struct ba_call_ops {
    /* First value of a request header, NULL if there is none. */
    const char *(*header)(const struct ba_call *call, const char *name);
    /* The origin that the request was addressed to, by its Host. */
    const char *(*origin)(const struct ba_call *call);
    /* Prints one line; message starts with its tag "BAnnnn: ". */
    void (*log)(const struct ba_call *call, ba_log_level level, apr_status_t rv,
                const char *message);
    /* A mail document filled in with values, as they are; what it may not hold, such as
     * markup, the caller has escaped. Lines end with LF. NULL: it cannot be read, and
     * that has been logged. */
    const char *(*render)(const struct ba_call *call, const char *document,
                          const apr_table_t *values);
    /* Why this user, who has proved who they are, may not sign in all the same; NULL: they
     * may. Asked by ba_session_begin() alone. NULL in place of a function: nobody objects. */
    const ba_error *(*veto)(const struct ba_call *call, const ba_user *user, int remember);
    /* Has whoever asks gone, as far as one can tell without waiting? Asked before costly
     * work that had to wait. NULL in place of a function: they are there. */
    int (*gone)(const struct ba_call *call);
    /* Writes to the audit log; for ba_audit() alone. NULL in place of a function: there is
     * none. */
    void (*audit)(const struct ba_call *call, ba_event event, const ba_fact *fact);
} ba_call_ops;

typedef struct ba_answer {
    int status;             /* HTTP status; 0 until somebody has answered */
    const ba_error *error;  /* the row behind it, NULL for success */
    const char *message;    /* of an error, NULL: no body */
    const char *body;       /* of a success, NULL: empty */
    const char *type;       /* Content-Type, NULL: none */
    const char *location;   /* NULL: none */
    int retry_after;        /* seconds; 0: no header */
    apr_table_t *cookies;   /* cookie name -> Set-Cookie value, in order */
    apr_table_t *headers;   /* further ones, joined with what the glue says; NULL: none */
} ba_answer;

typedef struct ba_call {
    apr_pool_t *pool;
    const struct ba_settings *settings;
    struct ba_store *store;
    struct ba_gate *gate;
    struct ba_limit *limit; /* NULL: nothing is limited */
    struct ba_meter *meter; /* NULL: nothing is counted */
    const struct ba_session_cache *session_cache;    /* NULL: none */
    const struct ba_revocations *revocations; /* NULL: nobody tells */
    const ba_feature *const *features; /* ends with NULL; NULL: none */
    const ba_call_ops *ops;
    void *baton; /* the glue's, for ops */

    ba_time now;        /* one reading of the clock for the whole call */
    const char *method; /* upper case */
    const char *path;   /* below the base path: "/sign-in/email" */
    const char *query;  /* raw, NULL if none */
    const char *client; /* normal form of http-api 7.3, "" if unknown */

    /* The raw body; read on demand, by ops' owner, before ba_routes_serve(). */
    ba_bytes body; /* data NULL: none */

    /* Who is this? Filled by ba_session_find(), at most once per call. */
    int session_asked;
    int session_cached; /* a cache has answered, not the database */
    apr_status_t session_status;
    const ba_session *session;
    const ba_user *user;
    int refresh_now;   /* this call refreshes, where others put it off */
    int needs_refresh; /* put off: is it due? -1: not put off */

    const ba_error *vetoed; /* what ops->veto said; its message is for people, too */

    int mail_waiting; /* a mail was put into the outbox: wake whoever delivers */

    ba_answer answer;
} ba_call;

/* A call at the given time; all else is zero. */
ba_call *ba_call_create(ba_time now, apr_pool_t *pool);

/* First value of a request header, NULL if none. */
const char *ba_call_header(const ba_call *call, const char *name);

/* Answers with a row of the error table; the glue prints {"message":…,"code":…}. */
void ba_call_fail(ba_call *call, const ba_error *error);

/* The same with a message of its own in place of the row's. */
void ba_call_fail_with(ba_call *call, const ba_error *error, const char *message);

/* Answers 200 with JSON text that the caller made. */
void ba_call_ok(ba_call *call, const char *json);

/* Puts a Set-Cookie line into the answer. One line per name: a later one
 * replaces an earlier one (security.md SE-16). */
void ba_call_set_cookie(ba_call *call, const char *name, const char *line);

/* Adds a header to the answer; a list goes on where there is one already. */
void ba_call_add_header(ba_call *call, const char *name, const char *value);

/* Logs one formatted line. Never pass a password, token, hash or cookie. */
void ba_call_log(const ba_call *call, ba_log_level level, apr_status_t rv, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
