/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* One page being served, for the files of this folder. */

#ifndef BA_PAGE_H
#define BA_PAGE_H

#include "ba_httpd.h"
#include "ba_json.h"
#include "ba_language.h"

#include <apr_hash.h>
#include <httpd.h>

/* What the element prints. */
typedef struct ba_page {
    apr_table_t *values;
    apr_hash_t *lists; /* name -> array of apr_table_t *, the values of each row */
    const ba_language *language;
} ba_page;

/* How a field of a form is checked before the endpoint sees it, and what becomes of it. */
typedef enum {
    BA_TEXT_FIELD = 0,
    BA_NEEDED_FIELD,  /* must not be empty */
    BA_EMAIL_FIELD,   /* must look like an address */
    BA_PASSWORD_FIELD, /* must not be empty, and is not shown again */
    BA_NEW_PASSWORD_FIELD,
    BA_URL_FIELD,     /* https://…, or empty for none */
    BA_CHECK_FIELD,   /* a boolean */
    BA_HIDDEN_FIELD   /* comes with the page: a link's token */
} ba_page_kind;

typedef struct ba_page_field {
    const char *name; /* in the form and the endpoint's body */
    ba_page_kind kind;
} ba_page_field;

typedef enum {
    BA_FOR_ANYONE,
    BA_FOR_GUESTS, /* of no use to who is signed in: they are sent on */
    BA_FOR_USERS   /* who is not signed in is asked to */
} ba_page_audience;

struct ba_page_view;

typedef struct ba_page_row {
    const char *name;     /* below the mount */
    const char *document;
    const char *endpoint; /* of the API, that its form runs; NULL: there is nothing to send */
    ba_page_audience audience;
    int only_as;                                /* status that httpd sends it with as error
                                                 * document, 0: a page that people may open */
    int (*offered)(const ba_settings *settings); /* NULL: whenever its endpoint is on */
    const ba_page_field *fields;                /* NULL: none */
    /* Sets what the document shows beyond what all do, before each time it is shown.
     * OK, or DONE: the request has its answer. NULL: nothing to set. */
    int (*show)(struct ba_page_view *v);
    /* Runs the endpoint in place of ba_page_run(). NULL: that. */
    void (*run)(struct ba_page_view *v);
    /* Where success leads. */
    const char *(*next)(struct ba_page_view *v);
} ba_page_row;

typedef struct ba_page_view {
    request_rec *r;
    const ba_settings *settings;
    const ba_page_row *row; /* NULL: no page of ours */
    ba_call *call;          /* who is this, and on POST the endpoint's call */
    ba_page *page;
    const char *document; /* the row's, unless show() chooses another */
    json_t *form;         /* what was posted, NULL on GET */
    const char *callback; /* where to go afterwards, checked */
    int known;            /* somebody is signed in, as far as we have asked */
} ba_page_view;

/* ---- ba_pages.c */

/* Where the password is asked for again, and from there back to this page. */
const char *ba_page_ask_again(const ba_page_view *v);

/* ---- ba_page_rows.c */

const ba_page_row *ba_page_find(const char *path);
/* A page that is switched off is not there, and no other page links to it. */
int ba_page_offered(const ba_settings *settings, const ba_page_row *row);
extern const ba_page_row ba_page_rows[];

/* ---- ba_page_values.c */

/* What every document can print; again when somebody has turned out to be signed in. */
void ba_page_set_values(ba_page_view *v);
void ba_page_set(const ba_page_view *v, const char *name, const char *value);
const char *ba_page_get(const ba_page_view *v, const char *name);
/* A row in a list, for its values; makes the list. */
apr_table_t *ba_page_add_row(const ba_page_view *v, const char *list);
/* A text of the visitor's language, its values filled in; "" if there is none. */
const char *ba_page_text(const ba_page_view *v, const char *key);
/* A field of the form, "" if it is not there; a parameter of the query, NULL likewise. */
const char *ba_page_typed(const ba_page_view *v, const char *field);
const char *ba_page_asked(const ba_page_view *v, const char *name);
/* An address of ours: path below the mount, and query as in "callback-query". */
const char *ba_page_link(const ba_page_view *v, const char *path, const char *query);

/* ---- ba_page_error.c */

/* Says at its field what is wrong; field NULL: with the form as a whole. */
void ba_page_fault(const ba_page_view *v, const char *field, const char *text);
/* An error of the API as a sentence at the field that it is about. */
void ba_page_explain(const ba_page_view *v, const ba_error *error);
/* All that can be told to be wrong before the endpoint is asked; 0: nothing. */
int ba_page_check_fields(const ba_page_view *v);

/* ---- ba_page_run.c */

/* A page of ours, as a URL field of an endpoint, and the way back in it; without that, if
 * the field cannot hold it. */
json_t *ba_page_way(const ba_page_view *v, const char *path);
/* The body that the row's endpoint reads. */
json_t *ba_page_body(const ba_page_view *v);
/* Runs the row's endpoint with the form. */
void ba_page_run(ba_page_view *v);
/* Runs another endpoint, with a body or a query; the answer is in v->call. */
void ba_page_call(ba_page_view *v, const char *method, const char *path, const json_t *body,
                  const char *query);

/* ---- ba_page_show.c: writing */

int ba_page_redirect(const ba_page_view *v, const char *to);
int ba_page_render(const ba_page_view *v, const char *document, int status);
/* message.html with the texts message-KEY and message-KEY-text. */
int ba_page_message(const ba_page_view *v, int status, const char *key);
/* style.css and its like; DECLINED: path names none. */
int ba_page_asset(request_rec *r, const ba_settings *settings, const char *path);
/* A document within another. */
int ba_page_part(request_rec *r, const ba_settings *settings, const char *name);

/* ---- ba_page_brand.c */

/* A stylesheet with the colour of BetterAuthBrand, readable wherever it is used. */
const char *ba_page_brand_style(const ba_brand *brand, apr_pool_t *pool);

/* ---- ba_page_links.c, ba_page_account.c: what rows name */

int ba_page_show_verify(ba_page_view *v);
void ba_page_run_verify(ba_page_view *v);
const char *ba_page_next_verify(ba_page_view *v);
int ba_page_show_reset(ba_page_view *v);
int ba_page_show_delete_link(ba_page_view *v);
int ba_page_show_account(ba_page_view *v);
int ba_page_show_sessions(ba_page_view *v);
void ba_page_run_sessions(ba_page_view *v);

#endif
