/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agentd.conf and agentd.conf.d. Input: files, each ended by NUL, the first one agentd.conf. What
 * loads is complete (O20), and what --dump-config prints of it loads as the same; a refusal is a
 * sentence. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "nhi-agentd/config/config.h"
#include "nhi-agentd/config/dump.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <sodium.h>

#define FILES_MAX 4

static char *files[FILES_MAX];
static size_t n_files;

int __wrap_file_read_trusted(const char *path, uid_t owner, size_t size_max, char **ret,
                             size_t *ret_size);
int __wrap_scandir(const char *dir, struct dirent ***ret, int (*filter)(const struct dirent *),
                   int (*compare)(const struct dirent **, const struct dirent **));

/* RFC 8037 A.2 */
static const char key[] = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                          "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";

/* /0, /1, … are the input's files; any key that a file names is there. */
int __wrap_file_read_trusted(const char *path, uid_t owner, size_t size_max, char **ret,
                             size_t *ret_size)
{
        const char *name = strrchr(path, '/'), *text = key;

        (void)owner;
        if (strncmp(path, "/conf/", 6) == 0 && name)
                text = files[(size_t)(name[1] - '0') % FILES_MAX];
        if (!text)
                return -ENOENT;
        *ret_size = strlen(text);
        if (*ret_size > size_max)
                return -EFBIG;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

int __wrap_scandir(const char *dir, struct dirent ***ret, int (*filter)(const struct dirent *),
                   int (*compare)(const struct dirent **, const struct dirent **))
{
        struct dirent **names = calloc(FILES_MAX, sizeof(*names));
        int n = 0;

        (void)dir;
        (void)compare;
        for (size_t i = 1; names && i < n_files; i++) {
                struct dirent *d = calloc(1, sizeof(*d));

                if (!d)
                        abort();
                (void)snprintf(d->d_name, sizeof(d->d_name), "%zu.conf", i);
                FUZZ_HOLDS(filter(d), "a fragment is one");
                names[n++] = d;
        }
        *ret = names;
        return names ? n : -1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc;
        (void)argv;
        return sodium_init() < 0 ? -1 : 0;
}

static void is_complete(const Config *c)
{
        FUZZ_HOLDS(c->host_name && *c->host_name && c->n_issuers > 0, "a host and an issuer");
        for (size_t i = 0; i < c->n_issuers; i++) {
                const SetPolicy *p = &c->issuers[i].policy;

                FUZZ_HOLDS(p->issuer && *p->issuer && p->n_keys > 0 &&
                                   (*c->issuers[i].source.path || c->issuers[i].source.urls.n > 0),
                           "an issuer has a name, a key and a source");
                FUZZ_HOLDS(streq(p->audience, c->host_name), "and speaks to this host");
        }
        for (size_t i = 0; i < c->n_gates; i++)
                FUZZ_HOLDS(c->gates[i].name && c->gates[i].services.n > 0 &&
                                   (c->gates[i].mode == GATE_ENFORCE ||
                                    c->gates[i].mode == GATE_OBSERVE) &&
                                   c->gates[i].accounts.n + c->gates[i].groups.n > 0,
                           "a gate says whom it gates");
        FUZZ_HOLDS(c->peers_max > 0 && c->peers_per_uid_max > 0 && c->peer_deadline_usec > 0,
                   "limits are limits");
}

static char *dump(const Config *c)
{
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                abort();
        config_dump(c, f);
        (void)fclose(f);
        return text;
}

static void loads_again(const Config *c)
{
        char error[CONFIG_ERROR_MAX] = "", *text = dump(c), *again_text;
        Config *again = NULL;

        free(files[0]);
        files[0] = text;
        if (config_load("/conf/0", NULL, &again, error) != 0) {
                fprintf(stderr, "%s\n%s\n", error, text);
                FUZZ_HOLDS(false, "what is dumped loads");
        }
        again_text = dump(again);
        FUZZ_HOLDS(streq(text, again_text), "as the same");
        free(again_text);
        config_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char error[CONFIG_ERROR_MAX];
        Input in = { data, size };
        Config *c = NULL;

        for (n_files = 0; n_files < FILES_MAX && (n_files == 0 || in.size > 0); n_files++)
                files[n_files] = input_text(&in);
        memset(error, 'x', sizeof(error));
        if (config_load("/conf/0", "/conf", &c, error) == 0) {
                is_complete(c);
                loads_again(c);
                config_free(c);
        } else {
                FUZZ_HOLDS(memchr(error, 0, sizeof(error)) && strlen(error) > 10,
                           "a refusal is a sentence");
        }
        for (size_t i = 0; i < FILES_MAX; i++) {
                free(files[i]);
                files[i] = NULL;
        }
        return 0;
}
