/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_mail_args.h"

#include "ba_text.h"

#include <httpd.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <http_config.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 120
#define ADDRESS_MAX 254 /* RFC 5321, errata 1690 */

int ba_mail_args_is_line(const char *text, apr_pool_t *pool)
{
    apr_size_t len;

    for (const char *p = text; *p; ++p) {
        if (apr_iscntrl(*p)) {
            return 0;
        }
    }
    return *text && strlen(text) <= LINE_MAX_BYTES
           && !strcmp(text, ba_text_repair_utf8(text, strlen(text), &len, pool));
}

/* The domain may be an address literal: noreply@[127.0.0.1]. */
static int is_address(const char *text)
{
    const char *at = strchr(text, '@');

    if (!at || at == text || !at[1] || strlen(text) > ADDRESS_MAX) {
        return 0;
    }
    for (const char *p = text; *p; ++p) {
        if (p != at && !apr_isalnum(*p)
            && !strchr(p < at ? "!#$%&'*+-/=?^_`{|}~." : "-.[]:", *p)) {
            return 0;
        }
    }
    return 1;
}

const char *ba_mail_args_mailbox(const char *text, ba_mailbox *out, apr_pool_t *pool)
{
    static const char form[] = "must be ADDRESS or \"Name <ADDRESS>\", with an address such as "
                               "noreply@example.com";
    ba_mailbox box = {NULL, text};
    const char *open = strrchr(text, '<');

    if (open) {
        apr_size_t len = (apr_size_t)(open - text);

        while (len && text[len - 1] == ' ') {
            --len;
        }
        box.name = len ? apr_pstrmemdup(pool, text, len) : NULL;
        len = strlen(open + 1);
        if (!len || open[len] != '>' || (box.name && !ba_mail_args_is_line(box.name, pool))) {
            return form;
        }
        box.address = apr_pstrmemdup(pool, open + 1, len - 1);
    }
    if (!is_address(box.address)) {
        return form;
    }
    *out = box;
    return NULL;
}

/* ---- SMTP */

static int is_loopback(const char *host)
{
    return !ap_cstr_casecmp(host, "localhost") || !strncmp(host, "127.", 4)
           || !strcmp(host, "::1");
}

static const char *read_cafile(const char *path, ba_mailer *mailer, apr_pool_t *pool)
{
    apr_file_t *file;

    mailer->cafile = ap_server_root_relative(pool, path);
    if (!mailer->cafile
        || apr_file_open(&file, mailer->cafile, APR_FOPEN_READ, 0, pool) != APR_SUCCESS) {
        return apr_pstrcat(pool, "cannot read the certificates in ", path, NULL);
    }
    apr_file_close(file);
    return NULL;
}

/* starttls=WORD and cafile=PATH, joined by & */
static const char *read_options(char *options, ba_mailer *mailer, apr_pool_t *pool)
{
    const char *problem = NULL;
    char *last;

    for (char *o = apr_strtok(options, "&", &last); o && !problem;
         o = apr_strtok(NULL, "&", &last)) {
        if (!strcmp(o, "starttls=required")) {
            mailer->starttls = BA_STARTTLS_REQUIRED;
        }
        else if (!strcmp(o, "starttls=auto")) {
            mailer->starttls = BA_STARTTLS_AUTO;
        }
        else if (!strcmp(o, "starttls=off")) {
            mailer->starttls = BA_STARTTLS_OFF;
        }
        else if (!strncmp(o, "cafile=", 7)) {
            problem = read_cafile(o + 7, mailer, pool);
        }
        else {
            problem = "knows ?starttls=required, auto or off, and ?cafile=PATH, joined by &";
        }
    }
    return problem;
}

static const char *decoded(const char *text, apr_pool_t *pool)
{
    apr_size_t len;

    return text ? ba_text_url_decode(text, strlen(text), 0, &len, pool) : NULL;
}

static const char *read_smtp(const char *text, const char *password, ba_mailer *mailer,
                             apr_pool_t *pool)
{
    const char *problem = NULL;
    apr_uri_t uri;

    if (apr_uri_parse(pool, text, &uri) != APR_SUCCESS || !uri.hostname || !*uri.hostname
        || (uri.path && *uri.path && strcmp(uri.path, "/")) || uri.fragment) {
        return "must be smtp://[user[:password]@]host[:port][?starttls=required|off|auto], or the "
               "same with smtps://, without a path";
    }
    mailer->kind = BA_MAILER_SMTP;
    mailer->target = apr_pstrcat(pool, uri.scheme, strchr(uri.hostname, ':') ? "://[" : "://",
                                 uri.hostname, strchr(uri.hostname, ':') ? "]" : "",
                                 uri.port_str ? ":" : "", uri.port_str, NULL);
    mailer->starttls = is_loopback(uri.hostname) ? BA_STARTTLS_OFF : BA_STARTTLS_REQUIRED;
    if (uri.query && (problem = read_options(uri.query, mailer, pool)) != NULL) {
        return problem;
    }
    mailer->user = decoded(uri.user, pool);
    mailer->password = password ? password : decoded(uri.password, pool);
    if (!mailer->user != !mailer->password) {
        return "needs a user and a password, or neither; the password can be a second argument: "
               "file:PATH, env:NAME or exec:COMMAND";
    }
    if (mailer->user && mailer->starttls != BA_STARTTLS_REQUIRED && strcmp(uri.scheme, "smtps")
        && !is_loopback(uri.hostname)) {
        return "would send its password without encryption: leave it at starttls=required";
    }
    return NULL;
}

/* ---- the others */

static const char *read_command(const char *text, ba_mailer *mailer, apr_pool_t *pool)
{
    char **words;

    if (apr_tokenize_to_argv(text, &words, pool) != APR_SUCCESS || !words[0] || words[0][0] != '/'
        || access(words[0], X_OK)) {
        return "needs the full path of a program after sendmail:, such as /usr/sbin/sendmail";
    }
    mailer->kind = BA_MAILER_SENDMAIL;
    mailer->target = words[0];
    mailer->argv = (const char *const *)words;
    return NULL;
}

static const char *read_dir(const char *text, ba_mailer *mailer, apr_pool_t *pool)
{
    const char *path = ap_server_root_relative(pool, text);
    apr_finfo_t info;

    if (!path || apr_stat(&info, path, APR_FINFO_TYPE, pool) != APR_SUCCESS
        || info.filetype != APR_DIR) {
        return apr_pstrcat(pool, "needs a directory after dir:; there is none at ",
                           path ? path : text, NULL);
    }
    mailer->kind = BA_MAILER_DIR;
    mailer->target = path;
    return NULL;
}

const char *ba_mail_args_mailer(const char *text, const char *password, ba_mailer *out,
                                apr_pool_t *pool)
{
    ba_mailer mailer = {.kind = BA_MAILER_OFF};
    const char *problem = NULL;

    if (!strncmp(text, "smtp://", 7) || !strncmp(text, "smtps://", 8)) {
        problem = read_smtp(text, password, &mailer, pool);
    }
    else if (password) {
        problem = "takes a second argument with smtp:// and smtps:// only";
    }
    else if (!strncmp(text, "sendmail:", 9)) {
        problem = read_command(text + 9, &mailer, pool);
    }
    else if (!strncmp(text, "dir:", 4)) {
        problem = read_dir(text + 4, &mailer, pool);
    }
    else if (ap_cstr_casecmp(text, "off")) {
        problem = "must be smtp://host, smtps://host, sendmail:COMMAND, dir:PATH or off";
    }
    if (!problem) {
        *out = mailer;
    }
    return problem;
}
