/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* betterauthctl check: what configtest finds, and what only a running server shows. */

#include "ctl.h"

#include <apr_strings.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_SECONDS 5L

enum { GOOD, WARNING, BAD };

typedef struct findings {
    ctl *c;
    ctl_table *table;
    int worst;
} findings;

static void found(findings *f, int how, const char *what, const char *text)
{
    static const char *const words[] = {"ok", "warning", "bad"};
    const char *row[] = {what, words[how], text};

    ctl_table_add(f->table, row);
    f->worst = how > f->worst ? how : f->worst;
}

/* A line of httpd's is ours if it has a tag: what follows it. */
static const char *after_tag(const char *line)
{
    const char *tag = strstr(line, "BA0");

    return tag && strstr(tag, ": ") ? tag : NULL;
}

static void check_configuration(findings *f, int good)
{
    char *copy = apr_pstrdup(f->c->pool, f->c->said), *last;
    int lines = 0;

    for (char *line = apr_strtok(copy, "\n", &last); line; line = apr_strtok(NULL, "\n", &last)) {
        const char *ours = after_tag(line);

        if (ours || (!good && !strstr(line, "AH00558"))) {
            found(f, good ? WARNING : BAD, "configuration", ours ? ours : line);
            ++lines;
        }
    }
    if (f->c->unusable) {
        found(f, BAD, "configuration", f->c->unusable);
    }
    else if (good && !lines) {
        found(f, GOOD, "configuration", "httpd has nothing to complain about");
    }
}

static void check_tables(findings *f)
{
    ctl *c = f->c;
    int pending = ctl_schema_pending(c);
    const char *problem = ba_db_check(c->db, c->conn, c->pool);

    if (problem) {
        found(f, BAD, "tables", problem);
    }
    else if (pending < 0) {
        found(f, BAD, "tables", "the steps of sql/ cannot be read");
    }
    else if (pending) {
        found(f, WARNING, "tables", "there are steps to do: see betterauthctl migrate status");
    }
    else {
        found(f, GOOD, "tables", "complete");
    }
}

static void check_secret(findings *f, const char *path)
{
    struct stat info;

    if (stat(path, &info)) {
        found(f, WARNING, "secret", apr_psprintf(f->c->pool, "%s: %s", path, strerror(errno)));
    }
    else if (info.st_mode & 077) {
        found(f, WARNING, "secret",
              apr_psprintf(f->c->pool, "%s can be read by others than its owner: chmod 600", path));
    }
    else {
        found(f, GOOD, "secret", path);
    }
}

static size_t ignore(char *data, size_t size, size_t n, void *baton)
{
    (void)data, (void)baton;
    return size * n;
}

/* NULL: the API answers. From here it may not be reachable by the name that visitors use,
 * so it is never more than a warning. */
static const char *ask_api(const char *url, apr_pool_t *pool)
{
    CURL *curl = curl_easy_init();
    long status = 0;
    CURLcode rc = CURLE_FAILED_INIT;

    if (curl) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_SECONDS);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
        rc = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_cleanup(curl);
    }
    if (rc != CURLE_OK) {
        return apr_psprintf(pool, "%s: %s", url, curl_easy_strerror(rc));
    }
    return status == 200 ? NULL : apr_psprintf(pool, "%s answers %ld", url, status);
}

static void check_server(findings *f)
{
    const ctl *c = f->c;
    const char *url = apr_pstrcat(c->pool, c->settings.base_url ? c->settings.base_url : "",
                                  c->settings.base_path ? c->settings.base_path : "", "/ok", NULL);
    const char *problem;
    pid_t pid;

    if (!ctl_site_runs(c, &pid)) {
        found(f, WARNING, "server", "httpd does not run");
        return;
    }
    found(f, GOOD, "server", apr_psprintf(c->pool, "httpd runs, process %ld", (long)pid));
    if (access(c->revocations, R_OK | W_OK)) {
        found(f, WARNING, "revocation",
              apr_psprintf(c->pool,
                           "%s: %s; what is revoked from here is believed for the lifetime of "
                           "BetterAuthSessionCache",
                           c->revocations, strerror(errno)));
    }
    else {
        found(f, GOOD, "revocation", "what is revoked from here, the server refuses at once");
    }
    problem = ask_api(url, c->pool);
    found(f, problem ? WARNING : GOOD, "API", problem ? problem : url);
}

int ctl_check(ctl *c)
{
    static const ctl_column columns[] = {
        {"what", "WHAT", CTL_TEXT}, {"state", "STATE", CTL_TEXT}, {"text", "", CTL_TEXT}, {0}};
    findings f = {c, ctl_table_make(c, columns), GOOD};
    int status = ctl_site_find(c);

    if (!c->options.database) {
        check_configuration(&f, status == CTL_OK || c->unusable);
    }
    if (status == CTL_OK) {
        if (ctl_db_open(c) == CTL_OK) {
            found(&f, GOOD, "database", apr_pstrcat(c->pool, c->driver, ", reached", NULL));
            check_tables(&f);
        }
        else {
            found(&f, BAD, "database", "cannot be reached");
        }
        for (int i = 0; c->secret_files && i < c->secret_files->nelts; ++i) {
            if (APR_ARRAY_IDX(c->secret_files, i, const char *)) {
                check_secret(&f, APR_ARRAY_IDX(c->secret_files, i, const char *));
            }
        }
        if (c->pid_file) {
            check_server(&f);
        }
    }
    ctl_table_print(f.table, 0);
    return f.worst == GOOD ? status : CTL_FAILED;
}
