/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_check_mail.h"

#include "ba_directives.h"
#include "ba_languages.h"
#include "ba_mail.h"
#include "ba_mail_document.h"
#include "ba_module.h"

#include <apr_file_info.h>
#include <apr_strings.h>
#include <apr_user.h>
#include <grp.h>
#include <http_config.h>
#include <http_log.h>
#include <string.h>
#include <unistd.h>
#include <unixd.h>

/* Whether the children will be in this group: Group, and all that initgroups() gives to User. */
static int in_group(gid_t group, apr_pool_t *pool)
{
    const char *name = ap_unixd_config.user_name;
    char *of_number;
    int n = 0;
    gid_t *groups;

    if (*name == '#'
        && apr_uid_name_get(&of_number, ap_unixd_config.user_id, pool) == APR_SUCCESS) {
        name = of_number;
    }
    getgrouplist(name, ap_unixd_config.group_id, NULL, &n);
    groups = apr_palloc(pool, sizeof(*groups) * (apr_size_t)n);
    n = getgrouplist(name, ap_unixd_config.group_id, groups, &n);
    for (int i = 0; i < n; ++i) {
        if (groups[i] == group) {
            return 1;
        }
    }
    return 0;
}

/* Whether the children will be able to make files there; as root, access() would not tell. */
static int can_write(const char *path, apr_pool_t *pool)
{
    apr_fileperms_t need;
    apr_finfo_t info;

    if (geteuid() != 0) {
        return access(path, W_OK | X_OK) == 0;
    }
    if (apr_stat(&info, path, APR_FINFO_OWNER | APR_FINFO_PROT, pool) != APR_SUCCESS) {
        return 0;
    }
    need = info.user == ap_unixd_config.user_id ? APR_FPROT_UWRITE | APR_FPROT_UEXECUTE
           : in_group(info.group, pool)         ? APR_FPROT_GWRITE | APR_FPROT_GEXECUTE
                                                : APR_FPROT_WWRITE | APR_FPROT_WEXECUTE;
    return (info.protection & need) == need;
}

static void check_mailer(server_rec *s, const ba_mailer *mailer, apr_pool_t *pool)
{
    if (!ap_find_linked_module("mod_watchdog.c")) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "BA0722: mails wait for ever: BetterAuthMailer needs mod_watchdog, load it");
    }
    if (mailer->kind == BA_MAILER_DIR && !can_write(mailer->target, pool)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "BA0723: mails wait: the server's user cannot write to the folder %s of "
                     "BetterAuthMailer", mailer->target);
    }
}

static void check_documents(server_rec *s, const ba_settings *settings, apr_pool_t *pool)
{
    const apr_array_header_t *languages = ba_languages_load(settings, NULL, pool);

    for (const char *const *document = ba_mail_documents; *document; ++document) {
        const char *problem = ba_mail_document_check(settings->mail_dir, *document, languages, pool);

        if (problem) {
            ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                         "BA0724: %s; mails will be written with the installed document", problem);
        }
    }
}

static const ba_settings *settings_of(const server_rec *s)
{
    const ba_server_config *config = ap_get_module_config(s->module_config, &betterauth_module);

    return &config->values;
}

/* True the first time: virtual hosts share what they inherit. */
static int is_new(apr_array_header_t *seen, const char *text)
{
    for (int i = 0; i < seen->nelts; ++i) {
        if (!strcmp(APR_ARRAY_IDX(seen, i, const char *), text)) {
            return 0;
        }
    }
    APR_ARRAY_PUSH(seen, const char *) = text;
    return 1;
}

/* What decides whether a document of this server is good. */
static const char *where_texts_are(const ba_settings *s, apr_pool_t *pool)
{
    return apr_pstrcat(pool, s->mail_dir, "\n", s->pages_dir ? s->pages_dir : "", "\n",
                       apr_array_pstrcat(pool, s->languages, ' '), NULL);
}

void ba_check_mail(server_rec *main, apr_pool_t *ptemp)
{
    apr_array_header_t *mailers = apr_array_make(ptemp, 4, sizeof(const char *));
    apr_array_header_t *dirs = apr_array_make(ptemp, 4, sizeof(const char *));

    for (server_rec *s = main; s; s = s->next) {
        const ba_settings *settings = settings_of(s);

        if (settings->secrets && settings->mailer.kind == BA_MAILER_OFF
            && settings->delete_user == BA_DELETE_CONFIRM) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                         "BA0725: nobody can delete their account: BetterAuthDeleteUser confirm "
                         "needs BetterAuthMailer");
        }
        if (!settings->secrets || settings->mailer.kind == BA_MAILER_OFF) {
            continue;
        }
        if (is_new(mailers, settings->mailer.target)) {
            check_mailer(s, &settings->mailer, ptemp);
        }
        if (settings->mail_dir && is_new(dirs, where_texts_are(settings, ptemp))) {
            check_documents(s, settings, ptemp);
        }
    }
}
