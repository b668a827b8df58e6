/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/pam-world-internal.h"

#include "lib/gate/format.h"

World world;

/* ---- memory ---- */

#ifdef __has_include
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(at, size)   ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

/* One exchange is over 256 KiB, for which a sanitizer asks the kernel anew each time. There is one
 * at a time; its end is guarded all the same. */
#define LARGE_SIZE (200u * 1024)
static _Alignas(64) uint8_t large[512 * 1024];
static bool large_is_used;

WRAP(void *, calloc, size_t n, size_t size)
{
        if (n != 1 || size < LARGE_SIZE || size > sizeof(large) || large_is_used)
                return calloc(n, size);
        large_is_used = true;
        ASAN_UNPOISON_MEMORY_REGION(large, size);
        return memset(large, 0, size);
}

WRAP(void, free, void *p)
{
        if (p != large) {
                free(p);
                return;
        }
        FUZZ_HOLDS(large_is_used, "what is freed was there");
        large_is_used = false;
        ASAN_POISON_MEMORY_REGION(large, sizeof(large));
}

/* ---- setting up ---- */

static const char *const lawful[FILE_N] = {
        [FILE_GATES_RUN] = GATES_HEADER "\ngate ops enforce ssh,sudo svc-*,%ops\nend 1\n",
        [FILE_GATES_STATE] = GATES_HEADER "\ngate everyone enforce * *\naccount svc-deploy 70001\n"
                                          "end 2\n",
        [FILE_EXEMPT] = "root *\n",
        [FILE_EXEMPT_CONF] = "# people\njohn.* ssh\n",
        [FILE_EXEMPT_DIR] = "",
        [FILE_MEMBERS] = MEMBERS_HEADER
        " 3ba3f6c5-0e5b-4f8a-9d0e-6a7c9a5f1c11\n"
        "member svc-deploy 70001 pay-ops 99999 1 253402300799 1000000 4 k-1 g-1 https://i\nend 1\n",
};

static void members_init(WorldFile *f, const WorldFile *like)
{
        const char *text = like->kind == FILE_RAW ? like->text : lawful[FILE_MEMBERS];

        *f = (WorldFile){ .kind = like->kind,
                          .size = like->kind == FILE_RAW ? like->size : strlen(text) };
        f->text = calloc(1, f->size + 1);
        memcpy(f->text, text, f->size);
}

void world_init(const uint8_t *data, size_t size)
{
        FUZZ_HOLDS(!large_is_used, "nothing is forgotten");
        ASAN_POISON_MEMORY_REGION(large, sizeof(large));
        world = (World){ .in = { data, size }, .clock_usec = 1000000 };
        for (size_t i = 0; i < FILE_MEMBERS; i++) {
                WorldFile *f = &world.files[i];

                f->kind = input_u8(&world.in) % FILE_KIND_N;
                if (f->kind == FILE_RAW) {
                        f->text = input_until(&world.in, 0x1e, &f->size);
                        continue;
                }
                f->text = strdup(lawful[i]);
                f->size = strlen(lawful[i]);
        }
        members_init(&world.files[FILE_MEMBERS], &world.files[FILE_EXEMPT]);
}

void world_done(void)
{
        if (world.data_done)
                world.data_done(NULL, world.data, 0);
        for (size_t i = 0; i < FILE_N; i++)
                free(world.files[i].text);
        free(world.label);
}

bool world_allowed(const char *name)
{
        for (unsigned i = 0; i < world.n_allowed; i++)
                if (streq(world.allowed[i], name))
                        return true;
        return false;
}
