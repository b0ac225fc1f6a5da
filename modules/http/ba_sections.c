/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_sections.h"

#include "ba_directives.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *directive;
    ba_section_kind kind;
    int is_regex;
} names[] = {
    {"<Directory", BA_SECTION_DIRECTORY, 0}, {"<DirectoryMatch", BA_SECTION_DIRECTORY, 1},
    {"<Files", BA_SECTION_FILES, 0},         {"<FilesMatch", BA_SECTION_FILES, 1},
    {"<Location", BA_SECTION_LOCATION, 0},   {"<LocationMatch", BA_SECTION_LOCATION, 1},
    {"<If", BA_SECTION_IF, 0},               {"<ElseIf", BA_SECTION_IF, 0},
    {"<Else", BA_SECTION_IF, 0},             {"<Proxy", BA_SECTION_PROXY, 0},
    {"<ProxyMatch", BA_SECTION_PROXY, 1},
};

/* ---- reading the tree */

static int is(const ap_directive_t *node, const char *name)
{
    return !strcasecmp(node->directive, name);
}

/* As the core keeps it: canonical, with a slash at the end. */
static const char *directory_path(const char *path, apr_pool_t *pool)
{
    char *full;
    apr_status_t rv;

    if (!strcmp(path, "/")) {
        return path;
    }
    rv = apr_filepath_merge(&full, NULL, path, APR_FILEPATH_TRUENAME, pool);
    if (rv != APR_SUCCESS && rv != APR_EPATHWILD) {
        return path;
    }
    return *full && full[strlen(full) - 1] == '/' ? full : apr_pstrcat(pool, full, "/", NULL);
}

static void read_path(ba_section *s, int is_regex, apr_pool_t *pool)
{
    const char *args = s->node->args;
    const char *end = strrchr(args, '>');

    args = end ? apr_pstrmemdup(pool, args, (apr_size_t)(end - args)) : args;
    if (s->kind == BA_SECTION_IF) {
        s->path = args;
        return;
    }
    s->path = ap_getword_conf(pool, &args);
    if (!strcmp(s->path, "~")) {
        s->path = ap_getword_conf(pool, &args);
        is_regex = 1;
    }
    if (is_regex) {
        s->regex = ap_pregcomp(pool, s->path, AP_REG_EXTENDED);
        return;
    }
    if (s->kind == BA_SECTION_DIRECTORY) {
        s->path = directory_path(s->path, pool);
        s->depth = strcmp(s->path, "/") ? ap_count_dirs(s->path) : 0;
    }
    s->is_glob = apr_fnmatch_test(s->path) != 0;
}

static void collect(apr_array_header_t *out, const ap_directive_t *node, const ba_section *outer,
                    apr_pool_t *pool)
{
    for (; node; node = node->next) {
        for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
            if (is(node, names[i].directive)) {
                ba_section *s = apr_pcalloc(pool, sizeof(*s));

                s->node = node;
                s->outer = outer;
                s->kind = outer ? outer->kind : names[i].kind;
                read_path(s, names[i].is_regex, pool);
                APR_ARRAY_PUSH(out, const ba_section *) = s;
                collect(out, node->first_child, s, pool);
            }
        }
    }
}

static const ba_section *top(const ba_section *s)
{
    return s->outer ? top(s->outer) : s;
}

/* Does a come after b? Directories go by depth, regular expressions last; all else, and an
 * inner section beside its outer one, as written. */
static int comes_after(const ba_section *a, const ba_section *b)
{
    a = top(a);
    b = top(b);
    if (a->kind != b->kind || a->kind != BA_SECTION_DIRECTORY) {
        return a->kind > b->kind;
    }
    if (!a->regex != !b->regex) {
        return a->regex != NULL;
    }
    return !a->regex && a->depth > b->depth;
}

apr_array_header_t *ba_sections_of(const ap_directive_t *tree, const ap_directive_t *host,
                                   apr_pool_t *pool)
{
    apr_array_header_t *all = apr_array_make(pool, 16, sizeof(const ba_section *));
    const ba_section **elts;

    collect(all, tree, NULL, pool);
    if (host) {
        collect(all, host->first_child, NULL, pool);
    }
    elts = (const ba_section **)all->elts;
    for (int i = 1; i < all->nelts; ++i) {
        const ba_section *s = elts[i];
        int j = i;

        for (; j > 0 && comes_after(elts[j - 1], s); --j) {
            elts[j] = elts[j - 1];
        }
        elts[j] = s;
    }
    return all;
}

/* ---- which hold for the same place */

/* What everything that the pattern fits begins with. */
static const char *literal_start(const ba_section *s, apr_pool_t *pool)
{
    const char *p = s->path;
    apr_size_t len;

    if (!s->regex) {
        return apr_pstrmemdup(pool, p, strcspn(p, "*?[\\"));
    }
    if (*p != '^' || strchr(p, '|')) {
        return "";
    }
    len = strcspn(++p, ".[](){}*+?^$\\");
    /* these make the character before them one that need not be there */
    return apr_pstrmemdup(pool, p, len && p[len] && strchr("*?{", p[len]) ? len - 1 : len);
}

static int below(const char *path, const char *outer)
{
    apr_size_t len = strlen(outer);

    return !strncmp(outer, path, len)
           && (!len || outer[len - 1] == '/' || path[len] == '/' || !path[len]);
}

/* A glob over directories fits each one on the way down. */
static int glob_fits(const ba_section *outer, const char *path, apr_pool_t *pool)
{
    if (outer->kind != BA_SECTION_DIRECTORY) {
        return apr_fnmatch(outer->path, path, APR_FNM_PATHNAME) == APR_SUCCESS;
    }
    for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
        if (apr_fnmatch(outer->path, apr_pstrmemdup(pool, path, (apr_size_t)(p - path) + 1),
                        APR_FNM_PATHNAME)
            == APR_SUCCESS) {
            return 1;
        }
    }
    return 0;
}

/* Does a hold wherever s does? Where s is a pattern: as far as can be told. */
static int holds_for(const ba_section *a, const ba_section *s, apr_pool_t *pool)
{
    int is_pattern = s->regex || s->is_glob;
    apr_size_t len;

    if (a == s) {
        return 1;
    }
    if (a->kind != s->kind || a->kind == BA_SECTION_IF) {
        return 0;
    }
    if (is_pattern && (a->regex || a->is_glob)) {
        return !a->regex == !s->regex && !strcmp(a->path, s->path);
    }
    if (is_pattern) {
        return !strcmp(a->path, "/")
               || (below(literal_start(s, pool), a->path)
                   && strlen(literal_start(s, pool)) > strlen(a->path));
    }
    if (a->regex) {
        /* of a directory, it sees the name without the slash */
        len = strlen(s->path);
        return !ap_regexec(a->regex,
                           apr_pstrmemdup(pool, s->path,
                                          a->kind == BA_SECTION_DIRECTORY && len > 1 ? len - 1
                                                                                     : len),
                           0, NULL, 0);
    }
    return a->is_glob ? glob_fits(a, s->path, pool) : below(s->path, a->path);
}

/* ---- what comes of them */

int ba_sections_guards(const ap_directive_t *auth_type, apr_pool_t *pool)
{
    const char *args = auth_type ? auth_type->args : "";

    return !strcasecmp(ap_getword_conf(pool, &args), "Session");
}

int ba_sections_is_require(const ap_directive_t *node)
{
    return is(node, "Require") || is(node, "<RequireAll") || is(node, "<RequireAny")
           || is(node, "<RequireNone");
}

/* Directives that count for some methods only stand in a container. */
static int is_limit(const ap_directive_t *node)
{
    return is(node, "<Limit") || is(node, "<LimitExcept");
}

static int row_of(const ap_directive_t *node)
{
    for (int i = 0; ba_directives[i].name; ++i) {
        if (ba_directives[i].req_override == OR_AUTHCFG && is(node, ba_directives[i].name)) {
            return i;
        }
    }
    return -1;
}

static int speaks(const ap_directive_t *node)
{
    for (; node; node = node->next) {
        if (is(node, "AuthType") || is(node, "AuthMerging") || is(node, "Satisfy")
            || ba_sections_is_require(node) || row_of(node) >= 0
            || (is_limit(node) && speaks(node->first_child))) {
            return 1;
        }
    }
    return 0;
}

int ba_sections_speaks(const ba_section *section)
{
    return speaks(section->node->first_child);
}

typedef struct one_section {
    const char *merging; /* AuthMerging's word */
    int has_require;
} one_section;

static void read_directives(ba_effective *e, one_section *one, const ap_directive_t *node,
                            apr_pool_t *pool)
{
    for (; node; node = node->next) {
        int row = row_of(node);

        if (row >= 0) {
            e->directives[row] = node;
        }
        else if (is(node, "AuthType")) {
            e->opened |= ba_sections_guards(e->auth_type, pool) && !ba_sections_guards(node, pool);
            e->auth_type = node;
        }
        else if (is(node, "Satisfy")) {
            e->satisfy = node;
        }
        else if (is(node, "AuthMerging")) {
            const char *args = node->args;

            one->merging = ap_getword_conf(pool, &args);
        }
        else if (ba_sections_is_require(node)) {
            one->has_require = 1;
        }
        else if (is_limit(node)) {
            read_directives(e, one, node->first_child, pool);
        }
    }
}

/* As mod_authz_core merges: a section with Require lines replaces those before, unless it
 * says AuthMerging And or Or. */
static void add_section(ba_effective *e, const ba_section *s, apr_pool_t *pool)
{
    one_section one = {NULL, 0};
    int joins;
    ba_require_lines *lines;

    read_directives(e, &one, s->node->first_child, pool);
    if (!one.merging && !one.has_require) {
        return;
    }
    joins = one.merging && strcasecmp(one.merging, "Off");
    if (!joins) {
        apr_array_clear(e->require);
    }
    if (one.has_require) {
        lines = apr_array_push(e->require);
        lines->section = s->node;
        lines->merging = joins && e->require->nelts > 1 ? one.merging : NULL;
    }
}

static void add_all(ba_effective *e, const apr_array_header_t *all, const ba_section *s,
                    apr_pool_t *pool)
{
    if (s->outer) {
        add_all(e, all, s->outer, pool);
        add_section(e, s, pool);
        return;
    }
    for (int i = 0; i < all->nelts; ++i) {
        const ba_section *a = APR_ARRAY_IDX(all, i, const ba_section *);

        if (!a->outer && holds_for(a, s, pool)) {
            add_section(e, a, pool);
        }
    }
}

const ba_effective *ba_sections_effective(const apr_array_header_t *all, const ba_section *section,
                                          apr_pool_t *pool)
{
    ba_effective *e = apr_pcalloc(pool, sizeof(*e));
    int rows = 0;

    while (ba_directives[rows].name) {
        ++rows;
    }
    e->directives = apr_pcalloc(pool, (apr_size_t)rows * sizeof(*e->directives));
    e->require = apr_array_make(pool, 2, sizeof(ba_require_lines));
    add_all(e, all, section, pool);
    e->opened = e->opened && !ba_sections_guards(e->auth_type, pool);
    return e;
}
