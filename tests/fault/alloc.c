/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The process's allocator: libc's (or the sanitizer's), with the Nth call refused. What libraries
 * allocate comes through here, too: the program's symbols are found before libc's. */

#include "tests/fault/alloc.h"

#include "tests/fault/fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* fault.mk says so: this file itself is compiled without. */
#ifdef SANITIZED
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *block, size_t size);
void REAL(free)(void *block);

static bool armed;
static unsigned n_calls;
static long n_live;

void alloc_arm(bool on)
{
        n_calls = 0;
        __atomic_store_n(&armed, on, __ATOMIC_SEQ_CST);
}

void alloc_count_from_here(void)
{
        __atomic_store_n(&n_live, 0, __ATOMIC_SEQ_CST);
}

long alloc_live(void)
{
        return __atomic_load_n(&n_live, __ATOMIC_SEQ_CST);
}

/* libconfig dies where it gets no memory (it ends the process, or follows a null pointer): a death
 * that is its own is told apart. */
static bool is_libconfig_asking(void)
{
        void *frames[24];
        const int n = backtrace(frames, 24);
        Dl_info where;

        for (int i = 0; i < n; i++)
                if (dladdr(frames[i], &where) != 0 && where.dli_fname &&
                    strstr(where.dli_fname, "/libconfig.so"))
                        return true;
        return false;
}

static void note_refused(void)
{
        if (__atomic_fetch_add(&fault->n_fired, 1, __ATOMIC_SEQ_CST) == 0)
                memcpy(fault->fired_what, "allocation", sizeof("allocation"));
        /* Not where libraries are loaded: what is half there cannot be walked through. */
        if (scenario->recover && is_libconfig_asking())
                fault->in_libconfig = true;
}

#ifdef SANITIZED
/* A sanitizer asks libc where a new thread's stack is, before the thread does anything of ours, and
 * dies where there is no memory for that. */
static bool is_sanitizer_asking(const void *caller)
{
        void *frames[32];
        Dl_info ours, where;
        bool outside = false;
        int n;

        if (gettid() == getpid() || dladdr((void *)(uintptr_t)alloc_arm, &ours) == 0)
                return false;
        n = backtrace(frames, 32);
        for (int i = 0; i < n; i++) {
                outside |= frames[i] == caller;
                if (outside && dladdr(frames[i], &where) != 0 && where.dli_fbase == ours.dli_fbase)
                        return false;
        }
        return outside;
}
#else
static bool is_sanitizer_asking(const void *caller)
{
        return false;
}
#endif

static bool is_refused(const void *caller)
{
        unsigned n;

        if (!__atomic_load_n(&armed, __ATOMIC_SEQ_CST) || is_sanitizer_asking(caller))
                return false;
        n = __atomic_add_fetch(&n_calls, 1, __ATOMIC_SEQ_CST);
        fault->n_seen = n;
        if (n != fault->plan.n && (fault->plan.mode != FAULT_ALLOC_EVER || n < fault->plan.n))
                return false;
        note_refused();
        errno = ENOMEM;
        return true;
}

static void *given(void *block)
{
        if (block)
                (void)__atomic_add_fetch(&n_live, 1, __ATOMIC_SEQ_CST);
        return block;
}

void *malloc(size_t size)
{
        return is_refused(__builtin_return_address(0)) ? NULL : given(REAL(malloc)(size));
}

void *calloc(size_t n, size_t size)
{
        return is_refused(__builtin_return_address(0)) ? NULL : given(REAL(calloc)(n, size));
}

void *realloc(void *block, size_t size)
{
        void *moved;

        if (size > 0 && is_refused(__builtin_return_address(0)))
                return NULL;
        moved = REAL(realloc)(block, size);
        if (!block)
                return given(moved);
        if (size == 0 && !moved)
                (void)__atomic_sub_fetch(&n_live, 1, __ATOMIC_SEQ_CST);
        return moved;
}

void free(void *block)
{
        if (block)
                (void)__atomic_sub_fetch(&n_live, 1, __ATOMIC_SEQ_CST);
        REAL(free)(block);
}
