/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* betterauthctl: users, sessions, tables and mail of a site, from a shell. A command is a
 * row of commands[], an option one of all_options[]; the rest is in the other files. */

#include "ctl.h"

#include <apr_dbd.h>
#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- options */

typedef struct option {
    const char *name;
    int letter; /* also its number */
    int takes;  /* a value, whose name the help shows */
    apr_size_t member;
    const char *help;
} option;


static const option all_options[] = {
    {"config", 'f', 1, offsetof(ctl_options, config), "FILE: httpd's configuration, as httpd -f"},
    {"httpd", 1001, 1, offsetof(ctl_options, httpd), "COMMAND that runs httpd (apachectl)"},
    {"site", 1002, 1, offsetof(ctl_options, site), "NAME or base URL of the virtual host"},
    {"database", 1003, 1, offsetof(ctl_options, database),
     "DRIVER:PARAMS or file:PATH: do not ask httpd"},
    {"secret-file", 1004, 1, offsetof(ctl_options, secret_file), "FILE of BetterAuthSecret"},
    {"name", 'n', 1, offsetof(ctl_options, name), "NAME of a new user"},
    {"role", 1005, 1, offsetof(ctl_options, role), "ROLE of a new user"},
    {"verified", 1006, 0, offsetof(ctl_options, verified), "the new user's address is verified"},
    {"no-password", 1007, 0, offsetof(ctl_options, no_password),
     "user add: without one; export: leave hashes out"},
    {"keep-sessions", 1008, 0, offsetof(ctl_options, keep_sessions),
     "a new password ends no session"},
    {"reason", 1009, 1, offsetof(ctl_options, reason), "TEXT: why somebody is banned"},
    {"for", 1010, 1, offsetof(ctl_options, period), "TIME that a ban lasts, such as 7d"},
    {"user", 'u', 1, offsetof(ctl_options, user), "USER whose sessions are revoked"},
    {"all", 'a', 0, offsetof(ctl_options, all), "all of them"},
    {"domain", 1011, 1, offsetof(ctl_options, domain), "DOMAIN of names without @"},
    {"owner", 1012, 1, offsetof(ctl_options, owner), "USER who gets a new SQLite file"},
    {"drop-old", 1013, 0, offsetof(ctl_options, drop_old), "forget older secrets"},
    {"dry-run", 1014, 0, offsetof(ctl_options, dry_run), "migrate up, import: write nothing"},
    {"json", 'j', 0, offsetof(ctl_options, json), "answer in JSON"},
    {"yes", 'y', 0, offsetof(ctl_options, yes), "do not ask"},
    {"help", 'h', 0, (apr_size_t)-1, "show this"},
    {"version", 'V', 0, (apr_size_t)-1, "show the version"},
};

#define OPTIONS (sizeof(all_options) / sizeof(all_options[0]))

/* ---- commands */

typedef struct command {
    const char *words[2]; /* the second may be NULL */
    const char *arguments;
    int min, max; /* how many of them; -1: any number */
    int needs;
    int (*run)(ctl *c);
    const char *help;
} command;

/* What is there before a command runs, and whether it can do so without writing. */
enum { NOTHING, SITE, DATABASE, NEEDS = 3, DRY = 4 };

static const command commands[] = {
    {{"init", NULL}, "", 0, 0, NOTHING, ctl_init, "make a secret file and the tables"},
    {{"migrate", "status"}, "", 0, 0, DATABASE, ctl_migrate_status,
     "which steps of the tables are done"},
    {{"migrate", "up"}, "", 0, 0, SITE | DRY, ctl_migrate_up, "do those that are not"},
    {{"check", NULL}, "", 0, 0, NOTHING, ctl_check, "look for what is wrong"},
    {{"user", "add"}, "EMAIL", 1, 1, DATABASE, ctl_user_add, "add a user"},
    {{"user", "list"}, "[TEXT]", 0, 1, DATABASE, ctl_user_list,
     "all users, or those with TEXT in name or address"},
    {{"user", "show"}, "USER", 1, 1, DATABASE, ctl_user_show, "one user, by address or id"},
    {{"user", "ban"}, "USER", 1, 1, DATABASE, ctl_user_ban, "end their sessions, and let none begin"},
    {{"user", "unban"}, "USER", 1, 1, DATABASE, ctl_user_unban, "let them sign in again"},
    {{"user", "delete"}, "USER", 1, 1, DATABASE, ctl_user_delete, "delete a user"},
    {{"user", "role"}, "USER ROLE", 2, 2, DATABASE, ctl_user_role, "set the role, or roles with commas"},
    {{"user", "set-password"}, "USER", 1, 1, DATABASE, ctl_user_set_password,
     "set a password, from the terminal or stdin"},
    {{"user", "verify"}, "USER", 1, 1, DATABASE, ctl_user_verify, "mark the address as verified"},
    {{"session", "list"}, "[USER]", 0, 1, DATABASE, ctl_session_list, "sessions, of one user or all"},
    {{"session", "revoke"}, "[ID ...]", 0, -1, DATABASE, ctl_session_revoke,
     "end sessions by id, --user or --all"},
    {{"import", "htpasswd"}, "FILE", 1, 1, DATABASE | DRY, ctl_import_htpasswd,
     "users of an htpasswd file"},
    {{"import", "csv"}, "FILE", 1, 1, DATABASE | DRY, ctl_import_csv,
     "users of a table with a line of names"},
    {{"import", "better-auth"}, "DATABASE", 1, 1, DATABASE | DRY, ctl_import_better_auth,
     "users of a database of Better Auth"},
    {{"export", NULL}, "", 0, 0, DATABASE, ctl_export, "all users, with hashes, as import csv reads them"},
    {{"secret", "rotate"}, "", 0, 0, SITE, ctl_secret_rotate, "put a new secret before the old ones"},
    {{"mail", "queue"}, "", 0, 0, DATABASE, ctl_mail_queue, "mails that are not sent"},
    {{"mail", "retry"}, "[ID ...]", 0, -1, DATABASE, ctl_mail_retry, "try again now, by id or --all"},
    {{"sweep", NULL}, "", 0, 0, DATABASE, ctl_sweep, "delete what has expired"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
    fputs("usage: betterauthctl [OPTION ...] COMMAND [ARGUMENT ...]\n\ncommands:\n", out);
    for (apr_size_t i = 0; i < COMMANDS; ++i) {
        const command *one = &commands[i];
        char left[64];

        apr_snprintf(left, sizeof(left), "%s%s%s%s%s", one->words[0], one->words[1] ? " " : "",
                     one->words[1] ? one->words[1] : "", *one->arguments ? " " : "",
                     one->arguments);
        fprintf(out, "  %-30s %s\n", left, one->help);
    }
    fputs("\noptions:\n", out);
    for (apr_size_t i = 0; i < OPTIONS; ++i) {
        const option *o = &all_options[i];

        fprintf(out, "  %c%c --%-15s %s\n", o->letter < 256 ? '-' : ' ',
                o->letter < 256 ? o->letter : ' ', o->name, o->help);
    }
    fputs("\nSee betterauthctl(8).\n", out);
}

static int wrong_use(const char *format, const char *text)
{
    fprintf(stderr, "betterauthctl: %s%s\nTry betterauthctl --help.\n", format, text);
    return CTL_USAGE;
}

/* Reads the options, wherever they stand, and leaves the rest in c. -1: go on. */
static int read_options(ctl *c, int argc, const char *const *argv)
{
    apr_getopt_option_t table[OPTIONS + 1] = {{0}};
    apr_getopt_t *state;
    const char *value;
    apr_status_t rv;
    int number;

    for (apr_size_t i = 0; i < OPTIONS; ++i) {
        table[i].name = all_options[i].name;
        table[i].optch = all_options[i].letter;
        table[i].has_arg = all_options[i].takes;
    }
    apr_getopt_init(&state, c->pool, argc, argv);
    state->interleave = 1;
    while ((rv = apr_getopt_long(state, table, &number, &value)) == APR_SUCCESS) {
        const option *o = all_options;

        while (o->letter != number) {
            ++o;
        }
        if (number == 'h') {
            usage(stdout);
            return CTL_OK;
        }
        if (number == 'V') {
            puts("betterauthctl " BA_VERSION);
            return CTL_OK;
        }
        if (o->takes) {
            *(const char **)((char *)&c->options + o->member) = value;
        }
        else {
            *(int *)((char *)&c->options + o->member) = 1;
        }
    }
    c->argc = argc - state->ind;
    c->argv = state->argv + state->ind;
    return rv == APR_EOF ? -1 : CTL_USAGE; /* apr_getopt has said why */
}

static const command *find_command(ctl *c)
{
    for (apr_size_t i = 0; i < COMMANDS; ++i) {
        const command *one = &commands[i];
        int words = one->words[1] ? 2 : 1;

        if (c->argc >= words && !strcmp(c->argv[0], one->words[0])
            && (words == 1 || !strcmp(c->argv[1], one->words[1]))) {
            c->argc -= words;
            c->argv += words;
            return one;
        }
    }
    return NULL;
}

static int run(ctl *c, const command *one)
{
    int needs = one->needs & NEEDS;
    int status = needs == NOTHING ? CTL_OK : ctl_site_find(c);

    if (status == CTL_OK && needs == DATABASE) {
        status = ctl_db_open(c);
    }
    status = status == CTL_OK ? one->run(c) : status;
    if (c->untold) {
        ctl_fail("it is done, but the running server could not be told (%s: %s): it may believe "
                 "what it knew for the lifetime of BetterAuthSessionCache",
                 c->revocations, strerror(c->untold));
        status = status == CTL_OK ? CTL_UNTOLD : status;
    }
    return status;
}

static int find_and_run(ctl *c)
{
    const command *one = find_command(c);

    if (!one) {
        return c->argc ? wrong_use("there is no command ", c->argv[0])
                       : wrong_use("which command?", "");
    }
    if (c->argc < one->min || (one->max >= 0 && c->argc > one->max)) {
        return wrong_use(c->argc < one->min ? "this command takes " : "too many: it takes ",
                         *one->arguments ? one->arguments : "no arguments");
    }
    if (c->options.dry_run && !(one->needs & DRY)) {
        return wrong_use("--dry-run is for migrate up and import: nothing was done", "");
    }
    return run(c, one);
}

int main(int argc, const char *const *argv, const char *const *env)
{
    ctl c = {0};
    int status;

    if (apr_app_initialize(&argc, &argv, &env) != APR_SUCCESS
        || apr_pool_create(&c.pool, NULL) != APR_SUCCESS
        || apr_dbd_init(c.pool) != APR_SUCCESS) {
        return ctl_fail("cannot begin: no memory?");
    }
    c.now = apr_time_as_msec(apr_time_now());
    status = read_options(&c, argc, argv);
    if (status < 0) {
        status = find_and_run(&c);
    }
    /* a full disk is seen when what was said leaves the buffer */
    if ((fflush(stdout) || ferror(stdout)) && status == CTL_OK) {
        status = ctl_fail("cannot write what there is to say");
    }
    apr_pool_destroy(c.pool);
    apr_terminate();
    return status;
}
