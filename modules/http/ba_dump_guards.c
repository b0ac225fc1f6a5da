/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_dump_guards.h"

#include "ba_directives.h"
#include "ba_kind.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

const char *ba_dump_text(const ap_directive_t *node, apr_pool_t *pool)
{
    return apr_pstrcat(pool, node->directive, *node->args && *node->args != '>' ? " " : "",
                       node->args, NULL);
}

const char *ba_dump_place(const ap_directive_t *node, apr_pool_t *pool)
{
    return apr_psprintf(pool, " (%s:%d)", node->filename, node->line_num);
}

static void print(apr_file_t *out, int depth, const ap_directive_t *node, apr_pool_t *pool)
{
    apr_file_printf(out, "%*s%s%s\n", depth * 4, "", ba_dump_text(node, pool),
                    ba_dump_place(node, pool));
}

static int holds_require(const ap_directive_t *node)
{
    for (node = node->first_child; node; node = node->next) {
        if (ba_sections_is_require(node)) {
            return 1;
        }
    }
    return 0;
}

/* Require lines as written, and the containers they stand in. */
static void print_require(apr_file_t *out, int depth, const ap_directive_t *node,
                          apr_pool_t *pool)
{
    for (; node; node = node->next) {
        if (ba_sections_is_require(node) && !node->first_child) {
            print(out, depth, node, pool);
        }
        else if (ba_sections_is_require(node)
                 || (!strncasecmp(node->directive, "<Limit", 6) && holds_require(node))) {
            print(out, depth, node, pool);
            print_require(out, depth + 1, node->first_child, pool);
            apr_file_printf(out, "%*s</%s>\n", depth * 4, "", node->directive + 1);
        }
    }
}

/* Is there a line that lets in whoever comes? Only those of which one is enough count. */
static int grants_all(const ap_directive_t *node, apr_pool_t *pool)
{
    for (; node; node = node->next) {
        const char *args = node->args;

        if (!strcasecmp(node->directive, "Require")
            && !strcasecmp(ap_getword_conf(pool, &args), "all")
            && !strcasecmp(ap_getword_conf(pool, &args), "granted")) {
            return 1;
        }
        if (!strcasecmp(node->directive, "<RequireAny") && grants_all(node->first_child, pool)) {
            return 1;
        }
    }
    return 0;
}

static int lets_anybody_in(const ba_effective *e, apr_pool_t *pool)
{
    const ba_require_lines *lines = (const ba_require_lines *)e->require->elts;

    for (int i = 0; i < e->require->nelts; ++i) {
        if (lines[i].merging && !strcasecmp(lines[i].merging, "And")) {
            return 0;
        }
    }
    for (int i = 0; i < e->require->nelts; ++i) {
        if (grants_all(lines[i].section->first_child, pool)) {
            return 1;
        }
    }
    return 0;
}

static void print_directives(apr_file_t *out, const ba_effective *e, apr_pool_t *pool)
{
    for (int i = 0; ba_directives[i].name; ++i) {
        const ba_slot *slot = ba_directives[i].cmd_data;

        if (ba_directives[i].req_override != OR_AUTHCFG) {
            continue;
        }
        if (e->directives[i]) {
            print(out, 3, e->directives[i], pool);
        }
        else if (slot->fallback) {
            apr_file_printf(out, "            %s %s (default)\n", ba_directives[i].name,
                            slot->fallback);
        }
    }
}

static void warn(apr_file_t *out, const ba_section *s, const ba_effective *e, int complete,
                 apr_pool_t *pool)
{
    static const char mark[] = "            ** ";
    const char *satisfy = e->satisfy ? e->satisfy->args : "";

    if (!complete) {
        apr_file_printf(out, "%sno BetterAuthSecret in this server: every request gets 500\n",
                        mark);
    }
    if (!e->require->nelts) {
        apr_file_printf(out,
                        s->kind == BA_SECTION_DIRECTORY
                            ? "%sno Require line: every request gets 500\n"
                            : "%sno Require line: those of the directory count, often \"all "
                              "granted\"; where it has none, every request gets 500\n",
                        mark);
    }
    else if (lets_anybody_in(e, pool)) {
        apr_file_printf(out, "%sRequire all granted: signed in or not, everybody comes in\n", mark);
    }
    if (!strcasecmp(ap_getword_conf(pool, &satisfy), "Any")) {
        apr_file_printf(out, "%sSatisfy Any: Allow lines let in without sign-in\n", mark);
    }
}

/* <Directory "/srv"> <Files "x"> */
static const char *name_of(const ba_section *s, apr_pool_t *pool)
{
    const char *own = ba_dump_text(s->node, pool);

    return s->outer ? apr_pstrcat(pool, name_of(s->outer, pool), " ", own, NULL) : own;
}

static void print_guard(apr_file_t *out, const ba_section *s, const ba_effective *e, int complete,
                        apr_pool_t *pool)
{
    const ba_require_lines *lines = (const ba_require_lines *)e->require->elts;

    apr_file_printf(out, "        %s%s\n", name_of(s, pool), ba_dump_place(s->node, pool));
    print(out, 3, e->auth_type, pool);
    if (e->opened) {
        apr_file_printf(out, "            ** not guarded: this overrules AuthType Session\n");
        return;
    }
    for (int i = 0; i < e->require->nelts; ++i) {
        if (lines[i].merging) {
            apr_file_printf(out, "            AuthMerging %s\n", lines[i].merging);
        }
        print_require(out, 3, lines[i].section->first_child, pool);
    }
    if (e->satisfy) {
        print(out, 3, e->satisfy, pool);
    }
    print_directives(out, e, pool);
    warn(out, s, e, complete, pool);
}

int ba_dump_guards(apr_file_t *out, const ap_directive_t *host, int complete, apr_pool_t *pool)
{
    const apr_array_header_t *all = ba_sections_of(ap_conftree, host, pool);
    int n = 0;

    for (int i = 0; i < all->nelts; ++i) {
        const ba_section *s = APR_ARRAY_IDX(all, i, const ba_section *);
        const ba_effective *e;

        if (!ba_sections_speaks(s)) {
            continue;
        }
        e = ba_sections_effective(all, s, pool);
        if (e->opened || ba_sections_guards(e->auth_type, pool)) {
            if (!n++) {
                apr_file_printf(out, "    guarded:\n");
            }
            print_guard(out, s, e, complete, pool);
        }
    }
    return n;
}
