/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Linked into the programs and modules of a coverage build, so that what a forked child did counts,
 * too, although it leaves by _exit(). A module has counters of its own: each object hands its dump
 * to the program, whose coverage_add is the only one that is exported. */

#include <dlfcn.h>
#include <gcov.h>
#include <stddef.h>
#include <unistd.h>

#define DUMPS_MAX 8u

typedef void (*Dump)(void);
typedef void (*Registry)(Dump dump);

void coverage_add(Dump dump);
void coverage_remove(Dump dump);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

static Dump dumps[DUMPS_MAX];

static void tell_program(const char *registry)
{
        Registry r = (Registry)dlsym(RTLD_DEFAULT, registry);

        if (r)
                r(__gcov_dump);
}

__attribute__((constructor)) static void on_load(void)
{
        tell_program("coverage_add");
}

__attribute__((destructor)) static void on_unload(void)
{
        tell_program("coverage_remove");
}

static void replace(Dump from, Dump to)
{
        for (size_t i = 0; i < DUMPS_MAX; i++)
                if (dumps[i] == from) {
                        dumps[i] = to;
                        return;
                }
}

void coverage_add(Dump dump)
{
        replace(NULL, dump);
}

void coverage_remove(Dump dump)
{
        replace(dump, NULL);
}

_Noreturn void __wrap__exit(int status)
{
        for (size_t i = 0; i < DUMPS_MAX; i++)
                if (dumps[i])
                        dumps[i]();
        __real__exit(status);
}
