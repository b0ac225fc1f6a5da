/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The module record and its hooks. Everything else lives under modules/. */

#include "ba_api.h"
#include "ba_audit_site.h"
#include "ba_basic.h"
#include "ba_cache_site.h"
#include "ba_check.h"
#include "ba_dbd.h"
#include "ba_directives.h"
#include "ba_dump.h"
#include "ba_dump_ctl.h"
#include "ba_expr.h"
#include "ba_forward.h"
#include "ba_guard.h"
#include "ba_httpd.h"
#include "ba_identity.h"
#include "ba_interface.h"
#include "ba_mail_document.h"
#include "ba_meter_site.h"
#include "ba_module.h"
#include "ba_mount.h"
#include "ba_page_element.h"
#include "ba_pages.h"
#include "ba_require.h"
#include "ba_status.h"
#include "ba_task.h"
#include "ba_tunnels.h"

#include <http_protocol.h>
#include <http_request.h>

static void register_hooks(apr_pool_t *pool)
{
    static const char *const after_include[] = {"mod_include.c", NULL};
    static const char *const before_watchdog[] = {"mod_watchdog.c", NULL};
    /* before whoever would send our paths elsewhere */
    static const char *const before_mappers[]
        = {"mod_proxy.c", "mod_rewrite.c", "mod_alias.c", "mod_vhost_alias.c", NULL};
    /* SetEnvIf must not see what a client put into our headers */
    static const char *const before_setenvif[] = {"mod_setenvif.c", "mod_headers.c", NULL};
    static const char *const before_authz[] = {"mod_authz_core.c", NULL};
    static const char *const before_basic[] = {"mod_auth_basic.c", NULL};
    /* SetEnv may not overrule us, RequestHeader may use what we set */
    static const char *const after_env[] = {"mod_env.c", NULL};
    static const char *const before_headers[] = {"mod_headers.c", NULL};
    static const char *const after_dir[] = {"mod_dir.c", NULL};

    ap_hook_pre_config(ba_expr_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_config(ba_cache_site_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_config(ba_audit_site_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_config(ba_meter_site_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_expr_lookup(ba_expr_lookup, NULL, NULL, APR_HOOK_MIDDLE);
    ba_require_register(pool);
    ba_basic_register(pool);
    ba_interface_register();
    ap_hook_check_config(ba_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_test_config(ba_check_test, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_test_config(ba_dump_test, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_test_config(ba_dump_ctl_test, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(ba_httpd_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(ba_page_element_post_config, after_include, NULL, APR_HOOK_MIDDLE);
    /* after the sites are made, and before mod_watchdog looks at who wants it */
    ap_hook_post_config(ba_task_post_config, NULL, before_watchdog, APR_HOOK_LAST);
    ap_hook_post_config(ba_tunnels_post_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_child_init(ba_httpd_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(ba_cache_site_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(ba_meter_site_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(ba_task_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(ba_tunnels_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ba_dbd_register_hooks();
    ba_mail_document_register_hooks();
    ba_page_element_register_hooks();

    ap_hook_post_read_request(ba_identity_scrub, NULL, before_setenvif, APR_HOOK_REALLY_FIRST);
    ap_hook_translate_name(ba_mount_translate, NULL, before_mappers, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(ba_mount_map, NULL, before_mappers, APR_HOOK_REALLY_FIRST);

    ap_hook_check_access_ex(ba_guard_access, NULL, before_authz, APR_HOOK_FIRST,
                            AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authn(ba_guard_authn, NULL, NULL, APR_HOOK_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    /* it asks mod_auth_basic's itself, to say more than 500 */
    ap_hook_check_authn(ba_basic_authn, NULL, before_basic, APR_HOOK_MIDDLE,
                        AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_fixups(ba_guard_fixups, after_env, before_headers, APR_HOOK_MIDDLE);
    ap_hook_fixups(ba_guard_settle, after_dir, NULL, APR_HOOK_REALLY_LAST);

    ba_guard_register_filter();
    ap_hook_insert_filter(ba_guard_insert_filter, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_error_filter(ba_guard_insert_filter, NULL, NULL, APR_HOOK_MIDDLE);

    ap_hook_handler(ba_api_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(ba_pages_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(ba_forward_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(ba_status_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ba_status_register_hooks();
}

module AP_MODULE_DECLARE_DATA betterauth_module = {
    STANDARD20_MODULE_STUFF,
    ba_directives_create_dir,
    ba_directives_merge_dir,
    ba_directives_create_server,
    ba_directives_merge_server,
    ba_directives,
    register_hooks,
    0,
};
