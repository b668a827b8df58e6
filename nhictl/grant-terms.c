/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From options to authorization_details (RFC 9396). One login term, one elevation term, one of
 * units and one of groups: whoever needs finer terms makes two grants. */

#include "lib/base/service.h"
#include "nhi-agentd/core/window.h"
#include "nhictl/grant.h"
#include "nhictl/texts.h"

/* Classes of elevation: the PAM service behind the class is one. */
static bool class_is_elevation(const char *class)
{
        return service_is_elevation(strncmp(class, "pam:", 4) == 0 ? class + 4 : class);
}

/* The services of one side; NULL: memory. */
static json_t *services_of(const ArgList *services, bool elevation)
{
        json_t *list = json_array();

        for (size_t i = 0; list && i < services->n; i++) {
                if (class_is_elevation(services->items[i]) != elevation)
                        continue;
                if (json_array_append_new(list, json_string(services->items[i])) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

static int check_services(const GrantOptions *o)
{
        for (size_t i = 0; i < o->services.n; i++) {
                const char *word = o->services.items[i];

                if (!service_class_is_valid(word))
                        return fail(VERB_USAGE,
                                    "\"%s\" is no service class: ssh, sudo, su, cron, at, login "
                                    "or pam:NAME",
                                    word);
                if (streq(word, "systemd-user"))
                        return fail(VERB_USAGE, "a user manager is granted by --user-manager");
                if (streq(word, "unit"))
                        return fail(VERB_USAGE, "units are granted by name: --unit U");
        }
        return VERB_OK;
}

/* Options that only make sense beside others: one row each. */
static int check_company(const GrantOptions *o, bool login, bool ssh, bool elevation)
{
        const struct {
                bool given, company;
                const char *option, *wants;
        } rows[] = {
                { o->from.n > 0, login, "--from", "a login service such as --service ssh" },
                { o->user_manager, login, "--user-manager",
                  "a login service such as --service ssh" },
                { o->ssh_keys.n > 0, ssh, "--ssh-key", "--service ssh" },
                { o->run_as.n > 0, elevation, "--run-as", "--service sudo or su" },
                { o->run_as_groups.n > 0, elevation, "--run-as-group", "--service sudo" },
                { o->commands.n > 0, elevation, "--command", "--service sudo" },
                { o->edit.n > 0, elevation, "--edit", "--service sudo" },
                { elevation, o->run_as.n > 0, "--service sudo or su",
                  "--run-as U (--run-as '*' for any)" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (rows[i].given && !rows[i].company)
                        return fail(VERB_USAGE, "%s needs %s", rows[i].option, rows[i].wants);
        }
        if (!login && !elevation && o->units.n == 0 && o->groups.n == 0)
                return fail(VERB_USAGE, "this grants nothing: add --service, --unit or --group");
        return VERB_OK;
}

static int check_windows(const GrantOptions *o)
{
        Window window;

        for (size_t i = 0; i < o->windows.n; i++) {
                if (window_parse(o->windows.items[i], &window) < 0)
                        return fail(VERB_USAGE,
                                    "--window wants [DAYS ]hh:mm..hh:mm UTC, as in \"Sat,Sun "
                                    "01:00..05:00 UTC\", not \"%s\"",
                                    o->windows.items[i]);
        }
        return VERB_OK;
}

/* Set a member unless the list is empty; steals value. */
static int set_unless_empty(json_t *term, const char *member, json_t *value)
{
        if (value && json_array_size(value) == 0) {
                json_decref(value);
                return 0;
        }
        return json_object_set_new(term, member, value);
}

static int append_ssh_keys(const GrantOptions *o, json_t *term)
{
        json_t *keys = json_array();
        int r = keys ? VERB_OK : fail(VERB_FAILED, "out of memory");

        for (size_t i = 0; r == VERB_OK && i < o->ssh_keys.n; i++)
                r = ssh_key_append(keys, o->ssh_keys.items[i]);
        if (r != VERB_OK) {
                json_decref(keys);
                return r;
        }
        return set_unless_empty(term, "ssh_keys", keys) < 0 ? VERB_FAILED : VERB_OK;
}

static int login_term(const GrantOptions *o, json_t *services, json_t *terms)
{
        json_t *term = json_pack("{s:s, s:O}", "type", "nhi_login", "services", services);
        int r = term ? append_ssh_keys(o, term) : VERB_FAILED;

        if (r == VERB_OK &&
            (set_unless_empty(term, "from", texts_new(&o->from)) < 0 ||
             (o->user_manager && json_object_set_new(term, "user_manager", json_true()) < 0)))
                r = fail(VERB_FAILED, "out of memory");
        if (r != VERB_OK) {
                json_decref(term);
                return r;
        }
        return json_array_append_new(terms, term) < 0 ? VERB_FAILED : VERB_OK;
}

/* --edit without --command grants editing and no command at all: an empty list is present. */
static int set_commands(const GrantOptions *o, json_t *term)
{
        json_t *commands, *words;

        if (o->commands.n == 0 && o->edit.n == 0)
                return VERB_OK;
        commands = json_array();
        for (size_t i = 0; commands && i < o->commands.n; i++) {
                const char *line = o->commands.items[i];

                if (texts_split(line, &words) < 0) {
                        json_decref(commands);
                        return fail(VERB_USAGE,
                                    "--command \"%s\": a quote is not closed, or there "
                                    "is no word",
                                    line);
                }
                (void)json_array_append_new(commands, words);
        }
        return json_object_set_new(term, "commands", commands) < 0 ? VERB_FAILED : VERB_OK;
}

static int elevate_term(const GrantOptions *o, json_t *services, json_t *terms)
{
        json_t *term = json_pack("{s:s, s:O, s:o}", "type", "nhi_elevate", "services", services,
                                 "run_as", texts_new(&o->run_as));
        int r = term ? set_commands(o, term) : VERB_FAILED;

        if (r == VERB_OK &&
            (set_unless_empty(term, "run_as_groups", texts_new(&o->run_as_groups)) < 0 ||
             set_unless_empty(term, "edit", texts_new(&o->edit)) < 0))
                r = fail(VERB_FAILED, "out of memory");
        if (r != VERB_OK) {
                json_decref(term);
                return r;
        }
        return json_array_append_new(terms, term) < 0 ? VERB_FAILED : VERB_OK;
}

/* {"type": TYPE, MEMBER: words}, unless there are none. */
static int list_term(const char *type, const char *member, const ArgList *words, json_t *terms)
{
        if (words->n == 0)
                return VERB_OK;
        return json_array_append_new(
                       terms, json_pack("{s:s, s:o}", "type", type, member, texts_new(words))) < 0
                       ? fail(VERB_FAILED, "out of memory")
                       : VERB_OK;
}

static int build(const GrantOptions *o, json_t *login, json_t *elevation, json_t *terms)
{
        bool has_login = json_array_size(login) > 0, has_elevation = json_array_size(elevation) > 0;
        int r;

        r = check_company(o, has_login, document_list_has(login, "ssh"), has_elevation);
        if (r == VERB_OK && has_login)
                r = login_term(o, login, terms);
        if (r == VERB_OK && has_elevation)
                r = elevate_term(o, elevation, terms);
        if (r == VERB_OK)
                r = list_term("nhi_unit", "units", &o->units, terms);
        if (r == VERB_OK)
                r = list_term("nhi_group", "groups", &o->groups, terms);
        return r;
}

int grant_terms(const GrantOptions *o, json_t **ret)
{
        json_t *login, *elevation, *terms;
        int r;

        r = check_services(o);
        if (r == VERB_OK)
                r = check_windows(o);
        if (r != VERB_OK)
                return r;
        login = services_of(&o->services, false);
        elevation = services_of(&o->services, true);
        terms = json_array();
        r = login && elevation && terms ? build(o, login, elevation, terms)
                                        : fail(VERB_FAILED, "out of memory");
        json_decref(login);
        json_decref(elevation);
        if (r != VERB_OK) {
                json_decref(terms);
                return r;
        }
        *ret = terms;
        return VERB_OK;
}
