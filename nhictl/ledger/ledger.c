/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/ledger.h"

#include "lib/base/file.h"
#include "lib/base/name.h"
#include "lib/base/sort.h"
#include "nhi-agentd/set/keylist.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/ledger/kind.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static bool host_name_is_valid(const char *name);

const LedgerKind ledger_kinds[DOC_N] = {
        [DOC_ACCOUNT] = { "account", "accounts", "name", name_is_strict },
        [DOC_OWNER] = { "owner", "owners", "name", jti_is_valid },
        [DOC_HOST] = { "host", "hosts", "name", host_name_is_valid },
        [DOC_GRANT] = { "grant", "grants", "jti", jti_is_valid },
};

/* Lower-case DNS labels: aud is compared byte by byte, and the name becomes a file name. */
static bool host_name_is_valid(const char *name)
{
        size_t size = strlen(name);
        char before = '.';

        /* The list beside the sets has this one's place. */
        if (size == 0 || size > LEDGER_NAME_MAX || streq(name, REVOCATIONS_NAME) ||
            streq(name, KEYLIST_NAME))
                return false;
        for (const char *c = name; *c; c++) {
                bool edge = before == '.' || c[1] == '.' || c[1] == '\0';

                if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) &&
                    !(*c == '-' && !edge) && !(*c == '.' && before != '.'))
                        return false;
                before = *c;
        }
        return before != '.';
}

bool ledger_name_is_valid(DocKind kind, const char *name)
{
        return name && ledger_kinds[kind].name_is_valid(name);
}

const char *ledger_kind_name(DocKind kind)
{
        return ledger_kinds[kind].name;
}

int ledger_hash_set(Ledger *l, const char *file, const char *text, size_t size)
{
        char hash[LEDGER_HASH_SIZE];

        content_hash(text, size, hash);
        return json_object_set_new(l->hashes, file, json_string(hash)) < 0 ? -ENOMEM : 0;
}

void ledger_unlock(Ledger *l)
{
        closep(&l->lock_fd);
        l->lock_fd = -EBADF;
}

Ledger *ledger_free(Ledger *l)
{
        if (!l)
                return NULL;
        for (size_t kind = 0; kind < DOC_N; kind++)
                json_decref(l->docs[kind]);
        json_decref(l->settings_doc);
        json_decref(l->hashes);
        json_decref(l->problems);
        closep(&l->lock_fd);
        closep(&l->dir_fd);
        history_free(l->history);
        json_decref(l->notes);
        free(l->revisions);
        free(l->who);
        free(l->path);
        free(l);
        return NULL;
}

json_t *ledger_get(const Ledger *l, DocKind kind, const char *name)
{
        return name ? json_object_get(l->docs[kind], name) : NULL;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **ledger_names(const Ledger *l, DocKind kind, size_t *ret_n)
{
        const char **names = calloc(json_object_size(l->docs[kind]) + 1, sizeof(*names));
        const char *name;
        json_t *doc;
        size_t n = 0;

        if (!names)
                return NULL;
        json_object_foreach(l->docs[kind], name, doc)
                names[n++] = name;
        sort_items(names, n, compare_names);
        *ret_n = n;
        return names;
}

/* The name in "FOLDER/NAME.json", where the folder is this kind's. */
static bool name_in_file(DocKind kind, const char *file, char ret[static LEDGER_FILE_MAX])
{
        const size_t folder = strlen(ledger_kinds[kind].folder), size = strlen(file);

        if (strncmp(file, ledger_kinds[kind].folder, folder) != 0 || file[folder] != '/')
                return false;
        (void)snprintf(ret, LEDGER_FILE_MAX, "%.*s", (int)(size - folder - strlen("/.json")),
                       file + folder + 1);
        return true;
}

const char **ledger_unread(const Ledger *l, DocKind kind, size_t *ret_n)
{
        size_t n_max = json_object_size(l->hashes), n = 0; /* each document has its hash */
        const char **names, *file;
        const json_t *hash;
        char *texts;

        for (size_t i = 0; i < DOC_N; i++)
                n_max -= json_object_size(l->docs[i]);
        names = calloc(n_max + 1, sizeof(*names) + LEDGER_FILE_MAX);
        if (!names)
                return NULL;
        texts = (char *)(names + n_max + 1);
        json_object_foreach(l->hashes, file, hash) {
                if (!name_in_file(kind, file, texts) || ledger_get(l, kind, texts))
                        continue;
                names[n++] = texts;
                texts += LEDGER_FILE_MAX;
        }
        sort_items(names, n, compare_names);
        *ret_n = n;
        return names;
}

char *ledger_file(DocKind kind, const char *name, char *ret)
{
        (void)snprintf(ret, LEDGER_FILE_MAX, "%s/%s.json", ledger_kinds[kind].folder, name);
        return ret;
}

bool ledger_has_file(const Ledger *l, DocKind kind, const char *name)
{
        char file[LEDGER_FILE_MAX];

        ledger_file(kind, name, file);
        return json_object_get(l->hashes, file) != NULL;
}

/* A document is as open as the directory it stands in: 0700 gives 0600, a shared checkout what its
 * group needs. */
static int write_document(Ledger *l, const char *folder, const char *file, const char *text)
{
        _cleanup_free_ char *path = NULL;
        struct stat st;

        if (fstat(l->dir_fd, &st) < 0)
                return -errno;
        if (mkdirat(l->dir_fd, folder, st.st_mode & 07777) < 0 && errno != EEXIST)
                return -errno;
        if (asprintf(&path, "%s/%s", l->path, file) < 0)
                return -ENOMEM;
        return file_replace(path, text, strlen(text), st.st_mode & 0664, geteuid(),
                            st.st_mode & S_ISGID ? st.st_gid : getegid(), true);
}

int ledger_put(Ledger *l, DocKind kind, const char *name, json_t *doc)
{
        _cleanup_free_ char *text = doc ? document_format(doc) : NULL;
        char file[LEDGER_FILE_MAX];
        int r = 0;

        ledger_file(kind, name, file);
        if (!text)
                r = -ENOMEM;
        else if (!l->writable || !ledger_name_is_valid(kind, name))
                r = -EINVAL;
        l->is_settled = false;
        if (r == 0)
                r = write_document(l, ledger_kinds[kind].folder, file, text);
        if (r == 0)
                r = ledger_hash_set(l, file, text, strlen(text));
        if (r < 0) {
                json_decref(doc);
                return r;
        }
        return json_object_set_new(l->docs[kind], name, doc) < 0 ? -ENOMEM : 0;
}

int ledger_remove(Ledger *l, DocKind kind, const char *name)
{
        char file[LEDGER_FILE_MAX];
        _cleanup_close_ int folder_fd = -EBADF;

        if (!l->writable || !ledger_name_is_valid(kind, name))
                return -EINVAL;
        ledger_file(kind, name, file);
        l->is_settled = false;
        folder_fd =
                openat(l->dir_fd, ledger_kinds[kind].folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder_fd < 0 || unlinkat(l->dir_fd, file, 0) < 0 || fsync(folder_fd) < 0)
                return -errno;
        (void)json_object_del(l->hashes, file);
        (void)json_object_del(l->docs[kind], name);
        return 0;
}
