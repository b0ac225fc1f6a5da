/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_language.h"
#include "fixture.h"

#include <apr_file_io.h>
#include <stdlib.h>

static const apr_array_header_t *languages(apr_pool_t *pool)
{
    static const char *const codes[] = {"en", "de", "pt-br", "zh"};
    apr_array_header_t *all = apr_array_make(pool, 4, sizeof(const ba_language *));

    for (int i = 0; i < 4; ++i) {
        APR_ARRAY_PUSH(all, const ba_language *) = ba_language_create(codes[i], NULL, pool);
    }
    return all;
}

static void chooses_what_is_asked_for_most(void **state)
{
    static const struct {
        const char *header;
        const char *code;
    } rows[] = {
        {NULL, "en"},
        {"", "en"},
        {"de", "de"},
        {"DE", "de"},
        {"fr, de;q=0.5", "de"},
        {"en;q=0.4,de;q=0.5,zh;q=0.45", "de"},
        {"de;q=0.5, zh", "zh"},
        {"zh;q=0.8 , de;q=0.81", "de"},
        {"zh;q=0.800,de;q=0.801", "de"},
        /* the same: the order of BetterAuthLanguages */
        {"zh,de", "de"},
        /* regions */
        {"de-AT", "de"},
        {"pt", "pt-br"},
        {"pt-PT, en;q=0.9", "en"},
        {"pt-BR", "pt-br"},
        {"zh-Hans-CN,en;q=0.5", "zh"},
        {"d", "en"},
        {"dex", "en"},
        /* the closest range says */
        {"*;q=0.1, en;q=0, de;q=0.2", "de"},
        {"*, en;q=0", "de"},
        {"en;q=0, de;q=0", "en"},
        {"de-AT;q=0, de;q=1", "de"},
        /* what is no quality counts as none said */
        {"zh;q=0.9, de;level=1", "de"},
        {"zh;q=0.9, de;q=2", "de"},
        {"zh;q=0.9, de;q=", "de"},
        {"zh;q=0.9, de;q=0.9999", "de"},
        {"zh;q=0.9, de;q=0", "zh"},
        {"zh;q=0.9, de;q=00.99", "zh"},
        {",,;q=1, ,de", "de"},
        {";;;", "en"},
    };
    fixture *f = *state;
    const apr_array_header_t *all = languages(f->pool);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_string_equal(ba_language_accepted(all, rows[i].header)->code, rows[i].code);
    }
    assert_string_equal(ba_language_find(all, "PT-BR")->code, "pt-br");
    assert_null(ba_language_find(all, "pt"));
    assert_null(ba_language_find(all, NULL));
}

/* What the file says, and what is wrong with it. */
static const char *problem_of(fixture *f, ba_language *language, const char *text)
{
    char *path = apr_pstrdup(f->pool, "/tmp/ba-language-XXXXXX");
    const char *problem;
    apr_file_t *file;
    apr_status_t rv;

    assert_int_equal(apr_file_mktemp(&file, path, 0, f->pool), APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, text, strlen(text), NULL), APR_SUCCESS);
    apr_file_flush(file);
    rv = ba_language_read(language, path, &problem, f->pool);
    assert_int_equal(rv, problem ? APR_EINVAL : APR_SUCCESS);
    apr_file_close(file);
    if (problem) {
        assert_memory_equal(problem, path, strlen(path));
        problem += strlen(path);
    }
    return problem;
}

static void reads_files(void **state)
{
    fixture *f = *state;
    ba_language *english = ba_language_create("en", NULL, f->pool);
    ba_language *german = ba_language_create("de", english, f->pool);

    assert_null(problem_of(f, english, "\xEF\xBB\xBFhello = Hello\n\n# no = text\nbye=Bye = now\nempty =\n"));
    assert_string_equal(ba_language_text(english, "hello"), "Hello");
    assert_string_equal(ba_language_text(english, "bye"), "Bye = now");
    assert_string_equal(ba_language_text(english, "empty"), "");
    assert_null(ba_language_text(english, "no"));
    assert_null(problem_of(f, german, "  hello =  Gr\xC3\xBC\xC3\x9F Gott \r\nlast = ohne Ende"));
    assert_string_equal(ba_language_text(german, "hello"), "Gr\xC3\xBC\xC3\x9F Gott");
    assert_string_equal(ba_language_text(german, "last"), "ohne Ende");
    assert_string_equal(ba_language_text(german, "bye"), "Bye = now");
    assert_null(problem_of(f, german, "hello = Hallo\n"));
    assert_string_equal(ba_language_text(german, "hello"), "Hallo");
    assert_null(ba_language_text(NULL, "hello"));
}

static void names_mistakes_in_files(void **state)
{
    fixture *f = *state;
    ba_language *l = ba_language_create("de", NULL, f->pool);
    char *longest = malloc(4000);

    assert_string_equal(problem_of(f, l, "a = b\nhello\nc = d\n"),
                        ", line 2: no \"=\" between key and text");
    assert_string_equal(ba_language_text(l, "a"), "b");
    assert_null(ba_language_text(l, "c"));
    assert_string_equal(problem_of(f, l, "two words = x\n"), ", line 1: the key must be one word");
    assert_string_equal(problem_of(f, l, " = x\n"), ", line 1: the key must be one word");
    assert_string_equal(problem_of(f, l, "a = \xFF\n"), ", line 1: not UTF-8");
    memset(longest, 'x', 3999);
    longest[3999] = '\0';
    longest[1] = '=';
    assert_string_equal(problem_of(f, l, longest), ", line 1: the line is too long");
    free(longest);
}

static void fills_values_in_once(void **state)
{
    fixture *f = *state;
    apr_table_t *values = apr_table_make(f->pool, 2);

    apr_table_setn(values, "a", "{b}");
    apr_table_setn(values, "b", "B");
    assert_string_equal(ba_language_fill("{a}{b} {c} {", values, f->pool), "{b}B {c} {");
    assert_string_equal(ba_language_fill("}{a", values, f->pool), "}{a");
    assert_string_equal(ba_language_fill("", values, f->pool), "");
}

static void counts_as_the_language_does(void **state)
{
    static const struct {
        apr_int64_t seconds;
        const char *text;
        const char *slavic;
    } rows[] = {
        {1, "1 second", "1s"},        {2, "2 seconds", "two seconds"}, {10, "10 seconds", "10 few"},
        {60, "1 minutes", "1 minutes"}, {90, "90 seconds", "90 seconds"}, {91, "2 minutes", "2 minutes"},
        {3600, "1 hour", "1 hour"},   {86400, "24 hours", "24 hours"}, {172800, "2 days", "2 days"},
        {5400, "90 minutes", "90 minutes"}, {0, "0 seconds", "0 few"},
    };
    fixture *f = *state;
    ba_language *english = ba_language_create("en", NULL, f->pool);
    ba_language *other = ba_language_create("xx", english, f->pool);

    assert_null(problem_of(f, english,
                           "seconds = {n} seconds\nseconds-one = 1 second\nminutes = {n} minutes\n"
                           "hours = {n} hours\nhours-one = 1 hour\ndays = {n} days\n"));
    assert_null(problem_of(f, other,
                           "seconds-one = 1s\nseconds-two = two seconds\nseconds-few = {n} few\n"
                           "hours-one = 1 hour\n"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_string_equal(ba_language_span(english, rows[i].seconds, f->pool), rows[i].text);
        assert_string_equal(ba_language_span(other, rows[i].seconds, f->pool), rows[i].slavic);
    }
    assert_string_equal(ba_language_span(NULL, 3, f->pool), "3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(chooses_what_is_asked_for_most), FIXTURE_TEST(reads_files),
        FIXTURE_TEST(names_mistakes_in_files),        FIXTURE_TEST(fills_values_in_once),
        FIXTURE_TEST(counts_as_the_language_does),
    };

    return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
