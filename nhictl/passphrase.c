/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/passphrase.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhictl/ledger/document.h"
#include "nhictl/output.h"
#include "nhictl/prompt.h"
#include "nhictl/verb.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>

#define TYPING_USEC (120 * USEC_PER_SEC) /* the ledger is ours meanwhile */
#define PROMPT_MAX  4352

DEFINE_CLEANUP(Passphrase *, passphrase_free);

static Passphrase *passphrase_new(void)
{
        Passphrase *p = sodium_malloc(sizeof(*p));

        if (p)
                sodium_memzero(p, sizeof(*p));
        return p;
}

Passphrase *passphrase_free(Passphrase *p)
{
        sodium_free(p);
        return NULL;
}

/* ---- a file ---- */

static bool is_one_line(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
                        return false;
        return size > 0 && size <= PASSPHRASE_MAX;
}

/* Takes text, without the newline at its end. */
static int take_text(const char *path, char *text, size_t size, Passphrase **ret)
{
        Passphrase *p = passphrase_new();
        const size_t n = size > 0 && text[size - 1] == '\n' ? size - 1 : size;
        bool fits = is_one_line(text, n);

        if (p && fits)
                memcpy(p->text, text, n);
        sodium_memzero(text, size);
        free(text);
        if (p && fits) {
                *ret = p;
                return VERB_OK;
        }
        sodium_free(p);
        return fail(VERB_FAILED, fits ? "%s: out of memory" : "%s is not one line of text", path);
}

static int read_file(const char *path, Passphrase **ret)
{
        char *text = NULL;
        size_t size = 0;
        int r = file_read_trusted(path, geteuid(), PASSPHRASE_MAX + 1, &text, &size);

        if (r < 0)
                return fail(VERB_FAILED, "%s: %s (it must be yours and writable by nobody else)",
                            path, strerror(-r));
        return take_text(path, text, size, ret);
}

/* Whose the file is, is the service manager's business. VERB_PROBLEM: there is none. */
static int read_credential(Passphrase **ret)
{
        const char *dir = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL;
        char *text = NULL;
        size_t size = 0;
        int r;

        if (!dir || *dir != '/')
                return VERB_PROBLEM;
        if (asprintf(&path, "%s/" PASSPHRASE_CREDENTIAL, dir) < 0) {
                path = NULL;
                return fail(VERB_FAILED, "out of memory");
        }
        r = document_read(AT_FDCWD, path, PASSPHRASE_MAX + 1, &text, &size);
        if (r == -ENOENT)
                return VERB_PROBLEM;
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", path, strerror(-r));
        return take_text(path, text, size, ret);
}

/* ---- a terminal ---- */

static int say_typing(int r, const char *key_path)
{
        if (r == -ENOTTY)
                return fail(VERB_FAILED,
                            "%s has a passphrase, and there is no terminal to ask for it: "
                            "--passphrase-file FILE, or the credential " PASSPHRASE_CREDENTIAL,
                            key_path);
        if (r == -ETIMEDOUT)
                return fail(VERB_FAILED, "nobody typed a passphrase for two minutes");
        if (r == -ENODATA || r == -EINTR)
                return fail(VERB_FAILED, "no passphrase was typed");
        if (r == -ENOBUFS)
                return fail(VERB_FAILED, "a passphrase has at most %u bytes", PASSPHRASE_MAX);
        return fail(VERB_FAILED, "the terminal: %s", strerror(-r));
}

static int type(const char *what, const char *key_path, Passphrase **ret)
{
        _cleanup_(passphrase_freep) Passphrase *p = passphrase_new();
        char prompt[PROMPT_MAX];
        int r;

        if (!p)
                return fail(VERB_FAILED, "out of memory");
        (void)snprintf(prompt, sizeof(prompt), "%s of %s: ", what, key_path);
        r = prompt_secret(PROMPT_TERMINAL, prompt, TYPING_USEC, p->text, sizeof(p->text));
        if (r < 0)
                return say_typing(r, key_path);
        p->is_typed = true;
        *ret = TAKE_PTR(p);
        return VERB_OK;
}

/* ---- */

int passphrase_get(const char *key_path, const char *file, Passphrase **ret)
{
        int r = file ? read_file(file, ret) : read_credential(ret);

        return r == VERB_PROBLEM ? type("Passphrase", key_path, ret) : r;
}

/* Characters of UTF-8. */
static size_t length(const char *text)
{
        size_t n = 0;

        for (; *text; text++)
                n += ((unsigned char)*text & 0xc0) != 0x80;
        return n;
}

static int type_twice(const char *key_path, Passphrase **ret)
{
        _cleanup_(passphrase_freep) Passphrase *p = NULL, *again = NULL;
        int r = type("New passphrase", key_path, &p);

        if (r == VERB_OK && length(p->text) >= PASSPHRASE_MIN)
                r = type("Once more, the new passphrase", key_path, &again);
        if (r != VERB_OK)
                return r;
        if (again && sodium_memcmp(p->text, again->text, sizeof(p->text)) != 0)
                return fail(VERB_FAILED, "these were two different passphrases");
        *ret = TAKE_PTR(p);
        return VERB_OK;
}

int passphrase_choose(const char *key_path, const char *file, Passphrase **ret)
{
        _cleanup_(passphrase_freep) Passphrase *p = NULL;
        int r = file ? read_file(file, &p) : type_twice(key_path, &p);

        if (r != VERB_OK)
                return r;
        if (length(p->text) < PASSPHRASE_MIN)
                return fail(VERB_USAGE,
                            "a new passphrase has at least %u characters: several words do",
                            PASSPHRASE_MIN);
        *ret = TAKE_PTR(p);
        return VERB_OK;
}
