/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* <Directory>, <Location> and the like as they stand in the configuration, and what httpd
 * makes of those that hold for the same place: what it merges itself, per request, cannot be
 * asked for without one. Read from the text, so each answer knows file and line. */

#ifndef BA_SECTIONS_H
#define BA_SECTIONS_H

#include <httpd.h>

#include <http_config.h>

/* In the order in which httpd applies them. */
typedef enum {
    BA_SECTION_DIRECTORY,
    BA_SECTION_FILES,
    BA_SECTION_LOCATION,
    BA_SECTION_IF,
    BA_SECTION_PROXY
} ba_section_kind;

typedef struct ba_section {
    const ap_directive_t *node;
    const struct ba_section *outer; /* <If> in a <Directory>; NULL: directly in a server */
    ba_section_kind kind;
    const char *path;  /* as httpd compares it; a regular expression's text */
    ap_regex_t *regex; /* NULL: none */
    int is_glob;
    int depth; /* of a directory */
} ba_section;

/* Require lines of one section; how they go with those before is NULL for the first. */
typedef struct ba_require_lines {
    const ap_directive_t *section;
    const char *merging; /* "And" or "Or" of AuthMerging */
} ba_require_lines;

/* What counts in a section, others that hold there included. */
typedef struct ba_effective {
    const ap_directive_t *auth_type; /* NULL: none is set */
    const ap_directive_t *satisfy;
    int opened; /* AuthType Session of another section is overruled */
    apr_array_header_t *require;       /* of ba_require_lines; empty: none */
    const ap_directive_t **directives; /* of ours, by row of the table; NULL: the default */
} ba_effective;

/* The sections of a server: those in `host`, a <VirtualHost>, after those outside of all;
 * host NULL: only these. Of const ba_section *, in httpd's order. */
apr_array_header_t *ba_sections_of(const ap_directive_t *tree, const ap_directive_t *host,
                                   apr_pool_t *pool);

/* Does the section itself say anything about who comes in? */
int ba_sections_speaks(const ba_section *section);

/* What counts at the section's own path. all: of ba_sections_of(). */
const ba_effective *ba_sections_effective(const apr_array_header_t *all, const ba_section *section,
                                          apr_pool_t *pool);

/* Is it AuthType Session? NULL is not. */
int ba_sections_guards(const ap_directive_t *auth_type, apr_pool_t *pool);

/* Is it Require, or a container of such? */
int ba_sections_is_require(const ap_directive_t *node);

#endif
