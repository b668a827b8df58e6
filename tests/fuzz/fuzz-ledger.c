/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The documents of a ledger. Input: files, "PATH LF text", each ended by byte 1e. A document that
 * cannot be understood grants nothing (L3): what is minted for a host is only what the ledger
 * holds, has not ended, and is for that host; and a host can read it. Whatever history it has
 * (L5): one writer later it accounts for every document, with one head. */

#include "lib/base/macro.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/ledger/check.h"
#include "nhictl/ledger/history-check.h"
#include "nhictl/ledger/ledger.h"
#include "nhictl/ledger/mint.h"
#include "nhictl/ledger/state.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <sys/stat.h>

#define FILES_MAX 12                  /* and a history that was not there */
#define NOW_SEC   INT64_C(1795298400) /* 2026-11-21T22:00:00Z */
#define FD_TOP    1000

typedef struct File {
        char *path, *text;
        size_t size;
} File;

static File files[FILES_MAX + 1];
static size_t n_files;
static unsigned n_open;
static SigningKey key;

int __wrap_document_read(int dir_fd, const char *path, size_t size_max, char **ret,
                         size_t *ret_size);
int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir_fd, const char *path, int flags, ...);
int __wrap_fstat(int fd, struct stat *ret);
int __wrap_flock(int fd, int operation);
int __wrap_fd_write_all(int fd, const void *data, size_t size);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_close(int fd);
DIR *__wrap_fdopendir(int fd);
struct dirent *__wrap_readdir(DIR *dir);
int __wrap_closedir(DIR *dir);
int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long mlen, const unsigned char *pk);
int __wrap_crypto_sign_detached(unsigned char *sig, unsigned long long *size,
                                const unsigned char *m, unsigned long long mlen,
                                const unsigned char *sk);

int __wrap_document_read(int dir_fd, const char *path, size_t size_max, char **ret,
                         size_t *ret_size)
{
        FUZZ_HOLDS(dir_fd == FD_TOP, "documents lie in the ledger");
        for (size_t i = 0; i < n_files; i++) {
                if (!streq(files[i].path, path))
                        continue;
                if (files[i].size > size_max)
                        return -EFBIG;
                *ret = malloc(files[i].size + 1);
                if (!*ret)
                        return -ENOMEM;
                memcpy(*ret, files[i].text, files[i].size + 1);
                *ret_size = files[i].size;
                return 0;
        }
        return -ENOENT;
}

int __wrap_open(const char *path, int flags, ...)
{
        (void)flags;
        FUZZ_HOLDS(streq(path, "/ledger"), "the ledger is opened");
        n_open++;
        return FD_TOP;
}

static const char *const folders[] = { "accounts", "owners", "hosts", "grants" };

static File *file_find(const char *path)
{
        for (size_t i = 0; i < n_files; i++) {
                if (streq(files[i].path, path))
                        return &files[i];
        }
        return NULL;
}

int __wrap_openat(int dir_fd, const char *path, int flags, ...)
{
        (void)dir_fd;
        if (streq(path, HISTORY_FILE) && !(flags & O_CREAT) && !file_find(path)) {
                errno = ENOENT;
                return -1;
        }
        n_open++;
        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                if (streq(path, folders[i]))
                        return FD_TOP + 1 + (int)i;
        return FD_TOP + 9;
}

int __wrap_fstat(int fd, struct stat *ret)
{
        *ret = (struct stat){ .st_mode = fd == FD_TOP + 9 ? S_IFREG | 0600 : S_IFDIR | 0700 };
        return 0;
}

/* What is added to history stands there. */
int __wrap_fd_write_all(int fd, const void *data, size_t size)
{
        File *f = file_find(HISTORY_FILE);

        FUZZ_HOLDS(fd == FD_TOP + 9, "only files are written");
        if (!f) {
                f = &files[n_files++];
                *f = (File){ .path = strdup(HISTORY_FILE) };
        }
        f->text = realloc(f->text, f->size + size + 1);
        if (!f->path || !f->text)
                abort();
        memcpy(f->text + f->size, data, size);
        f->size += size;
        f->text[f->size] = '\0';
        return 0;
}

int __wrap_fdatasync(int fd)
{
        (void)fd;
        return 0;
}

int __wrap_fsync(int fd)
{
        (void)fd;
        return 0;
}

int __wrap_fchmod(int fd, mode_t mode)
{
        (void)fd;
        (void)mode;
        return 0;
}

int __wrap_flock(int fd, int operation)
{
        (void)fd;
        (void)operation;
        return 0;
}

int __wrap_close(int fd)
{
        FUZZ_HOLDS(fd >= FD_TOP && n_open > 0, "what is closed was open");
        n_open--;
        return 0;
}

static struct {
        const char *folder;
        size_t next;
        struct dirent entry;
} listing;

DIR *__wrap_fdopendir(int fd)
{
        listing.folder = folders[(size_t)(fd - FD_TOP - 1) % ELEMENTSOF(folders)];
        listing.next = 0;
        return (DIR *)(void *)&listing;
}

struct dirent *__wrap_readdir(DIR *dir)
{
        (void)dir;
        while (listing.next < n_files) {
                const char *path = files[listing.next++].path;
                size_t size = strlen(listing.folder);

                if (strncmp(path, listing.folder, size) != 0 || path[size] != '/' ||
                    strchr(path + size + 1, '/') || strlen(path + size + 1) > 255)
                        continue;
                (void)snprintf(listing.entry.d_name, sizeof(listing.entry.d_name), "%s",
                               path + size + 1);
                return &listing.entry;
        }
        return NULL;
}

int __wrap_closedir(DIR *dir)
{
        (void)dir;
        return __wrap_close(FD_TOP);
}

int __wrap_crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
                                       unsigned long long mlen, const unsigned char *pk)
{
        (void)sig;
        (void)m;
        (void)mlen;
        (void)pk;
        return 0;
}

int __wrap_crypto_sign_detached(unsigned char *sig, unsigned long long *size,
                                const unsigned char *m, unsigned long long mlen,
                                const unsigned char *sk)
{
        (void)size;
        (void)m;
        (void)mlen;
        (void)sk;
        memset(sig, 0, crypto_sign_BYTES);
        return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc;
        (void)argv;
        return sodium_init() < 0 || signing_key_generate(&key) < 0 ? -1 : 0;
}

static void set_check(const Ledger *l, const GrantSet *s, const json_t *host)
{
        FUZZ_HOLDS(s->exp_sec - s->iat_sec <= 7 * 86400, "no set lasts longer than a week");
        for (size_t i = 0; i < s->n_grants; i++) {
                const json_t *doc = ledger_get(l, DOC_GRANT, s->grants[i].jti);

                FUZZ_HOLDS(doc && grant_reaches(doc, host), "a grant of the ledger, for this host");
                FUZZ_HOLDS(grant_state_is_live(ledger_grant_state(l, doc, NOW_SEC)),
                           "that has not ended");
                FUZZ_HOLDS(s->grants[i].exp_sec > NOW_SEC &&
                                   s->grants[i].exp_sec - s->grants[i].nbf_sec <=
                                           l->settings.lifetime_max_sec,
                           "within the ledger's limit");
                FUZZ_HOLDS(streq(document_text(doc, "account"), s->grants[i].account),
                           "for the account it names");
        }
        for (size_t i = 0; i < s->n_accounts; i++) {
                const json_t *doc = ledger_get(l, DOC_ACCOUNT, s->accounts[i].name);

                FUZZ_HOLDS(doc && !document_is_disabled(doc), "an account that is enabled");
                FUZZ_HOLDS((int64_t)s->accounts[i].uid ==
                                   json_integer_value(json_object_get(doc, "uid")),
                           "with its uid");
        }
}

static void host_mint(const Ledger *l, const char *name)
{
        const json_t *host = ledger_get(l, DOC_HOST, name);
        SetError error = { "", "" };
        GrantSet *set = NULL;
        json_t *payload = NULL;
        char *jws = NULL;
        int r;

        FUZZ_HOLDS(mint_payload(l, name, host, NOW_SEC, &payload) == 0, "a set can be made");
        r = mint_sign(&key, payload, NOW_SEC * 1000, "3f9c", &jws);
        FUZZ_HOLDS(r == 0, "and signed");
        r = mint_verify(l, &key, name, jws, NOW_SEC, &set, &error);
        FUZZ_HOLDS(r == 0 || (r == -EBADMSG && *error.code && *error.detail),
                   "and read, or there is a reason");
        if (r == 0)
                set_check(l, set, host);
        grant_set_free(set);
        json_decref(payload);
        free(jws);
}

/* Its problems; the index of a document's, or of a head too many, must not be among them where the
 * history is settled. */
static void history_use(const Ledger *l, bool is_settled)
{
        static const char line[] = "/ledger/history:", revision[] = "/ledger/revisions:";
        const HistoryWitness none = { 0 };
        json_t *problems = json_array();
        char head[HISTORY_HASH];
        const json_t *text;
        size_t i, n;

        FUZZ_HOLDS(history_check(l, &none, problems, &n, head) == 0, "a history can be checked");
        FUZZ_HOLDS((n > 0) == (*head != '\0'), "lines have a head");
        json_array_foreach(problems, i, text) {
                const char *said = json_string_value(text);

                FUZZ_HOLDS(said, "a problem is a sentence");
                FUZZ_HOLDS(!is_settled ||
                                   (strncmp(said, line, strlen(line)) == 0 && said[16] != ' ') ||
                                   strncmp(said, revision, strlen(revision)) == 0,
                           "only what was broken before is still to be said");
        }
        json_decref(problems);
}

/* L5 */
static void history_settle(void)
{
        char error[LEDGER_ERROR_MAX];
        Ledger *l = NULL;
        size_t n;

        if (ledger_open("/ledger", true, &l, error) < 0)
                return;
        FUZZ_HOLDS(ledger_author(l, NOW_SEC, "fuzz") == 0 && ledger_settle(l, "r", &n) == 0,
                   "any history can be gone on with");
        FUZZ_HOLDS(history_heads(l->history, NULL, 0) == 1, "from one head");
        ledger_free(l);
        FUZZ_HOLDS(ledger_open("/ledger", true, &l, error) == 0, "and read again");
        FUZZ_HOLDS(ledger_author(l, NOW_SEC, "fuzz") == 0 && ledger_settle(l, NULL, &n) == 0 &&
                           n == 0,
                   "once is enough");
        history_use(l, true);
        ledger_free(l);
}

static void ledger_use(const Ledger *l)
{
        json_t *problems = NULL;
        const char *name;
        json_t *doc;

        FUZZ_HOLDS(ledger_check(l, NOW_SEC, &problems) == 0 && json_is_array(problems),
                   "a ledger can be checked");
        json_decref(problems);
        history_use(l, false);
        json_object_foreach(l->docs[DOC_HOST], name, doc)
                host_mint(l, name);
}

static void file_read(Input *in, File *f)
{
        size_t size = 0;
        char *record = input_until(in, 0x1e, &size), *feed = memchr(record, '\n', size);

        if (!feed)
                feed = record + size;
        f->path = strndup(record, (size_t)(feed - record));
        f->size = feed < record + size ? size - (size_t)(feed - record) - 1 : 0;
        f->text = malloc(f->size + 1);
        if (!f->path || !f->text)
                abort();
        memcpy(f->text, feed + (feed < record + size), f->size);
        f->text[f->size] = '\0';
        free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char error[LEDGER_ERROR_MAX];
        Input in = { data, size };
        Ledger *l = NULL;

        for (n_files = 0; in.size > 0 && n_files < FILES_MAX; n_files++)
                file_read(&in, &files[n_files]);
        if (ledger_open("/ledger", false, &l, error) == 0) {
                ledger_use(l);
                ledger_free(l);
                history_settle();
        } else {
                FUZZ_HOLDS(*error, "a refusal is a sentence");
        }
        FUZZ_HOLDS(n_open == 0, "no descriptor is kept");
        for (size_t i = 0; i < n_files; i++) {
                free(files[i].path);
                free(files[i].text);
        }
        return 0;
}
