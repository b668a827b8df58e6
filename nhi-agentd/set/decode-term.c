/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Entries of authorization_details (RFC 9396): one table for each type. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/set/decode.h"
#include "nhi-agentd/set/scan.h"
#include "nhi-agentd/set/value.h"

#include <stddef.h>

#define ADDRESS_SIZE_MAX 64u

/* An array of any element type, stored as pointer and count side by side. */
typedef int (*ItemReader)(Decode *d, const Member *m, const json_t *v, void *ret);

static int read_items(Decode *d, const Member *m, const json_t *v, size_t item_size,
                      ItemReader read_item, void *ret_items, size_t *ret_n)
{
        char *items;
        size_t n;
        int r;

        r = check_array(d, m, v);
        if (r != 0)
                return r;
        n = json_array_size(v);
        items = arena_alloc(d->arena, n, item_size);
        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                r = read_item(d, m, json_array_get(v, i), items + i * item_size);
                if (r != 0)
                        return r;
        }
        *(void **)ret_items = items;
        *ret_n = n;
        return 0;
}

static int read_cidr(Decode *d, const Member *m, const json_t *v, void *ret)
{
        int r;

        r = check_text(d, m, v);
        if (r != 0)
                return r;
        if (!cidr_parse(json_string_value(v), ret))
                return decode_problem(d, "member-value",
                                      "member \"from\": %s is no ADDRESS/PREFIX, or has bits set "
                                      "behind its prefix",
                                      json_string_value(v));
        return 0;
}

static int read_ssh_key(Decode *d, const Member *m, const json_t *v, void *ret)
{
        SshKey *k = ret;
        SshKeyView view;
        int r;

        r = check_text(d, m, v);
        if (r != 0)
                return r;
        if (!ssh_key_parse(json_string_value(v), &view))
                return decode_problem(d, "member-value",
                                      "member \"ssh_keys\" holds what is no ALGORITHM BLOB line");
        k->algorithm = decode_text(d, view.algorithm, view.algorithm_size);
        k->blob = decode_text(d, view.blob, view.blob_size);
        return k->algorithm && k->blob ? 0 : -ENOMEM;
}

static int read_command(Decode *d, const Member *m, const json_t *v, void *ret)
{
        static const Member path = { .name = "commands",
                                     .valid = path_is_plain,
                                     .expects = "an absolute path" };
        Command *c = ret;
        int r;

        if (!json_is_array(v) || json_array_size(v) == 0 || json_array_size(v) > GRANT_LIST_MAX)
                return decode_problem(d, "member-type",
                                      "each of \"commands\" must be [PATH, ARGUMENT...]");
        c->argv.items = arena_alloc(d->arena, json_array_size(v), sizeof(*c->argv.items));
        if (!c->argv.items)
                return -ENOMEM;
        for (; c->argv.n < json_array_size(v); c->argv.n++) {
                r = read_text(d, c->argv.n == 0 ? &path : m, json_array_get(v, c->argv.n),
                              &c->argv.items[c->argv.n]);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int read_from(Decode *d, const Member *m, const json_t *v, void *ret)
{
        Term *t = ret;

        return read_items(d, m, v, sizeof(Cidr), read_cidr, &t->from, &t->n_from);
}

static int read_ssh_keys(Decode *d, const Member *m, const json_t *v, void *ret)
{
        Term *t = ret;

        return read_items(d, m, v, sizeof(SshKey), read_ssh_key, &t->ssh_keys, &t->n_ssh_keys);
}

static int read_commands(Decode *d, const Member *m, const json_t *v, void *ret)
{
        Term *t = ret;

        t->has_commands = true;
        return read_items(d, m, v, sizeof(Command), read_command, &t->commands, &t->n_commands);
}

static int read_type(Decode *d, const Member *m, const json_t *v, void *ret)
{
        return 0; /* it chose the table */
}

static const Member login_members[] = {
        { .name = "type", .read = read_type },
        { .name = "services",
          .read = read_list,
          .offset = offsetof(Term, services),
          .limit = SERVICE_SIZE_MAX,
          .valid = login_class_is_valid,
          .expects = "a class of login" },
        { .name = "from", .read = read_from, .limit = ADDRESS_SIZE_MAX },
        { .name = "ssh_keys", .read = read_ssh_keys, .limit = SSH_KEY_SIZE_MAX },
        { .name = "user_manager", .read = read_flag, .offset = offsetof(Term, user_manager) },
};

static const Member elevate_members[] = {
        { .name = "type", .read = read_type },
        { .name = "services",
          .read = read_list,
          .offset = offsetof(Term, services),
          .required = true,
          .limit = SERVICE_SIZE_MAX,
          .valid = elevation_class_is_valid,
          .expects = "a class of elevation" },
        { .name = "run_as",
          .read = read_list,
          .offset = offsetof(Term, run_as),
          .required = true,
          .valid = target_is_valid,
          .expects = "a name or *" },
        { .name = "run_as_groups",
          .read = read_list,
          .offset = offsetof(Term, run_as_groups),
          .valid = target_is_valid,
          .expects = "a name or *" },
        { .name = "commands", .read = read_commands, .may_be_empty = true },
        { .name = "edit",
          .read = read_list,
          .offset = offsetof(Term, edit),
          .valid = path_is_plain,
          .expects = "a plain absolute path" },
};

static const Member unit_members[] = {
        { .name = "type", .read = read_type },
        { .name = "units",
          .read = read_list,
          .offset = offsetof(Term, units),
          .required = true,
          .valid = unit_is_valid,
          .expects = "the name of a .service unit" },
};

static const Member group_members[] = {
        { .name = "type", .read = read_type },
        { .name = "groups",
          .read = read_list,
          .offset = offsetof(Term, groups),
          .required = true,
          .valid = name_is_strict,
          .expects = "a group's name" },
};

static const struct {
        const char *name;
        TermType type;
        const Member *members;
        size_t n_members;
} term_types[] = {
        { "nhi_login", TERM_LOGIN, login_members, ELEMENTSOF(login_members) },
        { "nhi_elevate", TERM_ELEVATE, elevate_members, ELEMENTSOF(elevate_members) },
        { "nhi_unit", TERM_UNIT, unit_members, ELEMENTSOF(unit_members) },
        { "nhi_group", TERM_GROUP, group_members, ELEMENTSOF(group_members) },
};

static int term_decode(Decode *d, const json_t *v, Term *t)
{
        const char *type = json_string_value(json_object_get(v, "type"));
        int r;

        for (size_t i = 0; type && i < ELEMENTSOF(term_types); i++) {
                if (!streq(term_types[i].name, type))
                        continue;
                t->type = term_types[i].type;
                r = members_read(d, v, term_types[i].members, term_types[i].n_members, t);
                if (r == 0 && t->type == TERM_LOGIN && t->services.n == 0 && !t->user_manager)
                        return decode_problem(d, "member-missing",
                                              "nhi_login needs services or user_manager");
                return r;
        }
        return decode_problem(d, "unknown-type",
                              "authorization_details has a type that this version does not know");
}

/* Decode the terms of a list that no grant had before. */
static int decode_list(Decode *d, const json_t *v, TermList *list)
{
        Term *terms = arena_alloc(d->arena, json_array_size(v), sizeof(*terms));
        int r = 0;

        if (!terms)
                return -ENOMEM;
        list->terms = terms;
        for (; r == 0 && list->n < json_array_size(v); list->n++)
                r = term_decode(d, json_array_get(v, list->n), &terms[list->n]);
        return r;
}

/* As json_format(), from the text itself where that is as simple. */
static int decode_json(Decode *d, const json_t *v, TermList *list)
{
        char buffer[JSON_BUFFER_SIZE], *json = buffer;
        size_t size = 0;
        int r;

        if (d->cut && d->cut_size <= sizeof(buffer))
                size = scan_compact(d->cut, d->cut_size, buffer);
        if (size == 0) {
                r = json_format(v, buffer, &json, &size);
                if (r < 0)
                        return r;
        }
        list->json = arena_text_size(d->arena, json, size);
        if (json != buffer)
                free(json);
        return list->json ? 0 : -ENOMEM;
}

int read_terms(Decode *d, const Member *m, const json_t *v, void *ret)
{
        TermList *list = d->term_list;
        Grant *g = ret;
        int r;

        if (!list) {
                v = d->cut_terms ? d->cut_terms : v;
                if (!json_is_array(v) || json_array_size(v) == 0 ||
                    json_array_size(v) > GRANT_TERMS_MAX)
                        return decode_problem(d, "member-value",
                                              "member \"%s\" must be 1 to %u objects", m->name,
                                              GRANT_TERMS_MAX);
                list = arena_alloc(d->scratch, 1, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                r = decode_list(d, v, list);
                if (r == 0)
                        r = decode_json(d, v, list);
                if (r != 0)
                        return r;
                d->term_list = list;
        }
        g->terms = list->terms;
        g->n_terms = list->n;
        g->terms_json = list->json;
        return 0;
}
