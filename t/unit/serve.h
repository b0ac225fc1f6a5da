/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* For tests of the endpoints: a fixture with a hash gate, requests as the wire brings
 * them, and what came of them. */

#ifndef SERVE_H
#define SERVE_H

#include "ba_gate.h"
#include "ba_json.h"
#include "fixture.h"

#define NAME "better-auth.session_token"
#define PASSWORD "correct horse"

/* One test that has a fixture with a gate. */
#define TEST(test) cmocka_unit_test_setup_teardown(test, serve_setup, serve_teardown)

int serve_setup(void **state);
int serve_teardown(void **state);

/* Answers f->call, for its headers and query, as a request; type and body NULL: none. */
const ba_answer *serve_with(fixture *f, const char *method, const char *path, const char *type,
                            const char *body);

/* The same with a new call, body being JSON. */
const ba_answer *serve(fixture *f, const char *method, const char *path, const char *body);

/* The same in the session of this token. */
const ba_answer *serve_as(fixture *f, const char *token, const char *method, const char *path,
                          const char *body);

/* GET of a link of our origin, in the session of this token (NULL: none). */
const ba_answer *follow(fixture *f, const char *token, const char *url);

void assert_error(const ba_answer *a, const ba_error *error);

/* 302 to location, and nothing else. */
void assert_redirect(const ba_answer *a, const char *location);

/* 200 with this JSON text. */
void assert_body(const ba_answer *a, const char *text);

int cookies_set(const fixture *f);
const char *hash_of(fixture *f, const char *password);
const json_t *body_of(fixture *f, const ba_answer *a);
const char *text_at(const json_t *json, const char *key);

/* The Cookie header of a session. */
const char *cookie_of(fixture *f, const char *token);

/* The first link of our origin in a mail; NULL: none. */
const char *link_in(fixture *f, const ba_mail *mail);

/* A parameter of a URL, decoded. */
const char *param_of(fixture *f, const char *url, const char *name);

#endif
