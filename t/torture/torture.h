/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* A request that is run again and again while one call after the other fails. */

#ifndef TORTURE_H
#define TORTURE_H

#include "serve.h"
#include "sqlite.h"

#define ZOE "zoe@example.com"
#define BOB "bob@example.com"
#define NEW_PASSWORD "another horse"
#define OTHER_TOKEN "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* One run: a database of its own with Zoe (u1, two sessions: TOKEN and OTHER_TOKEN) and
 * Bob (u2), who is banned. */
typedef struct run {
    fixture *f;
    sqlite *db;
    const char *cookies[2]; /* of Zoe's sessions */
    const char *hit; /* the call that failed, NULL: none */
    const char *token; /* what prepare() has put into the database */
} run;

typedef struct scenario {
    const char *name;
    /* Before faults; NULL: nothing. */
    void (*prepare)(run *r);
    void (*request)(run *r);
    /* What must be so once it has answered success, and once it has answered an error and
     * no answer of the database was lost; NULL: nothing more than what is so for all.
     * Returns what is wrong. */
    const char *(*done)(run *r);
    const char *(*undone)(run *r);
    /* Nobody may be let in by it, whatever fails: no session, no 2xx with a user. */
    int closed;
} scenario;

/* Ends with a name of NULL. */
extern const scenario scenarios[];

/* A request in Zoe's session, or in her other one. */
void torture_as(run *r, int other, const char *method, const char *path, const char *body);

/* Whether this is a password of Zoe's, by the hash that is stored. */
int torture_password_is(run *r, const char *password);

/* How many rows this condition has. */
int torture_count(run *r, const char *what);

/* t/torture/mails.c */
void torture_with_mail(run *r);
void torture_with_mail_tls(run *r); /* which the server has not */
void torture_deliver(run *r);
const char *torture_mail_kept(run *r);
const char *torture_mail_waits(run *r);

#endif
