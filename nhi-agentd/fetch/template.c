/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/template.h"

#include "lib/base/macro.h"

#include <stdio.h>

#define PLACEHOLDER "{host}"

static bool is_unreserved(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c && strchr("-._~", c));
}

static void put_host(FILE *out, const char *host, bool in_url)
{
        for (; *host; host++)
                if (in_url && !is_unreserved(*host))
                        fprintf(out, "%%%02X", (unsigned char)*host);
                else
                        fputc(*host, out);
}

int template_expand(const char *text, const char *host, bool in_url, char **ret)
{
        char *expanded = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&expanded, &size);
        bool failed;

        if (!out)
                return -ENOMEM;
        for (const char *at; (at = strstr(text, PLACEHOLDER)); text = at + strlen(PLACEHOLDER)) {
                (void)fwrite(text, 1, (size_t)(at - text), out);
                put_host(out, host, in_url);
        }
        fputs(text, out);
        failed = ferror(out);
        if (fclose(out) != 0 || failed) {
                free(expanded);
                return -ENOMEM;
        }
        *ret = expanded;
        return 0;
}
