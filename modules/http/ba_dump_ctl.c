/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_dump_ctl.h"

#include "ba_revoke_site.h"
#include "ba_check.h"
#include "ba_directives.h"
#include "ba_dump.h"
#include "ba_httpd.h"
#include "ba_json.h"
#include "ba_module.h"

#include <apr_strings.h>
#include <errno.h>
#include <http_core.h>
#include <http_log.h>
#include <mpm_common.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unixd.h>

#define TO_CTL 3

/* NULL is left out. */
static void put_text(json_t *to, const char *name, const char *text)
{
    if (text) {
        json_object_set_new(to, name, json_string(text));
    }
}

static void put_number(json_t *to, const char *name, apr_int64_t number)
{
    json_object_set_new(to, name, json_integer(number));
}

static void put_columns(json_t *to, const char *name, const apr_array_header_t *columns)
{
    json_t *list = json_array();

    for (int i = 0; columns && i < columns->nelts; ++i) {
        const ba_column *c = &APR_ARRAY_IDX(columns, i, ba_column);
        json_t *column = json_object();

        put_text(column, "name", c->name);
        put_text(column, "column", c->column);
        put_text(column, "type", ba_column_types[c->type]);
        put_text(column, "default", c->fallback);
        json_object_set_new(column, "required", json_boolean(c->required));
        json_object_set_new(column, "hidden", json_boolean(c->hidden));
        json_array_append_new(list, column);
    }
    json_object_set_new(to, name, list);
}

/* The words of BetterAuthSecret: a file, or null for what is in none; no secret is told. */
static void put_secret_files(json_t *to, const ap_directive_t *host, apr_pool_t *pool)
{
    const ap_directive_t *node = ba_dump_written(host, "BetterAuthSecret", pool);
    const char *args = node ? node->args : "";
    json_t *list = json_array();

    while (*args) {
        const char *word = ap_getword_conf(pool, &args);
        const char *path
            = !strncmp(word, "file:", 5) ? ap_server_root_relative(pool, word + 5) : NULL;

        json_array_append_new(list, path ? json_string(path) : json_null());
    }
    json_object_set_new(to, "secretFiles", list);
}

static json_t *site_of(server_rec *s, const ba_settings *settings, apr_pool_t *pool)
{
    const ba_dbd_source *source = ba_check_database(s);
    json_t *site = json_object();

    put_text(site, "name", s->server_hostname);
    put_text(site, "baseURL",
             settings->base_url ? settings->base_url : ba_httpd_base_url(s, pool));
    put_text(site, "basePath", settings->base_path);
    put_text(site, "driver", source->driver);
    put_text(site, "params", source->params);
    put_secret_files(site, ba_dump_host(s), pool);
    json_object_set_new(site, "admin", json_boolean(settings->admin));
    json_object_set_new(site, "uuid", json_boolean(settings->generate_id == BA_ID_UUID));
    json_object_set_new(site, "scrypt", json_boolean(settings->hash.scheme == BA_HASH_SCRYPT));
    put_number(site, "memory", settings->hash.memory_kib);
    put_number(site, "passes", settings->hash.passes);
    put_number(site, "lanes", settings->hash.lanes);
    put_number(site, "passwordMin", settings->password_length.min);
    put_number(site, "passwordMax", settings->password_length.max);
    put_number(site, "mailWindow", settings->mail_limit.max);
    put_columns(site, "userColumns", settings->fields.user);
    put_columns(site, "sessionColumns", settings->fields.session);
    return site;
}

static json_t *sites_of(server_rec *main, apr_pool_t *pool)
{
    json_t *sites = json_array();

    for (server_rec *s = main; s; s = s->next) {
        const ba_server_config *config
            = ap_get_module_config(s->module_config, &betterauth_module);

        if (config->values.secrets && ba_check_database(s)->driver) {
            json_array_append_new(sites, site_of(s, &config->values, pool));
        }
    }
    return sites;
}

static int write_all(const char *text)
{
    apr_size_t left = strlen(text);

    while (left) {
        ssize_t n = write(TO_CTL, text, left);

        if (n < 0 && errno != EINTR) {
            return 0;
        }
        text += n > 0 ? n : 0;
        left -= n > 0 ? (apr_size_t)n : 0;
    }
    return 1;
}

void ba_dump_ctl_test(apr_pool_t *pconf, server_rec *main)
{
    struct stat info;
    json_t *all;
    const char *text;

    if (!ap_exists_config_define("DUMP_BETTERAUTH_CTL")) {
        return;
    }
    if (fstat(TO_CTL, &info) || !S_ISFIFO(info.st_mode)) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, NULL,
                     "BA0194: DUMP_BETTERAUTH_CTL is for betterauthctl; see DUMP_BETTERAUTH");
        return;
    }
    all = ba_json_object(pconf);
    json_object_set_new(all, "version", json_integer(1));
    put_text(all, "user", ap_unixd_config.user_name);
    put_text(all, "pidFile", ap_runtime_dir_relative(pconf, ap_pid_fname));
    put_text(all, "revocations", ba_revoke_site_file(pconf));
    json_object_set_new(all, "sites", sites_of(main, pconf));
    text = ba_json_text(all, pconf);
    if (!text || !write_all(text)) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, NULL,
                     "BA0195: cannot write to betterauthctl");
    }
}
