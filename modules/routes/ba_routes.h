/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The endpoints as rows. A feature brings rows of its own; ba_routes.c lists the
 * features. */

#ifndef BA_ROUTES_H
#define BA_ROUTES_H

#include "ba_call.h"
#include "ba_schema.h"

/* Bytes of body that the API and the pages read (security.md IN-1). */
#define BA_BODY_MAX 65536

/* Who may call. With all but BA_ANYONE the handler finds call->session and
 * call->user. */
typedef enum {
    BA_ANYONE,
    BA_KNOWN,     /* signed in, else 401; a valid cookie cache may say so: for rows that
                   * change nothing and show no secret */
    BA_SIGNED_IN, /* the database says so, else 401 */
    BA_FRESH      /* and the session is younger than BetterAuthSessionFreshAge, else 403 */
} ba_access;

/* Longest URL field, such as callbackURL: in a mailed link, each byte escaped, it still fits
 * a request line, and the mail its column. */
#define BA_URL_FIELD_MAX 2048

typedef struct ba_route {
    const char *method;
    const char *path; /* below the base path, exact; a last "/:name" is any one segment */
    ba_access access;
    int form;         /* takes urlencoded bodies too, under the rules of http-api 6.2 */
    const ba_schema *schema; /* NULL: the body is not looked at */
    void (*handler)(ba_call *call, const void *body);
    /* NULL: the query is not looked at. A GET's handler gets what this has read, and its
     * callbackURL has been checked. */
    const ba_schema *query;
} ba_route;

/* NULL: 404. */
const ba_route *ba_route_find(const char *method, const char *path);

/* True if BetterAuthDisablePath names the path; slashes at its end do not count. */
int ba_route_disabled(const struct ba_settings *settings, const char *path);

/* The last segment of the call's path. */
const char *ba_route_segment(const ba_call *call);
/* The endpoint that a path means, as its rows write it, whatever the method and with
 * slashes at the end or not; NULL: none. What is counted by path is counted by this. */
const char *ba_route_endpoint(const char *path);

/* The row of this number, from 0 on; NULL: there are no more. */
const ba_route *ba_route_at(int number);

/* A row's number, -1 for NULL. */
int ba_route_number(const ba_route *route);

/* Is there an endpoint whose path fits the glob? */
int ba_route_fits(const char *glob);

/* Answers an API request: call->body is raw, type its Content-Type or NULL. */
void ba_route_serve(ba_call *call, const ba_route *route, const char *type);

/* Answers a body that has been read already, from the origin check on; NULL is
 * an absent body. The pages come in here. */
void ba_route_run(ba_call *call, const ba_route *route, const json_t *body);

/* Every feature; ends with NULL. */
const ba_feature *const *ba_route_features(void);

#endif
