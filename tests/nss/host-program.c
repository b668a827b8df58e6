/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A program that looks up a name: built statically, and made setuid by test-nss-load.
 * Usage: host-program NAME            through glibc, which finds the module by its name
 *        host-program NAME MODULE     through the module at that path, as glibc would call it
 * Prints "uid shell", or what the lookup came to. */

#include <dlfcn.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>

int __nss_configure_lookup(const char *db, const char *service_line);

typedef enum nss_status GetByName(const char *, struct passwd *, char *, size_t, int *);

static int print(const struct passwd *p)
{
        return printf("%u %s\n", (unsigned)p->pw_uid, p->pw_shell) < 0;
}

static int through_glibc(const char *name)
{
        const struct passwd *p;

        if (__nss_configure_lookup("passwd", "nhi") != 0)
                return 1;
        p = getpwnam(name);
        return p ? print(p) : printf("not there\n") < 0;
}

static int through_module(const char *name, const char *path)
{
        void *module = dlopen(path, RTLD_NOW);
        enum nss_status status;
        GetByName *get = NULL;
        char buffer[1024];
        struct passwd p;
        int error = 0;

        if (module)
                *(void **)&get = dlsym(module, "_nss_nhi_getpwnam_r");
        if (!get)
                return printf("%s\n", dlerror()) >= 0;
        status = get(name, &p, buffer, sizeof(buffer), &error);
        return status == NSS_STATUS_SUCCESS ? print(&p) : printf("status %d\n", status) < 0;
}

int main(int argc, char **argv)
{
        if (argc < 2)
                return 2;
        return argc == 2 ? through_glibc(argv[1]) : through_module(argv[1], argv[2]);
}
