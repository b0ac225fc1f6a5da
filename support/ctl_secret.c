/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* betterauthctl init, and secret rotate. */

#include "ctl.h"

#include "ba_random.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_CHARS 48
#define FILE_MAX 4096

/* Lines that a file of BetterAuthSecret may have; the same as ba_kinds_secret.c reads. */
#define SECRETS_MAX 8

/* A file of these bytes, on the disk when this is over, or none; errno says why. */
static int write_new(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    ssize_t len = (ssize_t)strlen(text);
    int saved;

    if (fd < 0) {
        return 0;
    }
    if (write(fd, text, (size_t)len) == len && !fsync(fd) && !close(fd)) {
        return 1;
    }
    saved = errno;
    close(fd);
    unlink(path);
    errno = saved;
    return 0;
}

static int make_secret(ctl *c, const char *path)
{
    const char *secret = ba_random_text(SECRET_CHARS, c->pool);

    if (!secret || !write_new(path, apr_pstrcat(c->pool, secret, "\n", NULL))) {
        if (secret && errno == EEXIST) {
            ctl_say(c, "%s: there already, kept", path);
            return 1;
        }
        ctl_fail("cannot make %s: %s", path,
                 secret ? strerror(errno) : "the random generator failed");
        return 0;
    }
    ctl_say(c, "%s: made", path);
    return 1;
}

static void show_configuration(const ctl *c)
{
    ctl_say(c, "\nWrite into the configuration of httpd:\n\n"
               "    DBDriver %s\n"
               "    DBDParams \"%s\"\n"
               "    BetterAuthSecret file:%s\n"
               "    <Location \"/api/auth\">\n"
               "        SetHandler betterauth\n"
               "    </Location>\n"
               "    <Location \"/auth\">\n"
               "        SetHandler betterauth-pages\n"
               "    </Location>",
            c->driver,
            strstr(c->params, "pass=") ? "host=... user=... pass=... dbname=... reconnect=0 "
                                         "flags=CLIENT_FOUND_ROWS"
                                       : c->params,
            c->options.secret_file ? c->options.secret_file : "...");
}

/* The secret first: httpd refuses a configuration that names a file which is not there. */
int ctl_init(ctl *c)
{
    int status;

    if (c->options.secret_file && !make_secret(c, c->options.secret_file)) {
        return CTL_FAILED;
    }
    status = ctl_site_find(c);
    status = status == CTL_OK ? ctl_migrate_up(c) : status;
    if (status == CTL_OK && c->options.database) {
        show_configuration(c);
    }
    return status;
}

/* ---- rotation */

static const char *read_file(ctl *c, const char *path, struct stat *info)
{
    char *text = apr_pcalloc(c->pool, FILE_MAX + 1);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 || fstat(fd, info) ? -1 : read(fd, text, FILE_MAX);

    if (n <= 0 || n == FILE_MAX) {
        ctl_fail("cannot read %s: %s", path,
                 n < 0 ? strerror(errno) : "it is empty, or no secret");
        text = NULL;
    }
    if (fd >= 0) {
        close(fd);
    }
    return text;
}

/* The first n lines that say something. */
static const char *first_lines(const char *text, int n, apr_pool_t *pool)
{
    const char *out = "";

    while (*text && n > 0) {
        apr_size_t len = strcspn(text, "\r\n");

        if (len) {
            out = apr_pstrcat(pool, out, apr_pstrmemdup(pool, text, len), "\n", NULL);
            --n;
        }
        text += len + (text[len] != '\0');
    }
    return out;
}

/* By a new file in its place, with its owner: whoever reads meanwhile reads one of both. */
static int replace(ctl *c, const char *path, const char *text, const struct stat *old)
{
    const char *new = apr_pstrcat(c->pool, path, ".new", NULL);

    unlink(new);
    if (!write_new(new, text) || chown(new, old->st_uid, old->st_gid)
        || chmod(new, old->st_mode & 0770) || rename(new, path)) {
        ctl_fail("cannot write %s: %s", path, strerror(errno));
        unlink(new);
        return 0;
    }
    return 1;
}

static int count_lines(const char *text)
{
    int n = 0;

    for (; *text; ++text) {
        n += *text == '\n';
    }
    return n;
}

int ctl_secret_rotate(ctl *c)
{
    const char *path = c->options.secret_file, *old, *new;
    struct stat info;

    if (!path && c->secret_files && c->secret_files->nelts) {
        path = APR_ARRAY_IDX(c->secret_files, 0, const char *);
    }
    if (!path) {
        return ctl_fail("the first secret of BetterAuthSecret is in no file: change it where it "
                        "is, with the old one after the new one");
    }
    old = read_file(c, path, &info);
    if (!old) {
        return CTL_FAILED;
    }
    if (c->options.drop_old) {
        new = first_lines(old, 1, c->pool);
    }
    else {
        const char *secret = ba_random_text(SECRET_CHARS, c->pool);

        if (!secret) {
            return ctl_fail("the random generator failed");
        }
        new = apr_pstrcat(c->pool, secret, "\n", first_lines(old, SECRETS_MAX - 1, c->pool), NULL);
    }
    if (!ctl_confirm(c, "%s %s?",
                     c->options.drop_old ? "Forget all but the first secret of"
                                         : "Put a new secret into",
                     path)) {
        return ctl_fail("nothing was changed");
    }
    if (!replace(c, path, new, &info)) {
        return CTL_FAILED;
    }
    return ctl_done(c, "secrets", count_lines(new),
                    "Done. It counts from the next graceful restart (apachectl graceful).");
}
