/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Files of users: htpasswd, and tables of text with a line of names above. */

#include "ctl_import.h"

#include "ba_text.h"

#include <apr_strings.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 65536
#define CELLS_MAX 64

static FILE *open_file(const char *path)
{
    FILE *in = strcmp(path, "-") ? fopen(path, "r") : stdin;

    if (!in) {
        ctl_fail("cannot read %s: %s", path, strerror(errno));
    }
    return in;
}

/* 0: it could not be read to its end, which has been said. */
static int close_file(FILE *in, const char *path)
{
    int good = !ferror(in);

    if (!good) {
        ctl_fail("cannot read %s: %s", path, strerror(errno));
    }
    fclose(in);
    return good;
}

/* ---- htpasswd */

static int add_line(ctl_import *i, char *text, int line)
{
    ctl_incoming in = {0};
    char *colon;

    text[strcspn(text, "\r\n")] = '\0';
    text += strspn(text, " \t");
    if (!*text || *text == '#') {
        return CTL_OK;
    }
    colon = strchr(text, ':');
    if (!colon) {
        return ctl_import_refuse(i, line, "not NAME:HASH");
    }
    *colon = '\0';
    in.email = in.name = text;
    in.name = strchr(text, '@') ? NULL : text;
    in.hash = colon + 1;
    colon[1 + strcspn(colon + 1, ":")] = '\0';
    return ctl_import_add(i, &in, line);
}

int ctl_import_htpasswd(ctl *c)
{
    FILE *in = open_file(c->argv[0]);
    char *text = apr_palloc(c->pool, LINE_MAX_BYTES);
    ctl_import *i = ctl_import_begin(c);
    int status = CTL_OK;

    if (!in) {
        return CTL_FAILED;
    }
    for (int line = 1; status == CTL_OK && fgets(text, LINE_MAX_BYTES, in); ++line) {
        status = add_line(i, text, line);
    }
    if (!close_file(in, c->argv[0])) {
        status = CTL_FAILED;
    }
    return status == CTL_OK ? ctl_import_end(i) : status;
}

/* ---- CSV (RFC 4180), or with tabs or semicolons */

typedef struct reader {
    FILE *in;
    int separator;
    int line;
    int open; /* line of a quote that the file does not close */
    apr_pool_t *pool; /* of the row */
    char *cells[CELLS_MAX];
    int count;
} reader;

/* Reads one cell; what ended it is returned: the separator, '\n' or EOF. */
static int read_cell(reader *r, char **out)
{
    char *text = apr_palloc(r->pool, 256);
    apr_size_t used = 0, room = 256;
    int ch = getc(r->in), inside = 0;

    if (ch == '"') {
        inside = r->line;
        ch = getc(r->in);
    }
    for (; ch != EOF; ch = getc(r->in)) {
        if (inside && ch == '"') {
            ch = getc(r->in);
            if (ch != '"') {
                inside = 0; /* what follows ends the cell, or is read on */
            }
        }
        if (!inside && (ch == r->separator || ch == '\n' || ch == EOF)) {
            break;
        }
        if (!inside && ch == '\r') {
            continue;
        }
        if (used + 1 >= room) {
            char *more = apr_palloc(r->pool, 2 * room);

            memcpy(more, text, used);
            text = more;
            room *= 2;
        }
        r->line += ch == '\n';
        text[used++] = (char)ch;
    }
    text[used] = '\0';
    *out = text;
    r->open = inside;
    return ch;
}

/* 0: the end. */
static int read_row(reader *r)
{
    int end;

    apr_pool_clear(r->pool);
    r->count = 0;
    ++r->line;
    do {
        char *cell;

        end = read_cell(r, &cell);
        if (r->count < CELLS_MAX) {
            r->cells[r->count++] = cell;
        }
    } while (end == r->separator);
    return end != EOF || r->count > 1 || *r->cells[0] || r->open;
}

/* The names of the first row; the first sign that may stand between them does. */
static int read_names(reader *r, char **names, apr_pool_t *pool)
{
    char *line = apr_palloc(pool, LINE_MAX_BYTES), *start = line, *next;
    const char *separator;
    char by[2] = ",";
    int n = 0;

    if (!fgets(line, LINE_MAX_BYTES, r->in)) {
        return 0;
    }
    if (!strncmp(start, "\xEF\xBB\xBF", 3)) { /* byte order mark */
        start += 3;
    }
    start[strcspn(start, "\r\n")] = '\0';
    separator = strpbrk(start, ",;\t");
    r->separator = by[0] = separator ? *separator : ',';
    r->line = 1;
    for (char *name = start; name && n < CELLS_MAX; name = next) {
        apr_size_t len = strcspn(name, by);

        next = name[len] ? name + len + 1 : NULL; /* a column without a name is one, too */
        name[len] = '\0';
        if (len > 1 && *name == '"' && name[len - 1] == '"') {
            name[len - 1] = '\0';
            ++name;
        }
        names[n++] = name;
    }
    return n;
}

static int is_true(const char *text)
{
    return !strcmp(text, "1") || !strcasecmp(text, "true") || !strcasecmp(text, "yes")
           || !strcasecmp(text, "t");
}

/* The member of in that a name stands for, by any of its usual spellings; NULL: none. */
static const char **member(ctl_incoming *in, const char *name)
{
    static const char *const spellings[][5] = {
        {"id", "user_id", "userId"},
        {"email", "mail", "username", "user", "login"},
        {"name", "displayName", "display_name", "full_name"},
        {"image", "picture", "avatar"},
        {"password", "hash", "passwordHash", "password_hash", "passwd"},
        {"createdAt", "created_at", "date_joined"},
    };
    const char **members[]
        = {&in->id, &in->email, &in->name, &in->image, &in->hash, &in->created_at};

    for (int i = 0; i < 6; ++i) {
        for (int k = 0; k < 5 && spellings[i][k]; ++k) {
            if (!strcasecmp(spellings[i][k], name)) {
                return members[i];
            }
        }
    }
    return NULL;
}

static int is_verified_name(const char *name)
{
    return !strcasecmp(name, "emailVerified") || !strcasecmp(name, "email_verified")
           || !strcasecmp(name, "verified");
}

/* The place of an own column, or of a role or ban; -1: none. */
static int extra_place(const ctl *c, const char *name)
{
    const apr_array_header_t *columns = c->settings.columns.user;

    for (int i = 0; columns && i < columns->nelts; ++i) {
        if (!strcasecmp(APR_ARRAY_IDX(columns, i, ba_column).name, name)) {
            return i;
        }
    }
    return -1;
}

/* 0: a value is none of its column's type. */
static int put_cell(const ctl *c, ctl_incoming *in, const char *name, const char *value)
{
    const char **to = member(in, name);
    int place = extra_place(c, name);
    const ba_column *column;

    if (to) {
        *to = *value ? value : NULL;
        return 1;
    }
    if (is_verified_name(name)) {
        in->verified = is_true(value);
        return 1;
    }
    if (place < 0 || !*value) {
        return 1;
    }
    column = &APR_ARRAY_IDX(c->settings.columns.user, place, ba_column);
    in->extra->values[place] = column->type == BA_COLUMN_BOOLEAN
                                   ? (is_true(value) ? "1" : "0")
                                   : ba_column_value(column->type, value, c->pool);
    return in->extra->values[place] != NULL;
}

/* The mysql program, whose tables have tabs, writes NULL for nothing. */
static const char *cell(const reader *r, int k)
{
    return r->separator == '\t' && !strcmp(r->cells[k], "NULL") ? "" : r->cells[k];
}

static int add_row(ctl *c, ctl_import *i, const reader *r, char *const *names, int n)
{
    ctl_incoming in = {0};

    if (r->open) {
        return ctl_import_refuse(i, r->open, "a quote is not closed: the rest is not read");
    }
    in.extra = ba_extra_fallback(c->settings.columns.user, c->pool);
    for (int k = 0; k < n && k < r->count; ++k) {
        if (!put_cell(c, &in, names[k], cell(r, k))) {
            return ctl_import_refuse(i, r->line,
                                     apr_pstrcat(c->pool, ctl_plain(names[k], c->pool),
                                                 " has a value that is not of its type", NULL));
        }
    }
    for (int k = 0; in.extra && k < in.extra->columns->nelts; ++k) {
        if (in.extra->values[k]) {
            in.extra->values[k] = apr_pstrdup(c->pool, in.extra->values[k]);
        }
    }
    return ctl_import_add(i, &in, r->line);
}

static int has_name(char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; ++i) {
        if (!strcasecmp(names[i], name)) {
            return 1;
        }
    }
    return 0;
}

/* A login is the address where there is no other, else a name. */
static void settle_logins(char **names, int n)
{
    static const char *const logins[] = {"username", "user", "login"};
    static char as_name[] = "name", as_nothing[] = "";

    for (int i = 0; i < n && (has_name(names, n, "email") || has_name(names, n, "mail")); ++i) {
        for (int k = 0; k < 3; ++k) {
            if (!strcasecmp(names[i], logins[k])) {
                names[i] = has_name(names, n, "name") ? as_nothing : as_name;
            }
        }
    }
}

static int check_names(ctl *c, char *const *names, int n)
{
    ctl_incoming in = {0};
    int has_email = 0;

    for (int i = 0; i < n; ++i) {
        const char **to = member(&in, names[i]);

        has_email |= to == &in.email;
        if (!to && !is_verified_name(names[i]) && extra_place(c, names[i]) < 0
            && *names[i] && strcasecmp(names[i], "updatedAt")) {
            ctl_fail("the column %s is left out: nothing has that name",
                     ctl_plain(names[i], c->pool));
        }
    }
    return has_email;
}

int ctl_import_csv(ctl *c)
{
    reader r = {.in = open_file(c->argv[0])};
    ctl_import *i = ctl_import_begin(c);
    char *names[CELLS_MAX];
    int n, status = CTL_OK;

    if (!r.in) {
        return CTL_FAILED;
    }
    n = read_names(&r, names, c->pool);
    if (ferror(r.in)) {
        close_file(r.in, c->argv[0]);
        return CTL_FAILED;
    }
    settle_logins(names, n);
    if (!check_names(c, names, n)) {
        fclose(r.in);
        return ctl_fail("the first line must name the columns, email among them");
    }
    apr_pool_create(&r.pool, c->pool);
    while (status == CTL_OK && read_row(&r)) {
        if (r.count > 1 || *r.cells[0] || r.open) {
            status = add_row(c, i, &r, names, n);
        }
    }
    if (!close_file(r.in, c->argv[0])) {
        status = CTL_FAILED;
    }
    return status == CTL_OK ? ctl_import_end(i) : status;
}
