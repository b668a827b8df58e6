/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/doctor/grants.h"

static bool list_has_text(const json_t *list, const char *text)
{
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item)
                if (streq_ptr(json_string_value(item), text))
                        return true;
        return false;
}

static bool term_carries(const json_t *term, const char *member)
{
        return json_array_size(json_object_get(term, member)) > 0;
}

/* As the agent judges it: without the plugin only root, without limits, can be kept. */
static bool term_is_narrow(const json_t *term, const char *unused)
{
        const json_t *run_as = json_object_get(term, "run_as");

        if (!list_has_text(json_object_get(term, "services"), "sudo"))
                return false;
        return (!list_has_text(run_as, "root") && !list_has_text(run_as, "*")) ||
               term_carries(term, "commands") || term_carries(term, "edit");
}

static bool any_term(const DoctorHost *h, bool (*is)(const json_t *, const char *),
                     const char *member)
{
        const json_t *grant, *term;
        size_t i, k;

        json_array_foreach(h->grants, i, grant)
                json_array_foreach(json_object_get(grant, "authorization_details"), k, term)
                        if (is(term, member))
                                return true;
        return false;
}

bool grants_carry(const DoctorHost *h, const char *member)
{
        return any_term(h, term_carries, member);
}

bool grants_are_narrow(const DoctorHost *h)
{
        return any_term(h, term_is_narrow, NULL);
}

const char *grants_account(const DoctorHost *h, size_t i)
{
        return json_string_value(json_object_get(json_array_get(h->grants, i), "account"));
}
