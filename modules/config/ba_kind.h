/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Kinds of values that directives have: each reads the words behind a directive's name
 * into its member, and says what to write instead if they are no such value. */

#ifndef BA_KIND_H
#define BA_KIND_H

#include "ba_settings.h"

typedef struct ba_slot ba_slot;

/* Reads the words of a directive into its member; NULL or a message, which never
 * repeats a value: it may be a secret. */
typedef const char *(*ba_kind_read)(apr_pool_t *pool, const ba_slot *slot, void *member, int argc,
                                    char *const argv[]);

typedef struct ba_kind {
    ba_kind_read read;
    apr_size_t size; /* of the member */
    int min_args;
    int max_args;
} ba_kind;

struct ba_slot {
    const ba_kind *kind;
    apr_size_t offset;
    const char *fallback;     /* the default as one would write it, NULL: all zero */
    apr_int64_t lo, hi;       /* of a number */
    const char *const *words; /* of an enum, by value */
};

extern const ba_kind ba_kind_flag;
extern const ba_kind ba_kind_word;
extern const ba_kind ba_kind_time;
extern const ba_kind ba_kind_time_or_off;
extern const ba_kind ba_kind_count_or_off;
extern const ba_kind ba_kind_prefix;
extern const ba_kind ba_kind_url;
extern const ba_kind ba_kind_name;
extern const ba_kind ba_kind_cookie_attributes;
extern const ba_kind ba_kind_column;
extern const ba_kind ba_kind_languages;
extern const ba_kind ba_kind_brand;
extern const ba_kind ba_kind_origin;
extern const ba_kind ba_kind_url_path;
extern const ba_kind ba_kind_directory;
extern const ba_kind ba_kind_token;
extern const ba_kind ba_kind_patterns;
extern const ba_kind ba_kind_endpoints;
extern const ba_kind ba_kind_secrets;
extern const ba_kind ba_kind_lengths;
extern const ba_kind ba_kind_words;
extern const ba_kind ba_kind_concurrency;
extern const ba_kind ba_kind_rate;
extern const ba_kind ba_kind_rate_rule;
extern const ba_kind ba_kind_hash;
extern const ba_kind ba_kind_cookie_cache;
extern const ba_kind ba_kind_session_cache;
extern const ba_kind ba_kind_log;
extern const ba_kind ba_kind_version;
extern const ba_kind ba_kind_mailer;
extern const ba_kind ba_kind_mailbox;
extern const ba_kind ba_kind_mail_limit;

/* May the words of such a directive hold a secret? Then nobody shows them. */
int ba_kind_is_secret(const ba_kind *kind);

/* Does a directive of this kind add to what the one before it said, in the same server? */
int ba_kind_adds_up(const ba_kind *kind);

/* Reads 7d, 10m or 300 as seconds from lo to hi; 0: it is no such time. */
int ba_kind_seconds(const char *text, apr_int64_t lo, apr_int64_t hi, apr_int64_t *seconds);

/* The same for a whole number. */
int ba_kind_number(const char *text, apr_int64_t lo, apr_int64_t hi, apr_int64_t *n);

/* What a secret's source says (text, file:PATH, env:NAME, exec:COMMAND), without its
 * line end; NULL, or a message. */
const char *ba_kind_secret_text(apr_pool_t *pool, const char *source, const char **text);

#endif
