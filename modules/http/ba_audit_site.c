/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_audit_site.h"

#include "ba_json.h"
#include "ba_module.h"
#include "ba_text.h"

#include <apr_atomic.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <http_log.h>
#include <string.h>

/* Characters of a User-Agent. With it a line stays below what a pipe takes in one piece
 * (PIPE_BUF, 4096), so that lines of several children do not mix. */
#define AGENT_MAX 256

struct ba_audit_log {
    ba_audit_log *next;
    const char *target;
    apr_file_t *file; /* not buffered: a line is one write() */
    apr_uint32_t failed; /* per process: said so, and has not recovered */
};

/* Of the configuration now in force. */
static ba_audit_log *all_logs;

int ba_audit_site_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf, (void)plog, (void)ptemp;
    all_logs = NULL;
    return OK;
}

static apr_status_t open_file(const char *target, apr_file_t **file, apr_pool_t *pconf)
{
    piped_log *program;

    if (*target != '|') {
        /* whoever may read httpd's own logs by their group may read this one */
        return apr_file_open(file, target,
                             APR_FOPEN_WRITE | APR_FOPEN_APPEND | APR_FOPEN_CREATE
                                 | APR_FOPEN_LARGEFILE,
                             APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD, pconf);
    }
    program = ap_open_piped_log(pconf, target + 1);
    *file = program ? ap_piped_log_write_fd(program) : NULL;
    return *file ? APR_SUCCESS : APR_EGENERAL;
}

int ba_audit_site_open(server_rec *s, const char *target, ba_audit_log **out, apr_pool_t *pconf)
{
    ba_audit_log *log = all_logs;
    apr_status_t rv;

    *out = NULL;
    if (!target) {
        return OK;
    }
    while (log && strcmp(log->target, target)) {
        log = log->next;
    }
    if (!log) {
        log = apr_pcalloc(pconf, sizeof(*log));
        log->target = target;
        rv = open_file(target, &log->file, pconf);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s, "BA0191: cannot open BetterAuthAuditLog %s",
                         target);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        log->next = all_logs;
        all_logs = log;
    }
    *out = log;
    return OK;
}

static void put(json_t *line, const char *name, const char *value)
{
    if (value && *value) {
        json_object_set_new(line, name, json_string(value));
    }
}

/* The order is part of the format: a filter that reads from the left meets what a client
 * can choose last. */
static const char *line_of(request_rec *r, const char *site, ba_event event, const ba_fact *fact)
{
    const char *agent = apr_table_get(r->headers_in, "User-Agent");
    const char *id = apr_table_get(r->subprocess_env, "UNIQUE_ID");
    json_t *line = ba_json_object(r->pool);
    const char *text;

    put(line, "time", ba_text_iso_date(apr_time_as_msec(apr_time_now()), r->pool));
    put(line, "event", ba_events[event].name);
    put(line, "outcome", ba_events[event].outcome);
    put(line, "reason", fact->reason);
    put(line, "client", r->useragent_ip);
    put(line, "site", site);
    put(line, "user", fact->user);
    put(line, "session", fact->session);
    put(line, "request", id ? id : r->log_id);
    if (agent) {
        put(line, "agent", ba_text_cut(ba_text_from_latin1(agent, r->pool), AGENT_MAX, r->pool));
    }
    text = ba_json_text(line, r->pool);
    return text ? apr_pstrcat(r->pool, text, "\n", NULL) : NULL;
}

void ba_audit_site_write(request_rec *r, ba_audit_log *log, const char *site, ba_event event,
                         const ba_fact *fact)
{
    const char *line = line_of(r, site, event, fact);
    apr_size_t len = line ? strlen(line) : 0;
    apr_size_t written = len;
    apr_status_t rv;

    rv = line ? apr_file_write(log->file, line, &written) : APR_ENOMEM;
    if (rv == APR_SUCCESS && written == len) {
        apr_atomic_set32(&log->failed, 0);
    }
    else if (!apr_atomic_xchg32(&log->failed, 1)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "BA0192: cannot write to BetterAuthAuditLog %s; lines are missing there",
                      log->target);
    }
}
