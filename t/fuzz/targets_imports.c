/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Files of users. ctl_import_file.c is read in whole, so that its files are in memory. */

#include <stdio.h>

static FILE *open_memory(const char *path, const char *mode);

#define fopen open_memory
#include "../../support/ctl_import_file.c"
#undef fopen

#include "fuzz.h"

#include <stdarg.h>

struct ctl_import {
    int seen;
};

static ba_bytes content;
static ctl_import import;

static FILE *open_memory(const char *path, const char *mode)
{
    (void)path;
    /* fmemopen() refuses a file of nothing */
    return fmemopen(content.len ? (void *)(apr_uintptr_t)content.data : "\n",
                    content.len ? content.len : 1, mode);
}

int ctl_fail(const char *format, ...)
{
    (void)format;
    return CTL_FAILED;
}

const char *ctl_plain(const char *text, apr_pool_t *pool)
{
    return apr_pstrdup(pool, text);
}

ctl_import *ctl_import_begin(ctl *c)
{
    (void)c;
    import.seen = 0;
    return &import;
}

/* Reads all of it: it must be there. */
int ctl_import_add(ctl_import *i, const ctl_incoming *in, int line)
{
    const char *texts[] = {in->id, in->email, in->name, in->image, in->hash, in->created_at};
    apr_size_t all = 0;

    for (int n = 0; n < 6; ++n) {
        all += texts[n] ? strlen(texts[n]) : 0;
    }
    for (int n = 0; in->extra && n < in->extra->columns->nelts; ++n) {
        all += in->extra->values[n] ? strlen(in->extra->values[n]) : 0;
    }
    fuzz_must(all <= 2 * content.len + 100 && line > 0, "more than there was");
    ++i->seen;
    return CTL_OK;
}

int ctl_import_refuse(ctl_import *i, int line, const char *why)
{
    fuzz_must(line > 0 && *why, "refused, who knows why");
    ++i->seen;
    return CTL_OK;
}

int ctl_import_end(ctl_import *i)
{
    fuzz_must((apr_size_t)i->seen <= content.len + 1, "more users than bytes");
    return CTL_OK;
}

static void read_file(fuzz *f, int (*command)(ctl *c))
{
    static const char *const names[] = {"users"};
    ctl c = {.pool = f->pool, .argc = 1, .argv = names, .settings = *f->settings};

    content = f->data;
    command(&c);
}

static void read_htpasswd(fuzz *f)
{
    read_file(f, ctl_import_htpasswd);
}

static void read_csv(fuzz *f)
{
    read_file(f, ctl_import_csv);
}

const fuzz_target fuzz_imports[] = {{"htpasswd", read_htpasswd}, {"csv", read_csv}, {0}};
