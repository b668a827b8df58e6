/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How nhi-fetchd is known to the servers of a source. Secrets are credentials of its service: files
 * that only root reads, which the service manager hands over; agentd.conf knows their names. */

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhictl/init.h"
#include "nhictl/store/client.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define PEM_SIZE_MAX (256u * 1024)
#define CA_FILE      PATH_TRUST_DIR "/source-ca.pem"
#define DROP_IN_DIR  PATH_ROOT "/etc/systemd/system/nhi-fetchd.service.d"
#define DROP_IN      DROP_IN_DIR "/10-nhi-init.conf"
#define CERTIFICATE  "-----BEGIN CERTIFICATE-----"
#define PRIVATE_KEY  "PRIVATE KEY-----"
#define ENCRYPTED    "ENCRYPTED"

/* Each credential: the key of agentd.conf, its name, the option's file and the text read from it.
 */
static const struct {
        const char *key, *name;
        size_t given, read;
} credentials[] = {
        { "certificate", "source-certificate", offsetof(StoreAccess, certificate),
          offsetof(InitAccess, certificate) },
        { "certificate_key", "source-certificate-key", offsetof(StoreAccess, certificate_key),
          offsetof(InitAccess, certificate_key) },
        { "token", "source-token", offsetof(StoreAccess, token_file), offsetof(InitAccess, token) },
        { "user", "source-user", offsetof(StoreAccess, user_file), offsetof(InitAccess, user) },
        { "password", "source-password", offsetof(StoreAccess, password_file),
          offsetof(InitAccess, password) },
};

static const char *given_at(const StoreAccess *given, size_t i)
{
        return *(const char *const *)(const void *)((const uint8_t *)given + credentials[i].given);
}

static const char *text_at(const InitAccess *a, size_t i)
{
        return *(char *const *)(const void *)((const uint8_t *)a + credentials[i].read);
}

/* ---- read ---- */

/* A link is followed: it is root's own word, and certificates are often behind one. */
static int read_pem(const char *path, char **ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        char *text = fd < 0 ? NULL : calloc(1, PEM_SIZE_MAX + 1);
        size_t size = 0;
        int r;

        if (!text)
                return fail(VERB_FAILED, "%s: %s", path, strerror(errno));
        r = fd_read_all(fd, text, PEM_SIZE_MAX, &size);
        *ret = text;
        return r < 0 ? fail(VERB_FAILED, "%s: %s", path, strerror(-r)) : VERB_OK;
}

static int read_ca(const char *path, char **ret)
{
        int r = path ? read_pem(path, ret) : VERB_OK;

        if (r != VERB_OK || !path)
                return r;
        if (!strstr(*ret, CERTIFICATE))
                return fail(VERB_USAGE, "--ca-file %s holds no certificate in PEM", path);
        if (strstr(*ret, PRIVATE_KEY))
                return fail(VERB_USAGE, "--ca-file %s holds a private key: give the certificates",
                            path);
        return VERB_OK;
}

static int check_key(const char *option, const char *path, const char *text)
{
        if (!strstr(text, PRIVATE_KEY))
                return fail(VERB_USAGE, "%s %s holds no private key in PEM", option, path);
        if (strstr(text, ENCRYPTED))
                return fail(VERB_USAGE,
                            "%s %s is encrypted, and nobody is there to type its passphrase when "
                            "nhi-fetchd starts",
                            option, path);
        return VERB_OK;
}

static int read_certificate(const StoreAccess *given, InitAccess *ret)
{
        int r;

        if (!given->certificate)
                return given->certificate_key
                               ? fail(VERB_USAGE, "--certificate-key needs --certificate")
                               : VERB_OK;
        r = read_pem(given->certificate, &ret->certificate);
        if (r == VERB_OK && !strstr(ret->certificate, CERTIFICATE))
                r = fail(VERB_USAGE, "--certificate %s holds no certificate in PEM",
                         given->certificate);
        if (r == VERB_OK && !given->certificate_key)
                return check_key("--certificate", given->certificate, ret->certificate);
        if (r == VERB_OK)
                r = read_pem(given->certificate_key, &ret->certificate_key);
        return r == VERB_OK ? check_key("--certificate-key", given->certificate_key,
                                        ret->certificate_key)
                            : r;
}

static int read_secret(const char *path, char **ret)
{
        char error[CLIENT_ERROR_MAX];

        return path && secret_read(path, ret, error) < 0 ? fail(VERB_FAILED, "%s", error) : VERB_OK;
}

int init_access_read(const StoreAccess *given, InitAccess *ret)
{
        int r;

        *ret = (InitAccess){ 0 };
        if (!given->user_file != !given->password_file)
                return fail(VERB_USAGE, "--user-file and --password-file need each other");
        if (given->user_file && given->token_file)
                return fail(VERB_USAGE, "a token, or user and password: not both");
        r = read_ca(given->ca_file, &ret->ca);
        if (r == VERB_OK)
                r = read_certificate(given, ret);
        if (r == VERB_OK)
                r = read_secret(given->token_file, &ret->token);
        if (r == VERB_OK)
                r = read_secret(given->user_file, &ret->user);
        if (r == VERB_OK)
                r = read_secret(given->password_file, &ret->password);
        return r;
}

void init_access_done(InitAccess *a)
{
        for (size_t i = 0; i < ELEMENTSOF(credentials); i++)
                secret_free((char *)text_at(a, i));
        free(a->ca);
        *a = (InitAccess){ 0 };
}

/* ---- say ---- */

void init_access_settings(const StoreAccess *given, FILE *f)
{
        if (given->ca_file)
                (void)fprintf(f, "\n                ca_file = \"%s\";", CA_FILE);
        for (size_t i = 0; i < ELEMENTSOF(credentials); i++)
                if (given_at(given, i))
                        (void)fprintf(f, "\n                %s = \"%s\";", credentials[i].key,
                                      credentials[i].name);
}

/* ---- put it there ---- */

static int private_path(size_t i, char **ret)
{
        if (asprintf(ret, "%s/%s", PATH_PRIVATE_DIR, credentials[i].name) >= 0)
                return VERB_OK;
        *ret = NULL;
        return fail(VERB_FAILED, "out of memory");
}

static bool has_any(const InitAccess *a)
{
        for (size_t i = 0; i < ELEMENTSOF(credentials); i++)
                if (text_at(a, i))
                        return true;
        return false;
}

static int stage_credentials(const InitAccess *a, InitFiles *f)
{
        int r = VERB_OK;

        for (size_t i = 0; r == VERB_OK && i < ELEMENTSOF(credentials); i++) {
                _cleanup_free_ char *path = NULL;

                if (!text_at(a, i))
                        continue;
                r = private_path(i, &path);
                if (r == VERB_OK)
                        r = init_files_add(f, path, text_at(a, i), 0600);
        }
        return r;
}

/* What is handed over: what is given, and unless it is done anew what an earlier init put there. */
static int stage_drop_in(const InitAccess *a, bool anew, InitFiles *f, bool *changed)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0, n = 0;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return fail(VERB_FAILED, "out of memory");
        (void)fputs("# Written by nhictl init --source: what nhi-fetchd shows to the servers.\n"
                    "[Service]\n",
                    out);
        for (size_t i = 0; i < ELEMENTSOF(credentials); i++) {
                _cleanup_free_ char *path = NULL;

                if (private_path(i, &path) != VERB_OK ||
                    (!text_at(a, i) && (anew || access(path, F_OK) < 0)))
                        continue;
                (void)fprintf(out, "LoadCredential=%s:%s\n", credentials[i].name, path);
                n++;
        }
        if (fclose(out) == EOF)
                return fail(VERB_FAILED, "out of memory");
        if (n == 0)
                return VERB_OK;
        if (init_make_directory(DROP_IN_DIR, 0755, NULL, changed) != VERB_OK)
                return VERB_FAILED;
        return init_files_add(f, DROP_IN, text, 0644);
}

int init_access_stage(const InitAccess *a, bool anew, InitFiles *f, bool *credentials_change,
                      bool *changed)
{
        int r = a->ca ? init_files_add(f, CA_FILE, a->ca, 0644) : VERB_OK;
        const size_t n = f->n;

        if (r == VERB_OK && has_any(a))
                r = init_make_directory(PATH_PRIVATE_DIR, 0700, NULL, changed);
        if (r == VERB_OK)
                r = stage_credentials(a, f);
        if (r == VERB_OK)
                r = stage_drop_in(a, anew, f, changed);
        *credentials_change |= f->n > n;
        return r;
}

int init_access_forget(const InitAccess *a, bool *credentials_change, bool *changed)
{
        bool removed = false;
        int r = has_any(a) ? VERB_OK : init_remove(DROP_IN, &removed);

        for (size_t i = 0; r == VERB_OK && i < ELEMENTSOF(credentials); i++) {
                _cleanup_free_ char *path = NULL;

                if (text_at(a, i))
                        continue;
                r = private_path(i, &path);
                if (r == VERB_OK)
                        r = init_remove(path, &removed);
        }
        *credentials_change |= removed;
        *changed |= removed;
        return r == VERB_OK && !a->ca ? init_remove(CA_FILE, changed) : r;
}
