/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Values of the directives that the pages have for themselves. */

#include "ba_kind.h"

#include "ba_url.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <http_core.h>
#include <stdlib.h>
#include <string.h>

/* "de", "pt-br": it is also the name of a file */
static int is_code(const char *code)
{
    apr_size_t len = strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return apr_islower(code[0]) && apr_islower(code[1]) && len <= 20 && !code[len];
}

static const char *read_languages(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                  char *const argv[])
{
    apr_array_header_t *codes = apr_array_make(pool, argc, sizeof(const char *));

    (void)slot;
    for (int i = 0; i < argc; ++i) {
        if (!is_code(argv[i])) {
            return "must be codes of languages in lower case, such as en, de or pt-br";
        }
        APR_ARRAY_PUSH(codes, const char *) = argv[i];
    }
    *(apr_array_header_t **)member = codes;
    return NULL;
}

/* Where a link may lead: a path of this server, or elsewhere by http. */
static int is_link(const char *text, apr_pool_t *pool)
{
    ba_url url;

    return *text == '/' ? ba_url_safe_path(text)
                        : ba_url_parse(text, &url, pool) == APR_SUCCESS && ba_url_origin(&url, pool);
}

static const char *read_color(ba_brand *brand, const char *text)
{
    if (*text != '#' || strspn(text + 1, "0123456789abcdefABCDEF") != 6 || text[7]) {
        return "takes as color #RRGGBB";
    }
    brand->color = (int)strtol(text + 1, NULL, 16);
    brand->colored = 1;
    return NULL;
}

static const char *read_brand(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                              char *const argv[])
{
    ba_brand *brand = member;
    const struct {
        const char *name;
        const char **text;
    } links[] = {{"terms", &brand->terms}, {"privacy", &brand->privacy}, {"help", &brand->help}};

    (void)slot, (void)argc;
    if (!strcmp(argv[0], "color")) {
        return read_color(brand, argv[1]);
    }
    if (!strcmp(argv[0], "logo") || !strcmp(argv[0], "style")) {
        /* the pages load nothing from elsewhere */
        if (*argv[1] != '/' || !ba_url_safe_path(argv[1])) {
            return "takes as logo or style a path of this server, such as /logo.svg";
        }
        *(*argv[0] == 'l' ? &brand->logo : &brand->style) = argv[1];
        return NULL;
    }
    for (int i = 0; i < 3; ++i) {
        if (!strcmp(argv[0], links[i].name)) {
            if (!is_link(argv[1], pool)) {
                return "must be /path, https://host/path or http://host/path";
            }
            *links[i].text = argv[1];
            return NULL;
        }
    }
    return "takes logo, style, color, terms, privacy or help first";
}

const ba_kind ba_kind_languages = {read_languages, sizeof(apr_array_header_t *), 1, 64};
const ba_kind ba_kind_brand = {read_brand, sizeof(ba_brand), 2, 2};
