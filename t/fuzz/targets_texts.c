/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Bodies, languages, and the texts of columns. */

#include "fuzz.h"

#include "ba_column.h"
#include "ba_json.h"
#include "ba_json_flat.h"
#include "ba_language.h"
#include "ba_schema.h"
#include "ba_text.h"

#include <apr_strings.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct body {
    const char *name, *email;
    ba_bytes password;
    int remember;
    const json_t *any, *whole;
} body;

static const ba_field fields[] = {
    {"name", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(body, name)},
    {"email", BA_FIELD_EMAIL, BA_REQUIRED, offsetof(body, email)},
    {"password", BA_FIELD_BYTES, BA_REQUIRED | BA_NOT_EMPTY, offsetof(body, password)},
    {"rememberMe", BA_FIELD_BOOL, BA_OPTIONAL, offsetof(body, remember)},
    {"any", BA_FIELD_ANY, BA_OPTIONAL, offsetof(body, any)},
    {"", BA_FIELD_WHOLE, BA_OPTIONAL, offsetof(body, whole)},
    {0},
};

static void read_schema(const json_t *json, ba_record record, apr_pool_t *pool)
{
    ba_schema schema = {fields, sizeof(body), 0, record};
    const char *problem = NULL;
    const body *b = ba_schema_read(&schema, "body", json, &problem, pool);

    fuzz_must(!b == !!problem, "neither a struct nor a problem");
    if (problem) {
        fuzz_must(ba_text_is_utf8(problem, strlen(problem)), "a problem that is no text");
    }
    if (b) {
        fuzz_must(ba_text_utf16_length(b->password.data, b->password.len) > 0, "an empty password");
        fuzz_must(ba_schema_email(b->email), "not an address");
    }
}

static void read_tree(const json_t *json, apr_pool_t *pool)
{
    const char *text = json ? ba_json_text(json, pool) : NULL, *again;

    if (!json) {
        read_schema(NULL, BA_OBJECT, pool);
        return;
    }
    fuzz_must(text != NULL, "what was read cannot be written");
    fuzz_must(ba_text_is_utf8(text, strlen(text)), "not UTF-8");
    again = ba_json_text(ba_json_parse((ba_bytes){text, strlen(text)}, pool), pool);
    fuzz_must(again && !strcmp(text, again), "what was written is read otherwise");
    ba_json_falsy(json);
    for (int record = BA_OBJECT; record <= BA_OBJECT_AND_RECORD; ++record) {
        read_schema(json, (ba_record)record, pool);
    }
}

static void read_json(fuzz *f)
{
    read_tree(ba_json_parse(f->data, f->pool), f->pool);
}

static void read_form(fuzz *f)
{
    read_tree(ba_json_from_form(f->data, f->pool), f->pool);
    read_tree(ba_json_from_query(f->text, f->pool), f->pool);
}

/* The fast reader and the other one agree. */
static void read_flat(fuzz *f)
{
    ba_flat members[] = {{.key = "a"}, {.key = "b"}, {.object = "s", .key = "a"},
                         {.object = "s", .key = "b"}, {.object = "u", .key = "a"}};
    const json_t *json = ba_json_parse(f->data, f->pool);
    int n = sizeof(members) / sizeof(members[0]);

    if (!ba_json_flat(f->text, f->data.len, members, n)) {
        fuzz_must(!memcmp(f->text, f->data.data, f->data.len), "the text has changed");
        return;
    }
    fuzz_must(json_is_object(json), "not an object");
    for (int i = 0; i < n; ++i) {
        const ba_flat *m = &members[i];
        const json_t *value
            = json_object_get(m->object ? json_object_get(json, m->object) : json, m->key);

        fuzz_must(m->kind != BA_FLAT_TEXT
                      || (json_is_string(value) && json_string_length(value) == m->len
                          && !memcmp(json_string_value(value), m->text, m->len)),
                  "another text");
        fuzz_must(m->kind != BA_FLAT_NUMBER
                      || (json_is_number(value)
                          && json_number_value(value) == (double)apr_atoi64(m->text)),
                  "another number");
        fuzz_must((m->kind == BA_FLAT_TRUE) == (value && json_is_true(value)), "another truth");
        fuzz_must((m->kind == BA_FLAT_FALSE) == (value && json_is_false(value)), "another lie");
        fuzz_must((m->kind == BA_FLAT_NULL) == (value && json_is_null(value)), "another null");
        fuzz_must(m->kind != BA_FLAT_ABSENT || !value || json_is_object(value), "overlooked");
    }
}

/* Also what the JSON of users and accounts makes of stored values. */
static void read_column(fuzz *f)
{
    ba_extra *extra = ba_extra_fallback(f->settings->columns.user, f->pool);
    ba_user user = {.id = "u", .name = f->text, .email = "a@b.example", .extra = extra};
    ba_account account = {.id = "a", .account_id = "b", .provider_id = "c", .scope = f->text};
    int utf8 = ba_text_is_utf8(f->text, strlen(f->text));
    const char *json;

    ba_json_text(ba_json_account(&account, f->pool), f->pool);
    for (int type = BA_COLUMN_STRING; utf8 && type <= BA_COLUMN_DATE; ++type) {
        const char *value = ba_column_value((ba_column_type)type, f->text, f->pool);
        const char *again = value ? ba_column_value((ba_column_type)type, value, f->pool) : NULL;

        fuzz_must(!value || (again && !strcmp(value, again)), "a value that is none");
        for (int i = 0; value && i < extra->columns->nelts; ++i) {
            if (APR_ARRAY_IDX(extra->columns, i, ba_column).type == (ba_column_type)type) {
                extra->values[i] = value;
            }
        }
    }
    user.extra = ba_extra_merge(extra, ba_extra_create(extra->columns, f->pool), f->pool);
    fuzz_must(!ba_extra_any(user.extra), "nothing was given");
    fuzz_must(!utf8 || ba_text_length(ba_text_cut(f->text, 9, f->pool)) <= 9, "it is not cut");
    user.image = ba_text_from_latin1(f->text, f->pool);
    fuzz_must(ba_text_is_utf8(user.image, strlen(user.image)), "Latin-1 that is no UTF-8");
    json = ba_json_text(ba_json_user(&user, f->pool), f->pool);
    fuzz_must(!utf8 || (json && ba_json_parse((ba_bytes){json, strlen(json)}, f->pool)),
              "a user that cannot be read");
}

static void read_date(fuzz *f)
{
    ba_time t, again;

    if (ba_text_parse_date(f->text, &t) == APR_SUCCESS) {
        const char *text = ba_text_iso_date(t, f->pool);

        fuzz_must(ba_text_parse_date(text, &again) == APR_SUCCESS, "a date that is none");
        fuzz_must(t == again, "another date");
    }
}

/* ---- languages */

static apr_array_header_t *languages(apr_pool_t *pool)
{
    static const char *const codes[] = {"en", "de", "pt-br"};
    apr_array_header_t *all = apr_array_make(pool, 3, sizeof(const ba_language *));

    for (int i = 0; i < 3; ++i) {
        APR_ARRAY_PUSH(all, const ba_language *) = ba_language_create(codes[i], NULL, pool);
    }
    return all;
}

static void read_language(fuzz *f)
{
    apr_table_t *values = apr_table_make(f->pool, 1);

    fuzz_must(ba_language_accepted(languages(f->pool), f->text) != NULL, "no language");
    ba_language_find(languages(f->pool), f->text);
    apr_table_setn(values, "a", "{a}");
    fuzz_must(ba_language_fill(f->text, values, f->pool) != NULL, "no text");
}

static void read_language_file(fuzz *f)
{
    static char path[40];
    static int file = -1;
    ba_language *en = ba_language_create("en", NULL, f->pool);
    ba_language *de = ba_language_create("de", en, f->pool);
    const char *problem = NULL;

    if (file < 0) {
        file = memfd_create("language", 0);
        fuzz_must(file >= 0, "no memory for a file");
        apr_snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    }
    fuzz_must(ftruncate(file, 0) == 0
                  && pwrite(file, f->data.data, f->data.len, 0) == (ssize_t)f->data.len,
              "no room for a file");
    if (ba_language_read(de, path, &problem, f->pool) == APR_EINVAL) {
        fuzz_must(problem != NULL, "what is wrong?");
    }
    ba_language_text(de, "sign-in");
    ba_language_span(de, (apr_int64_t)f->data.len * 40, f->pool);
}

const fuzz_target fuzz_texts[] = {
    {"json", read_json},         {"form", read_form},
    {"json-flat", read_flat},    {"column", read_column},
    {"date", read_date},         {"language", read_language},
    {"language-file", read_language_file}, {0},
};
