/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Our mounted paths stay ours, whatever ProxyPass, RewriteRule or a closed
 * DocumentRoot says about the rest of the host. */

#ifndef BA_MOUNT_H
#define BA_MOUNT_H

#include <httpd.h>

#define BA_HANDLER_API "betterauth"
#define BA_HANDLER_PAGES "betterauth-pages"
#define BA_HANDLER_FORWARD "betterauth-forward"
#define BA_HANDLER_STATUS "betterauth-status"

/* True if the location of r is mounted on the API or the pages, which a guard lets in. */
int ba_mount_is_ours(request_rec *r);

/* True if it is where other proxies ask. */
int ba_mount_is_forward(request_rec *r);

/* The rest of uri below a mount path: "" or "/…"; NULL if it is not below. */
const char *ba_mount_below(const char *uri, const char *mount);

int ba_mount_translate(request_rec *r);
int ba_mount_map(request_rec *r);

#endif
