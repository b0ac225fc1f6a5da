/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What a run has to know of the site. httpd itself reads its configuration and says
 * (modules/http/ba_dump_ctl.h), so that there is one reader of it, and defines, includes,
 * environment and defaults count as they do for the server. */

#include "ctl.h"

#include "ba_json.h"
#include "ba_text.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the descriptor that httpd writes to. */
#define FROM_HTTPD 3

#define JSON_MAX (4 * 1024 * 1024)

extern char **environ;

/* ---- running httpd */

static const char *const *command_line(ctl *c, const char *define)
{
    const char *program = c->options.httpd;
    apr_array_header_t *all = apr_array_make(c->pool, 8, sizeof(const char *));
    char **words;

    if (!program) {
        program = access("/usr/sbin/apachectl", X_OK) ? "apachectl" : "/usr/sbin/apachectl";
    }
    if (apr_tokenize_to_argv(program, &words, c->pool) != APR_SUCCESS || !words[0]) {
        return NULL;
    }
    for (int i = 0; words[i]; ++i) {
        APR_ARRAY_PUSH(all, const char *) = words[i];
    }
    if (c->options.config) {
        APR_ARRAY_PUSH(all, const char *) = "-f";
        APR_ARRAY_PUSH(all, const char *) = c->options.config;
    }
    APR_ARRAY_PUSH(all, const char *) = "-t";
    if (define) {
        APR_ARRAY_PUSH(all, const char *) = "-D";
        APR_ARRAY_PUSH(all, const char *) = define;
    }
    APR_ARRAY_PUSH(all, const char *) = NULL;
    return (const char *const *)all->elts;
}

static const char *read_all(int fd, apr_pool_t *pool)
{
    char *text = NULL;
    apr_size_t used = 0, room = 0;
    ssize_t n = 1;

    while (n && used < JSON_MAX) {
        if (used + 1 >= room) {
            char *more = apr_palloc(pool, room ? 2 * room : 4096);

            if (used) {
                memcpy(more, text, used);
            }
            text = more;
            room = room ? 2 * room : 4096;
        }
        n = read(fd, text + used, room - used - 1);
        if (n < 0 && errno != EINTR) {
            break;
        }
        used += n > 0 ? (apr_size_t)n : 0;
        n = n < 0 ? 1 : n;
    }
    text[used] = '\0';
    return text;
}

/* Its own words go to a file without a name, since nobody would read a second pipe while
 * waiting for the first. */
static int start(const char *const *argv, int json, int words, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int rc = posix_spawn_file_actions_init(&actions);

    if (!rc) {
        rc = posix_spawn_file_actions_adddup2(&actions, words, STDOUT_FILENO);
        rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, words, STDERR_FILENO);
        rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, json, FROM_HTTPD);
        rc = rc ? rc
                : posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)(apr_uintptr_t)argv,
                               environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    return rc;
}

int ctl_site_ask_httpd(ctl *c, const char *define, const char **json, const char **said)
{
    const char *const *argv = command_line(c, define);
    FILE *words = tmpfile();
    int ends[2], rc, status = -1;
    pid_t pid;

    *json = *said = "";
    if (!argv || !words || pipe2(ends, O_CLOEXEC)) {
        ctl_fail("cannot run httpd: no memory, or a broken --httpd");
        return 0;
    }
    /* dup2() to the same number would leave close-on-exec set */
    while (ends[1] <= FROM_HTTPD) {
        ends[1] = fcntl(ends[1], F_DUPFD_CLOEXEC, FROM_HTTPD + 1);
    }
    rc = start(argv, ends[1], fileno(words), &pid);
    close(ends[1]);
    if (rc) {
        *said = apr_psprintf(c->pool, "cannot run %s: %s (see --httpd)", argv[0], strerror(rc));
        close(ends[0]);
        return 0;
    }
    *json = read_all(ends[0], c->pool);
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    lseek(fileno(words), 0, SEEK_SET);
    *said = read_all(fileno(words), c->pool);
    fclose(words);
    return status == 0;
}

int ctl_site_runs(const ctl *c, pid_t *pid)
{
    char line[32] = "";
    FILE *in = c->pid_file ? fopen(c->pid_file, "r") : NULL;

    *pid = 0;
    if (in) {
        if (fgets(line, sizeof(line), in)) {
            *pid = (pid_t)strtol(line, NULL, 10);
        }
        fclose(in);
    }
    return *pid > 1 && (!kill(*pid, 0) || errno == EPERM);
}

/* ---- what it said */

static const char *text_of(const json_t *from, const char *name, apr_pool_t *pool)
{
    const char *text = json_string_value(json_object_get(from, name));

    return text ? apr_pstrdup(pool, text) : NULL;
}

static apr_array_header_t *columns_of(const json_t *list, apr_pool_t *pool)
{
    apr_array_header_t *columns = apr_array_make(pool, 4, sizeof(ba_column));

    for (size_t i = 0; i < json_array_size(list); ++i) {
        const json_t *from = json_array_get(list, i);
        const char *type = text_of(from, "type", pool);
        ba_column *c = apr_array_push(columns);

        memset(c, 0, sizeof(*c));
        c->name = text_of(from, "name", pool);
        c->column = text_of(from, "column", pool);
        c->fallback = text_of(from, "default", pool);
        c->required = json_is_true(json_object_get(from, "required"));
        c->hidden = json_is_true(json_object_get(from, "hidden"));
        for (int t = 0; ba_column_types[t]; ++t) {
            if (type && !strcmp(type, ba_column_types[t])) {
                c->type = (ba_column_type)t;
            }
        }
    }
    return columns->nelts ? columns : NULL;
}

static apr_int64_t number_of(const json_t *from, const char *name)
{
    return (apr_int64_t)json_number_value(json_object_get(from, name));
}

static void take(ctl *c, const json_t *site)
{
    ba_settings *s = &c->settings;
    const json_t *files = json_object_get(site, "secretFiles");

    c->driver = text_of(site, "driver", c->pool);
    c->params = text_of(site, "params", c->pool);
    c->params = c->params ? c->params : "";
    c->secret_files = apr_array_make(c->pool, 2, sizeof(const char *));
    for (size_t i = 0; i < json_array_size(files); ++i) {
        const char *file = json_string_value(json_array_get(files, i));

        APR_ARRAY_PUSH(c->secret_files, const char *) = apr_pstrdup(c->pool, file);
    }
    s->base_url = text_of(site, "baseURL", c->pool);
    s->base_path = text_of(site, "basePath", c->pool);
    s->admin = json_is_true(json_object_get(site, "admin"));
    s->generate_id = json_is_true(json_object_get(site, "uuid")) ? BA_ID_UUID : BA_ID_RANDOM;
    s->hash.scheme
        = json_is_true(json_object_get(site, "scrypt")) ? BA_HASH_SCRYPT : BA_HASH_ARGON2ID;
    s->hash.memory_kib = (apr_uint32_t)number_of(site, "memory");
    s->hash.passes = (apr_uint32_t)number_of(site, "passes");
    s->hash.lanes = (apr_uint32_t)number_of(site, "lanes");
    s->password_length.min = number_of(site, "passwordMin");
    s->password_length.max = number_of(site, "passwordMax");
    s->mail_limit.max = number_of(site, "mailWindow");
    s->fields.user = columns_of(json_object_get(site, "userColumns"), c->pool);
    s->fields.session = columns_of(json_object_get(site, "sessionColumns"), c->pool);
}

static int same_text(const json_t *a, const json_t *b, const char *name)
{
    return json_equal(json_object_get(a, name), json_object_get(b, name));
}

static int is_named(const json_t *site, const char *name)
{
    const char *host = json_string_value(json_object_get(site, "name"));
    const char *url = json_string_value(json_object_get(site, "baseURL"));

    return (host && !strcasecmp(host, name)) || (url && !strcasecmp(url, name));
}

static int unusable(ctl *c, const char *why)
{
    c->unusable = why;
    return ctl_fail("%s", why);
}

/* Virtual hosts of one database, such as http and https, are one site. */
static const json_t *choose(ctl *c, const json_t *sites)
{
    const json_t *found = NULL;
    const char *others = "";

    for (size_t i = 0; i < json_array_size(sites); ++i) {
        const json_t *site = json_array_get(sites, i);

        if (c->options.site && !is_named(site, c->options.site)) {
            continue;
        }
        if (found && (!same_text(found, site, "driver") || !same_text(found, site, "params"))) {
            others = apr_pstrcat(c->pool, others, " ",
                                 json_string_value(json_object_get(site, "baseURL")), NULL);
        }
        found = found ? found : site;
    }
    if (!found) {
        unusable(c, c->options.site ? "this configuration has no site of that name: see --site"
                                    : "no server of this configuration has BetterAuthSecret and "
                                      "a database");
    }
    else if (*others) {
        unusable(c, apr_pstrcat(c->pool,
                                "these sites have different databases, so choose one with --site: ",
                                json_string_value(json_object_get(found, "baseURL")), others, NULL));
        return NULL;
    }
    return found;
}

static int from_httpd(ctl *c)
{
    const char *text;
    const json_t *site;
    json_t *all;
    ba_bytes bytes;
    int good = ctl_site_ask_httpd(c, "DUMP_BETTERAUTH_CTL", &text, &c->said);

    if (!good) {
        fputs(c->said, stderr);
        return ctl_fail("httpd refuses its configuration, see above; --database works without");
    }
    bytes.data = text;
    bytes.len = strlen(text);
    all = *text ? ba_json_parse(bytes, c->pool) : NULL;
    if (!all || number_of(all, "version") != 1) {
        return unusable(c, "httpd does not load mod_betterauth, or another version of it");
    }
    site = choose(c, json_object_get(all, "sites"));
    if (!site) {
        return CTL_FAILED;
    }
    take(c, site);
    c->run_as = text_of(all, "user", c->pool);
    c->pid_file = text_of(all, "pidFile", c->pool);
    c->revocations = text_of(all, "revocations", c->pool);
    return CTL_OK;
}

/* ---- --database */

static const char *line_of(ctl *c, const char *path)
{
    char *line = apr_pcalloc(c->pool, 4096);
    FILE *in = fopen(path, "r");

    if (!in || !fgets(line, 4096, in)) {
        ctl_fail("cannot read %s", path);
        line = NULL;
    }
    else {
        line[strcspn(line, "\r\n")] = '\0';
    }
    if (in) {
        fclose(in);
    }
    return line;
}

int ctl_site_database(ctl *c, const char *text, const char **driver, const char **params)
{
    int from_file = !strncmp(text, "file:", 5);
    const char *line = from_file ? line_of(c, text + 5) : text;
    const char *colon = line ? strchr(line, ':') : NULL;

    if (!line) {
        return 0;
    }
    if (!colon || !colon[1]) {
        ctl_fail("a database is sqlite3:PATH, mysql:PARAMS, or file:PATH with such a line");
        return 0;
    }
    /* everybody on this machine can read arguments */
    if (!from_file && strstr(colon, "pass=")) {
        ctl_fail("a password is no argument: write the line into a file, and give file:PATH");
        return 0;
    }
    *driver = apr_pstrmemdup(c->pool, line, (apr_size_t)(colon - line));
    *params = apr_pstrdup(c->pool, colon + 1);
    return 1;
}

int ctl_site_find(ctl *c)
{
    static const ba_hash_params usual = {BA_HASH_ARGON2ID, 19456, 2, 1};

    c->said = "";
    if (!c->options.database) {
        return from_httpd(c);
    }
    c->settings.hash = usual;
    c->settings.password_length.min = 8;
    c->settings.password_length.max = 128;
    return ctl_site_database(c, c->options.database, &c->driver, &c->params) ? CTL_OK : CTL_USAGE;
}
