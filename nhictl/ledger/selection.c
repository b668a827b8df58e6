/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/selection.h"

#include "lib/base/name.h"
#include "nhictl/ledger/document.h"

#include <string.h>

bool host_is_selected(const HostSelection *s, const char *name, const json_t *host)
{
        const json_t *labels = json_object_get(host, "labels");

        if (s->n_globs == 0 && s->n_labels == 0)
                return true;
        for (size_t i = 0; i < s->n_globs; i++)
                if (glob_match(s->globs[i], name))
                        return true;
        for (size_t i = 0; i < s->n_labels; i++)
                if (document_list_has(labels, s->labels[i]))
                        return true;
        return false;
}

bool host_glob_is(const char *text)
{
        return strpbrk(text, "*?[");
}
