/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The steps under sql/: which of them the database has, and making those it lacks. What
 * counts is what is there, and not a note of what was run once: tables that Better Auth or
 * somebody with a client has made are as good. */

#include "ctl.h"

#include <apr_file_info.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_MAX (256 * 1024)

/* One statement of a step, and the table's column that tells whether it was run. */
typedef struct statement {
    const char *sql;
    const char *table, *column; /* NULL: nothing tells */
    int adds;                   /* fails where the column is there */
} statement;

typedef struct step {
    const char *name;
    apr_array_header_t *statements; /* of statement */
    const char *lacks;              /* "" if all is there */
    int makes, there;
} step;

/* ---- reading */

/* What stands between the next two quotes of a dialect. */
static const char *quoted(const char **at, apr_pool_t *pool)
{
    const char *start = strpbrk(*at, "`\""), *end = start ? strpbrk(start + 1, "`\"") : NULL;

    if (!end) {
        return NULL;
    }
    *at = end + 1;
    return apr_pstrmemdup(pool, start + 1, (apr_size_t)(end - start) - 1);
}

static void read_statement(apr_array_header_t *all, const char *sql, apr_pool_t *pool)
{
    const char *create = strstr(sql, "CREATE TABLE"), *alter = strstr(sql, "ALTER TABLE");
    const char *at = create ? create : alter;
    statement *s;

    while (apr_isspace(*sql)) {
        ++sql;
    }
    if (!*sql) {
        return;
    }
    s = apr_array_push(all);
    memset(s, 0, sizeof(*s));
    s->sql = sql;
    if (at && (s->table = quoted(&at, pool)) != NULL) {
        s->column = quoted(&at, pool);
    }
    s->adds = alter == sql;
}

/* Comments go, and a statement ends with a semicolon at the end of a line. */
static apr_array_header_t *read_statements(char *text, apr_pool_t *pool)
{
    apr_array_header_t *all = apr_array_make(pool, 8, sizeof(statement));
    const char *sql = "";
    char *last;

    for (char *line = apr_strtok(text, "\n", &last); line; line = apr_strtok(NULL, "\n", &last)) {
        apr_size_t len = strlen(line);

        if (!strncmp(line, "--", 2)) {
            continue;
        }
        if (len && line[len - 1] == ';') {
            line[len - 1] = '\0';
            read_statement(all, apr_pstrcat(pool, sql, line, NULL), pool);
            sql = "";
        }
        else {
            sql = apr_pstrcat(pool, sql, line, "\n", NULL);
        }
    }
    return all;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const step *)a)->name, ((const step *)b)->name);
}

static const char *folder(const ctl *c)
{
    return apr_pstrcat(c->pool, BA_SQL_DIR "/", ba_db_dialect(c->driver), NULL);
}

static char *read_file(const ctl *c, const char *name)
{
    const char *path = apr_pstrcat(c->pool, folder(c), "/", name, NULL);
    char *text = apr_pcalloc(c->pool, STEP_MAX);
    FILE *in = fopen(path, "r");

    if (!in) {
        ctl_fail("cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    text[fread(text, 1, STEP_MAX - 1, in)] = '\0';
    fclose(in);
    return text;
}

static int is_step(const char *name)
{
    apr_size_t len = strlen(name);

    return apr_isdigit(*name) && len > 4 && !strcmp(name + len - 4, ".sql");
}

/* Of step, in order; NULL: it has said why not. */
static apr_array_header_t *read_steps(const ctl *c)
{
    apr_array_header_t *steps = apr_array_make(c->pool, 8, sizeof(step));
    apr_finfo_t entry;
    apr_dir_t *dir;

    if (apr_dir_open(&dir, folder(c), c->pool) != APR_SUCCESS) {
        ctl_fail("cannot read %s", folder(c));
        return NULL;
    }
    while (apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (is_step(entry.name)) {
            step *s = apr_array_push(steps);

            memset(s, 0, sizeof(*s));
            s->name = apr_pstrdup(c->pool, entry.name);
        }
    }
    apr_dir_close(dir);
    qsort(steps->elts, (size_t)steps->nelts, sizeof(step), by_name);
    for (int i = 0; i < steps->nelts; ++i) {
        step *s = &APR_ARRAY_IDX(steps, i, step);
        char *text = read_file(c, s->name);

        if (!text) {
            return NULL;
        }
        s->statements = read_statements(text, c->pool);
    }
    return steps;
}

/* ---- looking */

static int is_there(const ctl *c, const statement *s)
{
    return ba_db_has(c->conn, s->table, s->column, c->pool);
}

static void look(const ctl *c, step *s)
{
    s->lacks = "";
    s->makes = s->there = 0;
    for (int i = 0; i < s->statements->nelts; ++i) {
        const statement *one = &APR_ARRAY_IDX(s->statements, i, statement);

        if (!one->column) {
            continue;
        }
        ++s->makes;
        if (is_there(c, one)) {
            ++s->there;
        }
        else {
            s->lacks = apr_pstrcat(c->pool, s->lacks, *s->lacks ? " " : "", one->table, ".",
                                   one->column, NULL);
        }
    }
}

static apr_array_header_t *look_at_all(const ctl *c)
{
    apr_array_header_t *steps = read_steps(c);

    for (int i = 0; steps && i < steps->nelts; ++i) {
        look(c, &APR_ARRAY_IDX(steps, i, step));
    }
    return steps;
}

int ctl_schema_pending(ctl *c)
{
    const apr_array_header_t *steps = look_at_all(c);
    int n = 0;

    for (int i = 0; steps && i < steps->nelts; ++i) {
        n += *APR_ARRAY_IDX(steps, i, step).lacks != '\0';
    }
    return steps ? n : -1;
}

int ctl_migrate_status(ctl *c)
{
    static const ctl_column columns[] = {
        {"step", "STEP", CTL_TEXT}, {"state", "STATE", CTL_TEXT}, {"lacks", "LACKS", CTL_TEXT}, {0}};
    const apr_array_header_t *steps = look_at_all(c);
    ctl_table *t = ctl_table_make(c, columns);
    int pending = 0;

    if (!steps) {
        return CTL_FAILED;
    }
    for (int i = 0; i < steps->nelts; ++i) {
        const step *s = &APR_ARRAY_IDX(steps, i, step);
        const char *row[] = {s->name, !*s->lacks ? "done" : s->there ? "in part" : "to do",
                             *s->lacks ? s->lacks : NULL};

        pending += *s->lacks != '\0';
        ctl_table_add(t, row);
    }
    ctl_table_print(t, 0);
    return pending ? CTL_FAILED : CTL_OK;
}

/* ---- making */

/* SQLite's alone. No column tells whether it is there, and tables of older servers lack some. */
static int is_index(const statement *s)
{
    return !strncmp(s->sql, "CREATE INDEX IF NOT EXISTS", 26);
}

/* Statements of MySQL's steps look for themselves what is there. */
static int run(ctl *c, const step *s)
{
    for (int i = 0; i < s->statements->nelts; ++i) {
        const statement *one = &APR_ARRAY_IDX(s->statements, i, statement);
        const char *problem;

        if (!*s->lacks && !is_index(one)) {
            continue;
        }
        if (one->adds && one->column && is_there(c, one)) {
            continue;
        }
        if (c->options.dry_run) {
            printf("%s;\n", one->sql);
            continue;
        }
        problem = ba_db_run(c->conn, one->sql, c->pool);
        if (problem) {
            ctl_fail("%s: %s", s->name, problem);
            return 0;
        }
    }
    return 1;
}

/* What no step makes: the operator's own columns. */
static int complete(ctl *c)
{
    const char *problem = ba_db_check(c->db, c->conn, c->pool);

    if (problem) {
        ctl_fail("the tables are still not complete: %s", problem);
    }
    return !problem;
}

int ctl_schema_up(ctl *c)
{
    const apr_array_header_t *steps = look_at_all(c);
    int n = 0;

    if (!steps) {
        return CTL_FAILED;
    }
    for (int i = 0; i < steps->nelts; ++i) {
        const step *s = &APR_ARRAY_IDX(steps, i, step);

        if (!*s->lacks && c->options.dry_run) {
            continue;
        }
        if (c->options.dry_run) {
            printf("-- %s\n", s->name);
        }
        if (!run(c, s)) {
            return CTL_DATABASE;
        }
        if (!*s->lacks) {
            continue;
        }
        ++n;
        if (!c->options.dry_run) {
            ctl_say(c, "%s: done", s->name);
        }
    }
    if (c->options.dry_run) {
        return CTL_OK;
    }
    return complete(c) ? ctl_done(c, "steps", n, n ? "The tables are complete."
                                                   : "The tables were complete already.")
                       : CTL_FAILED;
}

/* 0: nobody whom --owner names, or nobody to whom we can give a file. */
static int find_owner(const ctl *c, const struct passwd **user)
{
    const char *owner = c->options.owner ? c->options.owner : c->run_as;

    *user = owner ? getpwnam(owner) : NULL;
    if (!c->options.owner || (*user && (!geteuid() || geteuid() == (*user)->pw_uid))) {
        return 1;
    }
    ctl_fail(*user ? "only root can make a file for %s" : "there is no user %s on this machine",
             owner);
    return 0;
}

/* An SQLite file that its server can write. */
static int make_file(const ctl *c)
{
    const struct passwd *user;
    int fd;

    if (strcmp(c->driver, "sqlite3") || !access(c->params, F_OK) || c->options.dry_run) {
        return 1;
    }
    if (!find_owner(c, &user)) {
        return 0;
    }
    fd = open(c->params, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        ctl_fail("cannot make %s: %s", c->params, strerror(errno));
        return 0;
    }
    if (user && geteuid() == 0 && fchown(fd, user->pw_uid, user->pw_gid)) {
        user = NULL;
    }
    close(fd);
    if (geteuid() == 0 && !user) {
        ctl_say(c, "%s belongs to root: httpd's children must be able to write it and its "
                   "folder (see --owner)",
                c->params);
    }
    return 1;
}

int ctl_migrate_up(ctl *c)
{
    int status;

    if (c->options.dry_run && !strcmp(c->driver, "sqlite3") && access(c->params, F_OK)) {
        c->params = CTL_NO_FILE;
    }
    status = make_file(c) ? ctl_db_open(c) : CTL_FAILED;
    return status == CTL_OK ? ctl_schema_up(c) : status;
}
