/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Tables, JSON, questions to the person at the terminal. */

#include "ctl.h"

#include "ba_json.h"
#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_MAX 4096

struct ctl_table {
    ctl *c;
    const ctl_column *columns;
    int count;
    apr_array_header_t *rows; /* const char *const *, of count values */
};

/* ---- lines */

int ctl_fail(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("betterauthctl: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return CTL_FAILED;
}

void ctl_say(const ctl *c, const char *format, ...)
{
    va_list args;

    if (c->options.json) {
        return;
    }
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static void print_json(ctl *c, const json_t *json)
{
    const char *text = ba_json_text(json, c->pool);

    puts(text ? text : "null");
}

int ctl_done(ctl *c, const char *key, apr_int64_t n, const char *format, ...)
{
    va_list args;

    if (c->options.json) {
        json_t *json = ba_json_object(c->pool);

        json_object_set_new(json, key, json_integer(n));
        print_json(c, json);
        return CTL_OK;
    }
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    return CTL_OK;
}

int ctl_good_text(const char *what, const char *text, apr_size_t max)
{
    if (!ba_text_is_utf8(text, strlen(text))) {
        ctl_fail("%s is not in UTF-8", what);
        return 0;
    }
    if (ba_text_length(text) > max) {
        ctl_fail("%s has more than %" APR_SIZE_T_FMT " characters", what, max);
        return 0;
    }
    return 1;
}

const char *ctl_plain(const char *text, apr_pool_t *pool)
{
    char *out = apr_pstrdup(pool, text);

    for (unsigned char *p = (unsigned char *)out; *p; ++p) {
        if (*p < ' ' || *p == 0x7F) {
            *p = '?';
        }
        else if (*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0) { /* C1 controls in UTF-8 */
            p[0] = p[1] = '?';
        }
    }
    return out;
}

const char *ctl_date(ba_time t, apr_pool_t *pool)
{
    return t ? ba_text_iso_date(t, pool) : NULL;
}

/* ---- tables */

ctl_table *ctl_table_make(ctl *c, const ctl_column *columns)
{
    ctl_table *t = apr_pcalloc(c->pool, sizeof(*t));

    t->c = c;
    t->columns = columns;
    while (columns[t->count].key) {
        ++t->count;
    }
    t->rows = apr_array_make(c->pool, 64, sizeof(const char *const *));
    return t;
}

void ctl_table_add(ctl_table *t, const char *const *values)
{
    APR_ARRAY_PUSH(t->rows, const char *const *)
        = apr_pmemdup(t->c->pool, values, (apr_size_t)t->count * sizeof(*values));
}

static json_t *row_json(const ctl_table *t, const char *const *row)
{
    json_t *json = json_object();

    for (int i = 0; i < t->count; ++i) {
        json_t *value = !row[i]                             ? json_null()
                        : t->columns[i].kind == CTL_FLAG    ? json_boolean(*row[i] == '1')
                        : t->columns[i].kind == CTL_NUMBER  ? json_integer(apr_atoi64(row[i]))
                                                            : json_string(row[i]);

        json_object_set_new(json, t->columns[i].key, value ? value : json_null());
    }
    return json;
}

static const char *shown(const ctl_table *t, const char *const *row, int i)
{
    if (!row[i] || !*row[i]) {
        return "-";
    }
    return t->columns[i].kind == CTL_FLAG ? (*row[i] == '1' ? "yes" : "no")
                                          : ctl_plain(row[i], t->c->pool);
}

static void print_cell(const char *text, apr_size_t width, int last)
{
    apr_size_t len = ba_text_length(text);

    fputs(text, stdout);
    for (; !last && len < width + 2; ++len) {
        putchar(' ');
    }
}

static void print_columns(const ctl_table *t)
{
    apr_size_t *width = apr_pcalloc(t->c->pool, (apr_size_t)t->count * sizeof(*width));

    for (int i = 0; i < t->count; ++i) {
        width[i] = strlen(t->columns[i].title);
        for (int r = 0; r < t->rows->nelts; ++r) {
            apr_size_t len
                = ba_text_length(shown(t, APR_ARRAY_IDX(t->rows, r, const char *const *), i));

            width[i] = len > width[i] ? len : width[i];
        }
    }
    for (int r = -1; r < t->rows->nelts; ++r) {
        for (int i = 0; i < t->count; ++i) {
            print_cell(r < 0 ? t->columns[i].title
                             : shown(t, APR_ARRAY_IDX(t->rows, r, const char *const *), i),
                       width[i], i == t->count - 1);
        }
        putchar('\n');
    }
}

static void print_lines(const ctl_table *t, const char *const *row)
{
    apr_size_t width = 0;

    for (int i = 0; i < t->count; ++i) {
        apr_size_t len = strlen(t->columns[i].title);

        width = len > width ? len : width;
    }
    for (int i = 0; i < t->count; ++i) {
        print_cell(t->columns[i].title, width, 0);
        puts(shown(t, row, i));
    }
}

void ctl_table_print(ctl_table *t, int one)
{
    json_t *all;

    if (!t->c->options.json) {
        if (one) {
            print_lines(t, APR_ARRAY_IDX(t->rows, 0, const char *const *));
        }
        else {
            print_columns(t);
        }
        return;
    }
    all = ba_json_array(t->c->pool);
    for (int r = 0; r < t->rows->nelts; ++r) {
        json_array_append_new(all, row_json(t, APR_ARRAY_IDX(t->rows, r, const char *const *)));
    }
    print_json(t->c, one ? json_array_get(all, 0) : all);
}

/* ---- questions */

int ctl_confirm(const ctl *c, const char *format, ...)
{
    char answer[16] = "";
    va_list args;

    if (c->options.yes) {
        return 1;
    }
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    if (!isatty(STDIN_FILENO)) {
        fputs(" Give --yes to do it without being asked.\n", stderr);
        return 0;
    }
    fputs(" [y/N] ", stderr);
    return fgets(answer, sizeof(answer), stdin) && apr_tolower(answer[0]) == 'y';
}

static volatile sig_atomic_t interrupted;

static void note_signal(int signal)
{
    interrupted = signal;
}

static ssize_t read_hidden(char *line)
{
    struct termios shown, hidden;
    ssize_t len = -1;

    if (tcgetattr(STDIN_FILENO, &shown) != 0) {
        return -1;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    hidden.c_lflag |= ECHONL;
    hidden.c_cc[VSUSP] = _POSIX_VDISABLE; /* it would leave a terminal that shows nothing */
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0 && !interrupted) {
        len = read(STDIN_FILENO, line, PASSWORD_MAX - 1);
    }
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    return len;
}

/* A line that is not shown. A signal ends the program, as it does elsewhere, once the terminal
 * shows again what is typed; getpass(), which APR has, takes Ctrl-C for a character. */
static int ask_hidden(const char *prompt, char *line)
{
    static const int ends[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    struct sigaction ours = {.sa_handler = note_signal}, before[sizeof(ends) / sizeof(ends[0])];
    ssize_t len;

    for (apr_size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); ++i) {
        sigaction(ends[i], &ours, &before[i]);
    }
    fputs(prompt, stderr);
    len = read_hidden(line);
    for (apr_size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); ++i) {
        sigaction(ends[i], &before[i], NULL);
    }
    if (interrupted) {
        fputc('\n', stderr);
        raise(interrupted);
    }
    line[len > 0 ? len : 0] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return len > 0;
}

static int from_terminal(ctl *c, ba_bytes *password)
{
    char *first = apr_pcalloc(c->pool, PASSWORD_MAX), *again = apr_pcalloc(c->pool, PASSWORD_MAX);

    if (!ask_hidden("New password: ", first) || !ask_hidden("Once more: ", again)) {
        ctl_fail("cannot read a password");
        return 0;
    }
    if (strcmp(first, again)) {
        ctl_fail("the two passwords differ");
        return 0;
    }
    password->data = first;
    password->len = strlen(first);
    return 1;
}

int ctl_password(ctl *c, ba_bytes *password)
{
    apr_size_t length;

    if (isatty(STDIN_FILENO)) {
        if (!from_terminal(c, password)) {
            return 0;
        }
    }
    else {
        char *line = apr_pcalloc(c->pool, PASSWORD_MAX);

        if (!fgets(line, PASSWORD_MAX, stdin)) {
            ctl_fail("no password on stdin");
            return 0;
        }
        line[strcspn(line, "\r\n")] = '\0';
        password->data = line;
        password->len = strlen(line);
    }
    /* browsers send UTF-8: another encoding of it would be another password */
    if (!ctl_good_text("the password", password->data, PASSWORD_MAX)) {
        return 0;
    }
    length = ba_text_utf16_length(password->data, password->len);
    if (length < (apr_size_t)c->settings.password_length.min
        || length > (apr_size_t)c->settings.password_length.max) {
        ctl_fail("a password has %d to %d characters", (int)c->settings.password_length.min,
                 (int)c->settings.password_length.max);
        return 0;
    }
    return 1;
}
