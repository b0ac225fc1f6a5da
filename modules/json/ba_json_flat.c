/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_json_flat.h"

#include "ba_text.h"

#include <apr_lib.h>
#include <string.h>

typedef struct reader {
    char *at, *end;
    ba_flat *members;
    int n;
} reader;

static int take(reader *r, char c)
{
    return r->at < r->end && *r->at == c ? (++r->at, 1) : 0;
}

static int take_word(reader *r, const char *word)
{
    apr_size_t len = strlen(word);

    if ((apr_size_t)(r->end - r->at) < len || memcmp(r->at, word, len)) {
        return 0;
    }
    r->at += len;
    return 1;
}

/* What stands in quotes. */
static int take_text(reader *r, char **text, apr_size_t *len)
{
    if (!take(r, '"')) {
        return 0;
    }
    *text = r->at;
    while (r->at < r->end && *r->at != '"') {
        unsigned char c = (unsigned char)*r->at++;

        if (c < ' ' || c == '\\') {
            return 0;
        }
    }
    *len = (apr_size_t)(r->at - *text);
    return take(r, '"');
}

static int take_number(reader *r, char **text, apr_size_t *len)
{
    *text = r->at;
    while (r->at < r->end && apr_isdigit(*r->at)) {
        ++r->at;
    }
    *len = (apr_size_t)(r->at - *text);
    /* more than 18 digits may not fit; a zero before others is no JSON */
    return *len && *len <= 18 && (**text != '0' || *len == 1);
}

static int take_value(reader *r, ba_flat *v)
{
    char c = r->at < r->end ? *r->at : '\0';

    if (c == '"') {
        v->kind = BA_FLAT_TEXT;
        return take_text(r, &v->text, &v->len);
    }
    if (apr_isdigit(c)) {
        v->kind = BA_FLAT_NUMBER;
        return take_number(r, &v->text, &v->len);
    }
    v->kind = c == 't' ? BA_FLAT_TRUE : c == 'f' ? BA_FLAT_FALSE : BA_FLAT_NULL;
    return take_word(r, c == 't' ? "true" : c == 'f' ? "false" : "null");
}

static int is(const char *name, const char *text, apr_size_t len)
{
    return name && len && *name == *text && !strncmp(name, text, len) && !name[len];
}

static ba_flat *wanted(reader *r, const ba_flat *object, const char *key, apr_size_t len)
{
    for (int i = 0; i < r->n; ++i) {
        ba_flat *m = &r->members[i];

        if (is(m->key, key, len)
            && (object ? is(m->object, object->text, object->len) : !m->object)) {
            return m;
        }
    }
    return NULL;
}

/* True if something has been found where this name of the outer object leads: named again,
 * it would replace that. */
static int said(const reader *r, const ba_flat *name)
{
    for (int i = 0; i < r->n; ++i) {
        const ba_flat *m = &r->members[i];

        if (m->kind != BA_FLAT_ABSENT && is(m->object ? m->object : m->key, name->text, name->len)) {
            return 1;
        }
    }
    return 0;
}

/* object: the name of this one, NULL: the outer one. */
static int take_object(reader *r, const ba_flat *object)
{
    if (!take(r, '{')) {
        return 0;
    }
    do {
        ba_flat name = {0}, value = {0}, *member;

        if (!take_text(r, &name.text, &name.len) || !take(r, ':') || (!object && said(r, &name))) {
            return 0;
        }
        if (!object && r->at < r->end && *r->at == '{') {
            if (!take_object(r, &name)) {
                return 0;
            }
            continue;
        }
        if (!take_value(r, &value)) {
            return 0;
        }
        member = wanted(r, object, name.text, name.len);
        if (member && member->kind != BA_FLAT_ABSENT) {
            return 0;
        }
        if (member) {
            member->kind = value.kind;
            member->text = value.text;
            member->len = value.len;
        }
    } while (take(r, ','));
    return take(r, '}');
}

int ba_json_flat(char *text, apr_size_t len, ba_flat *members, int n)
{
    reader r = {text, text + len, members, n};

    if (!ba_text_is_utf8(text, len) || !take_object(&r, NULL) || r.at != r.end) {
        return 0;
    }
    for (int i = 0; i < n; ++i) {
        if (members[i].kind == BA_FLAT_TEXT || members[i].kind == BA_FLAT_NUMBER) {
            members[i].text[members[i].len] = '\0';
        }
    }
    return 1;
}
