/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Resolved settings: plain structs that the core reads. The directive table
 * (ba_directives.c) turns configuration text into them; nothing here is changed
 * once the server runs. */

#ifndef BA_SETTINGS_H
#define BA_SETTINGS_H

#include "ba_column.h"
#include "ba_types.h"

typedef struct ba_range {
    apr_int64_t min;
    apr_int64_t max;
} ba_range;

/* Requests that a client may send before it stays away for the window's seconds. */
typedef struct ba_rate {
    apr_int64_t window;
    apr_int64_t max; /* 0: any number */
} ba_rate;

typedef struct ba_rate_rule {
    const char *path; /* below base_path; a glob of http-api 6.4 */
    ba_rate rate;
} ba_rate_rule;

typedef enum { BA_AUTO, BA_ON, BA_OFF } ba_auto;

/* Tokens in the Authorization header; BA_BEARER_SIGNED refuses them without signature. */
typedef enum { BA_BEARER_OFF, BA_BEARER_ON, BA_BEARER_SIGNED } ba_bearer_mode;

/* When a session in use is refreshed: at any request, never, or by POST /get-session. */
typedef enum { BA_REFRESH_ON, BA_REFRESH_OFF, BA_REFRESH_POST } ba_refresh;

typedef enum { BA_SAME_SITE_LAX, BA_SAME_SITE_STRICT, BA_SAME_SITE_NONE } ba_same_site;

typedef struct ba_cookie_attributes {
    ba_same_site same_site;
    const char *path;
    int partitioned;
} ba_cookie_attributes;

/* BetterAuthDeleteUser; confirm: by a link in a mail. */
typedef enum { BA_DELETE_OFF, BA_DELETE_ON, BA_DELETE_CONFIRM } ba_delete_user;

typedef enum { BA_MAILER_OFF, BA_MAILER_SMTP, BA_MAILER_SENDMAIL, BA_MAILER_DIR } ba_mailer_kind;

typedef enum { BA_STARTTLS_REQUIRED, BA_STARTTLS_AUTO, BA_STARTTLS_OFF } ba_starttls;

/* How mail leaves. */
typedef struct ba_mailer {
    ba_mailer_kind kind;
    const char *target;      /* smtp[s]://host[:port], program, or directory */
    const char *const *argv; /* of the program, its name first; NULL for others */
    ba_starttls starttls;    /* SMTP only, like the rest */
    const char *user;        /* NULL: no authentication */
    const char *password;    /* never logged */
    const char *cafile;      /* NULL: the system's certificates */
    const char *helo;        /* name that we greet with, NULL: this machine's; derived */
} ba_mailer;
/* How the cookie cache is written (http-api 3.5). */
typedef enum { BA_CACHE_OFF, BA_CACHE_COMPACT, BA_CACHE_JWT, BA_CACHE_JWE } ba_cache_form;

typedef struct ba_cookie_cache {
    ba_cache_form form;
    apr_int64_t max_age; /* seconds */
} ba_cookie_cache;

/* The server's cache of sessions: a socache provider. */
typedef struct ba_cache_source {
    const char *provider; /* NULL: off */
    const char *args;     /* NULL: the provider's own */
    apr_int64_t lifetime; /* seconds */
} ba_cache_source;

/* Whom mails are from. */
typedef struct ba_mailbox {
    const char *name; /* NULL: none */
    const char *address;
} ba_mailbox;

/* What makes the pages the site's own; NULL: not there. */
typedef struct ba_brand {
    const char *logo;
    const char *style;
    const char *terms;
    const char *privacy;
    const char *help;
    int color; /* 0xRRGGBB */
    int colored;
} ba_brand;

/* One server or virtual host. Times are seconds. */
typedef struct ba_settings {
    /* as configured */
    apr_array_header_t *secrets; /* of ba_bytes; the first signs, all verify */
    const char *base_url;        /* scheme://host[:port] */
    const char *base_path;       /* of the API */
    const char *pages_path;
    const char *pages_dir;
    apr_array_header_t *languages; /* of const char *: codes */
    ba_brand brand;
    apr_array_header_t *trusted_origins; /* of const char *, http-api 6.4 */
    const char *cookie_prefix;
    const char *cookie_domain; /* NULL: host-only */
    ba_auto secure_cookies;
    int sign_up;
    int auto_sign_in;
    int require_email_verification;
    ba_range password_length; /* UTF-16 code units */
    struct ba_words *refused_passwords; /* NULL: none */
    ba_hash_params hash;
    ba_range hash_concurrency; /* min: hashes at a time, max: waiters */
    apr_int64_t session_expires_in;
    apr_int64_t session_update_age;
    apr_int64_t session_fresh_age;
    ba_bearer_mode bearer;
    apr_array_header_t *disabled_paths; /* of const char *, no slash at the end; NULL: none */
    int skip_trailing_slash;
    const char *error_url; /* absolute, or a path; NULL: the front page */
    int email_password;
    ba_refresh session_refresh;
    apr_int64_t session_max_lifetime; /* since createdAt; 0: no end */
    apr_int64_t max_sessions;         /* of one user; 0: no end */
    int unlink_all;
    ba_cookie_attributes cookie_attributes;
    int ipv6_subnet; /* bits of an address that count */
    int ip_tracking;
    ba_id_kind generate_id;
    ba_columns fields;    /* the operator's own columns */
    int admin;            /* the tables have the admin plugin's columns */
    const char *app_name; /* what people are told; the host of base_url where not configured */
    ba_mailer mailer;
    ba_mailbox mail_from; /* noreply@ the host of base_url where not configured */
    ba_range mail_limit;  /* min: mails for one recipient, max: in so many seconds */
    const char *mail_dir; /* NULL: the installed documents alone */
    ba_auto verify_on_sign_up; /* auto: if sign-in needs it */
    int verify_on_sign_in;
    int verify_signs_in;
    apr_int64_t verify_expires_in;
    apr_int64_t reset_expires_in;
    int reset_revokes_sessions;
    int change_email;
    int change_email_unverified; /* change an unverified address at once */
    int change_email_confirm;    /* ask at the old address first */
    ba_delete_user delete_user;
    apr_int64_t delete_expires_in;
    int hash_identifiers; /* of verification rows (http-api 9.4) */
    int rate_limit;
    ba_rate rate_default;
    apr_array_header_t *rate_rules; /* of ba_rate_rule, the first that fits counts; or NULL */
    ba_cookie_cache cookie_cache;
    const char *cookie_cache_version;
    ba_cache_source session_cache;
    const char *audit_log; /* absolute path, or "|program"; NULL: off */

    /* derived by ba_settings_finish() */
    const char *origin;           /* serialised origin of base_url */
    int secure;                   /* cookies carry Secure and the __Secure- prefix */
    ba_columns columns;           /* all that the tables have beyond Better Auth's core */
    const char *session_cookie;   /* full names, http-api 3.1 */
    const char *data_cookie;
    const char *remember_cookie;  /* "dont_remember" */
    const char *cookie_flags;     /* "; Path=/; HttpOnly…", the same for all */

    /* set by those who start the server */
    int link_pages; /* our pages are mounted: mails link to them */
    const apr_array_header_t *cache_keys; /* of ba_jwe_key; NULL: no jwe */
    apr_size_t cookie_room; /* bytes of a session_data cookie that requests can carry back */
} ba_settings;

typedef enum {
    BA_UNAUTHENTICATED_AUTO,
    BA_UNAUTHENTICATED_401,
    BA_UNAUTHENTICATED_REDIRECT,
    BA_UNAUTHENTICATED_PASS
} ba_unauthenticated;

/* What becomes REMOTE_USER. A username column comes with a later feature. */
typedef enum { BA_REMOTE_EMAIL, BA_REMOTE_ID, BA_REMOTE_NAME } ba_remote_user;

typedef enum {
    BA_EXPORT_NONE = 0,
    BA_EXPORT_ENV = 1,
    BA_EXPORT_HEADERS = 2,
    BA_EXPORT_BOTH = 3
} ba_export;

/* One directory, location or .htaccess. */
typedef struct ba_dir_settings {
    ba_unauthenticated unauthenticated;
    ba_remote_user remote_user;
    ba_export export_to;
    int forward_cookies; /* do proxied applications get our cookies? */
} ba_dir_settings;

/* Fills the derived members. base_url must be set. */
void ba_settings_finish(ba_settings *settings, apr_pool_t *pool);

#endif
