/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/confirm/pending.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/jose/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <systemd/sd-id128.h>
#include <time.h>

#define PENDING_FORMAT  1
#define LOCK_PAUSE_NSEC (50L * 1000 * 1000)

void pending_done(Pending *p)
{
        json_decref(p->gates);
        free(p->before);
        free(p->by);
        *p = (Pending){ .gates = NULL };
}

static bool are_texts(const json_t *list)
{
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item)
                if (!json_is_string(item))
                        return false;
        return json_is_array(list);
}

static int read_document(json_t *doc, Pending *ret)
{
        const char *before = json_string_value(json_object_get(doc, "before"));
        json_int_t begun = 0, deadline = 0, deadline_usec = 0, in_force_usec = 0;
        const char *by, *boot_id;
        json_t *gates;
        int format;

        if (json_unpack(doc, "{s:i, s:o, s:s, s:s, s:I, s:I, s:I, s:I}", "format", &format, "gates",
                        &gates, "by", &by, "boot_id", &boot_id, "begun", &begun, "deadline",
                        &deadline, "deadline_monotonic_usec", &deadline_usec,
                        "in_force_monotonic_usec", &in_force_usec) < 0)
                return -EBADMSG;
        if (format != PENDING_FORMAT || !are_texts(gates) || strlen(boot_id) >= PENDING_ID_SIZE ||
            (!before && !json_is_null(json_object_get(doc, "before"))))
                return -EBADMSG;

        Pending p = { .gates = json_incref(gates),
                      .before = before ? strdup(before) : NULL,
                      .by = strdup(by),
                      .begun_sec = begun,
                      .deadline_sec = deadline,
                      .deadline_monotonic_usec = deadline_usec,
                      .in_force_monotonic_usec = in_force_usec };
        memcpy(p.boot_id, boot_id, strlen(boot_id) + 1);
        if (!p.by || (before && !p.before)) {
                pending_done(&p);
                return -ENOMEM;
        }
        *ret = p;
        return 0;
}

int pending_load(Pending *ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        json_t *doc;
        int r;

        r = file_read_trusted(PATH_PENDING, owner_trusted(), PENDING_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        doc = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        if (!doc)
                return -EBADMSG;
        r = read_document(doc, ret);
        json_decref(doc);
        return r;
}

int pending_save(const Pending *p)
{
        json_t *doc = json_pack("{s:i, s:O, s:s?, s:s, s:s, s:I, s:I, s:I, s:I}", "format",
                                PENDING_FORMAT, "gates", p->gates, "before", p->before, "by", p->by,
                                "boot_id", p->boot_id, "begun", (json_int_t)p->begun_sec,
                                "deadline", (json_int_t)p->deadline_sec, "deadline_monotonic_usec",
                                (json_int_t)p->deadline_monotonic_usec, "in_force_monotonic_usec",
                                (json_int_t)p->in_force_monotonic_usec);
        _cleanup_free_ char *text = doc ? json_write(doc, JSON_INDENT(1)) : NULL;

        json_decref(doc);
        if (!text)
                return -ENOMEM;
        return file_replace(PATH_PENDING, text, strlen(text), 0600, owner_trusted(), (gid_t)-1,
                            true);
}

int pending_remove(void)
{
        _cleanup_close_ int dir_fd = -EBADF;

        if (unlink(PATH_PENDING) < 0)
                return errno == ENOENT ? 0 : -errno;
        dir_fd = open(PATH_STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return dir_fd < 0 || fsync(dir_fd) < 0 ? -errno : 0;
}

bool pending_is_of_boot(const Pending *p, const char *boot_id)
{
        return *p->boot_id && streq(p->boot_id, boot_id);
}

int64_t pending_left_usec(const Pending *p, const char *boot_id, int64_t now_monotonic_usec)
{
        if (!pending_is_of_boot(p, boot_id) || now_monotonic_usec >= p->deadline_monotonic_usec)
                return 0;
        return p->deadline_monotonic_usec - now_monotonic_usec;
}

bool pending_names(const Pending *p, const char *gate)
{
        const json_t *item;
        size_t i;

        json_array_foreach(p->gates, i, item)
                if (streq(json_string_value(item), gate))
                        return true;
        return false;
}

char *pending_gates_text(const Pending *p, char *ret, size_t size)
{
        const json_t *item;
        size_t i, used = 0;

        ret[0] = '\0';
        json_array_foreach(p->gates, i, item) {
                int n = snprintf(ret + used, size - used, "%s%s", i > 0 ? "," : "",
                                 json_string_value(item));

                if (n < 0 || (size_t)n >= size - used)
                        break;
                used += (size_t)n;
        }
        return ret;
}

void boot_id_read(char ret[static PENDING_ID_SIZE])
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r = file_read_trusted(PATH_BOOT_ID, owner_trusted(), PENDING_ID_SIZE - 1, &text, &size);

        (void)snprintf(ret, PENDING_ID_SIZE, "%s", r < 0 ? "" : text);
}

int boot_id_make(char ret[static PENDING_ID_SIZE])
{
        char text[SD_ID128_STRING_MAX];
        sd_id128_t id;
        int r;

        boot_id_read(ret);
        if (*ret)
                return 0;
        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        (void)sd_id128_to_string(id, text);
        r = file_replace(PATH_BOOT_ID, text, strlen(text), 0644, owner_trusted(), (gid_t)-1, false);
        if (r == 0)
                (void)snprintf(ret, PENDING_ID_SIZE, "%s", text);
        return r;
}

int pending_lock(uint64_t usec, int *ret_fd)
{
        uint64_t deadline_usec = now_monotonic_usec() + usec;
        _cleanup_close_ int fd = open(PATH_PENDING_LOCK,
                                      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

        if (fd < 0)
                return -errno;
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return -errno;
                if (now_monotonic_usec() >= deadline_usec)
                        return -EBUSY;
                (void)nanosleep(&(struct timespec){ .tv_nsec = LOCK_PAUSE_NSEC }, NULL);
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

json_t *pending_document(void)
{
        char boot_id[PENDING_ID_SIZE];
        Pending p = { .gates = NULL };
        int64_t left_usec;
        json_t *doc;

        if (pending_load(&p) < 0)
                return NULL;
        boot_id_read(boot_id);
        left_usec = pending_left_usec(&p, boot_id, (int64_t)now_monotonic_usec());
        doc = json_pack("{s:O, s:I, s:I, s:b, s:s}", "gates", p.gates, "deadline",
                        (json_int_t)p.deadline_sec, "left_sec",
                        (json_int_t)((left_usec + 999999) / (int64_t)USEC_PER_SEC), "in_force",
                        p.in_force_monotonic_usec > 0, "by", p.by);
        pending_done(&p);
        return doc;
}
