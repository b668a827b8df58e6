/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/grant.h"

#include <fcntl.h>

#define KEY_FILE_MAX 65536u

static bool is_key(const char *text)
{
        static const char *const prefixes[] = { "ssh-", "ecdsa-", "sk-" };

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
                        return strchr(text, ' ') || strchr(text, '\t');
        }
        return false;
}

/* "ALGORITHM BLOB [COMMENT]": without the comment, which is nobody's business on the hosts. */
static int append_line(json_t *list, const char *line)
{
        size_t algorithm = strcspn(line, " \t");
        const char *blob = line + algorithm + strspn(line + algorithm, " \t");
        int size = (int)strcspn(blob, " \t\r\n");
        json_t *key = json_sprintf("%.*s %.*s", (int)algorithm, line, size, blob);

        return json_array_append_new(list, key) < 0 ? fail(VERB_USAGE, "the ssh key is no UTF-8")
                                                    : VERB_OK;
}

static int append_text(json_t *list, const char *path, char *text)
{
        char *save = NULL;
        size_t n = 0;

        if (strstr(text, "PRIVATE KEY"))
                return fail(VERB_USAGE, "%s is a private key: give the public one (%s.pub)", path,
                            path);
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                line += strspn(line, " \t");
                if (*line == '\0' || *line == '#' || *line == '\r')
                        continue;
                if (!is_key(line))
                        return fail(VERB_USAGE,
                                    "%s: \"%.40s\" is no public key line: ALGORITHM BASE64, "
                                    "without options before it",
                                    path, line);
                if (append_line(list, line) != VERB_OK)
                        return VERB_USAGE;
                n++;
        }
        return n > 0 ? VERB_OK : fail(VERB_USAGE, "%s holds no ssh key", path);
}

int ssh_key_append(json_t *list, const char *file_or_key)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (is_key(file_or_key))
                return append_line(list, file_or_key);
        r = document_read(AT_FDCWD, file_or_key, KEY_FILE_MAX, &text, &size);
        if (r < 0)
                return fail(VERB_USAGE, "--ssh-key %s: %s", file_or_key, strerror(-r));
        return append_text(list, file_or_key, text);
}
