/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_mount.h"

#include "ba_module.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_core.h>
#include <string.h>

/* Note of a request that we have claimed. */
#define CLAIMED "betterauth-claimed"

/* What SetHandler says here; the core applies it only after translation. */
static const char *configured_handler(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);

    if (core->expr_handler) {
        const char *error = NULL;
        const char *name = ap_expr_str_exec(r, core->expr_handler, &error);

        return error ? NULL : name;
    }
    return core->handler;
}

int ba_mount_is_ours(request_rec *r)
{
    const char *handler = configured_handler(r);

    return handler && (!strcmp(handler, BA_HANDLER_API) || !strcmp(handler, BA_HANDLER_PAGES));
}

int ba_mount_is_forward(request_rec *r)
{
    const char *handler = configured_handler(r);

    return handler && !strcmp(handler, BA_HANDLER_FORWARD);
}

const char *ba_mount_below(const char *uri, const char *mount)
{
    apr_size_t len = strlen(mount);

    return !strncmp(uri, mount, len) && (uri[len] == '/' || !uri[len]) ? uri + len : NULL;
}

/* Of whoever watches: not among ours, since a guard does not let it in. */
static int is_status(request_rec *r)
{
    const char *handler = configured_handler(r);

    return handler && !strcmp(handler, BA_HANDLER_STATUS);
}

int ba_mount_translate(request_rec *r)
{
    if (r->proxyreq || (!ba_mount_is_ours(r) && !ba_mount_is_forward(r) && !is_status(r))) {
        return DECLINED;
    }
    /* no file, but what follows expects a name */
    r->filename = apr_pstrdup(r->pool, r->uri);
    apr_table_setn(r->notes, CLAIMED, "1");
    return OK;
}

/* The core has put aside the location's configuration when it asks here. */
int ba_mount_map(request_rec *r)
{
    return apr_table_get(r->notes, CLAIMED) ? OK : DECLINED;
}
