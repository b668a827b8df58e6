/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/args.h"
#include "nhictl/texts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW_SEC 1000000

typedef struct Target {
        bool flag;
        const char *text;
        ArgList list;
        int64_t number, duration, time, since;
} Target;

static const Option options[] = {
        { "flag", 'f', OPTION_FLAG, offsetof(Target, flag), NULL, "a flag" },
        { "text", 't', OPTION_STRING, offsetof(Target, text), "T", "a text" },
        { "list", 0, OPTION_LIST, offsetof(Target, list), "L", "a list" },
        { "number", 0, OPTION_NUMBER, offsetof(Target, number), "N", "a number" },
        { "for", 0, OPTION_DURATION, offsetof(Target, duration), "T", "a duration" },
        { "until", 0, OPTION_TIME, offsetof(Target, time), "T", "a time" },
        { "since", 0, OPTION_SINCE, offsetof(Target, since), "T", "a time gone by" },
        { NULL, 0, 0, 0, NULL, NULL },
};

typedef struct Parsed {
        Target target;
        Args args;
        char error[ARGS_ERROR_MAX];
} Parsed;

static int parse(Parsed *p, const char *const *words)
{
        int argc = 0;

        *p = (Parsed){ 0 };
        while (words[argc])
                argc++;
        return args_parse(options, &p->target, argc, (char **)words, NOW_SEC, &p->args, p->error);
}
#define PARSE(p, ...) parse(p, (const char *const[]){ __VA_ARGS__, NULL })

static void every_kind_reaches_its_target(void **state)
{
        Parsed p;

        assert_int_equal(PARSE(&p, "one", "--flag", "--text", "hello", "--list=a", "--list", "b",
                               "--number", "7", "--for", "30m", "--until", "1h", "--since", "1m",
                               "--json", "two"),
                         0);
        assert_true(p.target.flag);
        assert_string_equal(p.target.text, "hello");
        assert_int_equal(p.target.list.n, 2);
        assert_string_equal(p.target.list.items[0], "a");
        assert_string_equal(p.target.list.items[1], "b");
        assert_int_equal(p.target.number, 7);
        assert_int_equal(p.target.duration, 1800);
        assert_int_equal(p.target.time, NOW_SEC + 3600);
        assert_int_equal(p.target.since, NOW_SEC - 60);
        assert_true(p.args.json);
        assert_false(p.args.help);
        assert_int_equal(p.args.operands.n, 2);
        assert_string_equal(p.args.operands.items[1], "two");
        args_done(options, &p.target, &p.args);
}

static void letters_stand_for_names(void **state)
{
        Parsed p;

        assert_int_equal(PARSE(&p, "-f", "-t", "x", "-h"), 0);
        assert_true(p.target.flag);
        assert_string_equal(p.target.text, "x");
        assert_true(p.args.help);
        args_done(options, &p.target, &p.args);
}

static void after_two_dashes_nothing_is_an_option(void **state)
{
        Parsed p;

        assert_int_equal(PARSE(&p, "--", "--flag", "-x", "-"), 0);
        assert_false(p.target.flag);
        assert_int_equal(p.args.operands.n, 3);
        args_done(options, &p.target, &p.args);
        assert_int_equal(PARSE(&p, "-"), 0);
        assert_int_equal(p.args.operands.n, 1);
        args_done(options, &p.target, &p.args);
}

static void what_is_wrong_is_named(void **state)
{
        static const struct {
                const char *words[4];
                const char *said;
        } cases[] = {
                { { "--nope" }, "unknown option: --nope" },
                { { "--nope=3" }, "unknown option: --nope" },
                { { "--fla" }, "unknown option: --fla" },
                { { "--flagg" }, "unknown option: --flagg" },
                { { "--=x" }, "unknown option: --=x" },
                { { "-x" }, "unknown option: -x" },
                { { "-ft" }, "unknown option: -ft" },
                { { "--flag=yes" }, "--flag takes no value" },
                { { "--text" }, "--text wants a value: T" },
                { { "--text", "" }, "--text wants a value that is not empty" },
                { { "--text", "a", "--text=b" }, "--text was given twice" },
                { { "--list=" }, "--list wants a value that is not empty" },
                { { "--number", "0" }, "a number from 1" },
                { { "--number", "2147483648" }, "a number from 1" },
                { { "--number", "1e3" }, "a number from 1" },
                { { "--number", "-1" }, "a number from 1" },
                { { "--for", "soon" }, "--for wants a duration" },
                { { "--for=1h", "--for=2h" }, "--for was given twice" },
                { { "--until", "tomorrow" }, "--until wants a time" },
                { { "--since", "20d" }, "--since wants a time" }, /* before the epoch */
                { { "--color", "pink" }, "--color wants always" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Parsed p;

                assert_int_equal(parse(&p, cases[i].words), -EINVAL);
                assert_non_null(strstr(p.error, cases[i].said));
                args_done(options, &p.target, &p.args);
        }
}

static void numbers_reach_their_limit(void **state)
{
        Parsed p;

        assert_int_equal(PARSE(&p, "--number", "2147483647"), 0);
        assert_int_equal(p.target.number, INT32_MAX);
        args_done(options, &p.target, &p.args);
}

static void commands_are_split_as_documented(void **state)
{
        static const struct {
                const char *line, *json;
        } cases[] = {
                { "/bin/ls", "[\"/bin/ls\"]" },
                { "  /bin/ls\t-l  ", "[\"/bin/ls\",\"-l\"]" },
                { "/bin/echo 'a b' \"c d\"", "[\"/bin/echo\",\"a b\",\"c d\"]" },
                { "/bin/echo a\\ b", "[\"/bin/echo\",\"a b\"]" },
                { "/bin/echo ''", "[\"/bin/echo\",\"\"]" },
                { "/bin/echo x'y'\"z\"", "[\"/bin/echo\",\"xyz\"]" },
                { "/bin/echo '\\' \"\\\"\" \"\\n\"",
                  "[\"/bin/echo\",\"\\\\\",\"\\\"\",\"\\\\n\"]" },
                { "/bin/echo $HOME `id` *", "[\"/bin/echo\",\"$HOME\",\"`id`\",\"*\"]" },
        };
        static const char *const bad[] = { "", "  ", "a 'b", "a \"b", "a\\", "a \xff" };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_t *words;
                char *text;

                assert_int_equal(texts_split(cases[i].line, &words), 0);
                text = json_dumps(words, JSON_COMPACT);
                assert_string_equal(text, cases[i].json);
                free(text);
                json_decref(words);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                json_t *words = NULL;

                assert_int_equal(texts_split(bad[i], &words), -EINVAL);
                assert_null(words);
        }
}

static void long_lists_are_cut_visibly(void **state)
{
        char line[TEXTS_LINE_MAX];
        json_t *list = json_array();

        for (size_t i = 0; i < 200; i++)
                json_array_append_new(list, json_string("name"));
        texts_line(line, list);
        assert_true(strlen(line) < sizeof(line));
        assert_string_equal(line + strlen(line) - 3, "...");
        json_decref(list);
        list = json_pack("[s, s]", "a", "b");
        assert_string_equal(texts_line(line, list), "a,b");
        json_decref(list);
        assert_string_equal(texts_line(line, NULL), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_kind_reaches_its_target),
                cmocka_unit_test(letters_stand_for_names),
                cmocka_unit_test(after_two_dashes_nothing_is_an_option),
                cmocka_unit_test(what_is_wrong_is_named),
                cmocka_unit_test(numbers_reach_their_limit),
                cmocka_unit_test(commands_are_split_as_documented),
                cmocka_unit_test(long_lists_are_cut_visibly),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
