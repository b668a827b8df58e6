/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* nhictl init --source on a root of its own. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhictl/init.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define CONFIG  PATH_CONF_DIR "/" INIT_SOURCE_CONF
#define LOCAL   PATH_CONF_DIR "/" INIT_LOCAL_CONF
#define TRUST   PATH_TRUST_DIR "/source.jwk"
#define DROP_IN PATH_ROOT "/etc/systemd/system/nhi-fetchd.service.d/10-nhi-init.conf"
#define GIVEN   PATH_ROOT "/given-"
#define NOW     1763760000
#define OTHER_KEY                                                                                  \
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"iss\":\"https://g.example.org\","                  \
        "\"x\":\"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw\"}"

static const char jwk[] = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"iss\":\"https://g.example.org\","
                          "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";
static const char hex[] = "90facafea9b1556698540f70c0117a22ea37bd5cf3ed3c47093c1707282b4b89";

static inline void put(const char *path, const char *text)
{
        assert_int_equal(file_replace(path, text, strlen(text), 0600, geteuid(), getegid(), false),
                         0);
}

static inline const char *content(const char *path)
{
        static char text[8192];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

        text[n > 0 ? n : 0] = '\0';
        if (fd < 0)
                return NULL;
        (void)close(fd);
        return text;
}

static inline int no_root(void **state)
{
        return system("rm -rf " PATH_ETC_DIR " " PATH_ROOT "/etc/systemd " GIVEN "*");
}

static inline int fresh_root(void **state)
{
        static const char *const dirs[] = { PATH_ROOT, PATH_ROOT "/etc", PATH_ROOT "/etc/systemd",
                                            PATH_ROOT "/etc/systemd/system" };

        assert_int_equal(no_root(state), 0);
        for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
                (void)mkdir(dirs[i], 0755);
        put(GIVEN "key.jwk", jwk);
        put(GIVEN "token", "s3cret\n");
        put(GIVEN "ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        put(GIVEN "key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        return 0;
}

#define URLS(...)                                                                                  \
        (ArgList)                                                                                  \
        {                                                                                          \
                (const char *[]){ __VA_ARGS__ },                                                   \
                        sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)                   \
        }

static const char *thumbprints[4];

static inline InitOptions options(ArgList sources)
{
        thumbprints[0] = hex;
        return (InitOptions){ .sources = sources,
                              .trust = GIVEN "key.jwk",
                              .thumbprints = { thumbprints, 1 },
                              .name = "web1.example.org" };
}

static inline int run(const InitOptions *o)
{
        const Call call = { .now_sec = NOW };

        return init_source(&call, o);
}
