/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_kept.h"

#include <apr_shm.h>
#include <http_config.h>

apr_status_t ba_kept_memory(const char *key, apr_size_t size, server_rec *s, void **memory,
                            int *made)
{
    void **kept = ap_retained_data_get(key);
    apr_uintptr_t base;
    apr_shm_t *shm;
    apr_status_t rv;

    *made = !kept;
    if (!kept) {
        rv = apr_shm_create(&shm, size + BA_KEPT_ALIGN, NULL, s->process->pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        base = (apr_uintptr_t)apr_shm_baseaddr_get(shm);
        kept = ap_retained_data_create(key, sizeof(*kept));
        *kept = (void *)APR_ALIGN(base, BA_KEPT_ALIGN);
    }
    *memory = *kept;
    return APR_SUCCESS;
}
