/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The memory of what was given, and its file: /run/nhi/members, which goes with the boot. It is
 * written on the loop: a small file in memory, and only where something changed. */

#include "nhi-agentd/member/internal.h"

#include "nhi-agentd/boot.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <systemd/sd-daemon.h>

DEFINE_CLEANUP(Members *, members_free)

static int timer_new(Members *m, sd_event_time_handler_t handler, const char *name,
                     sd_event_source **ret)
{
        int r;

        r = sd_event_add_time_relative(m->agent->event, ret, CLOCK_BOOTTIME, 0, 1000, handler, m);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(*ret, name);
        return sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int members_new(Agent *a, Members **ret)
{
        _cleanup_(members_freep) Members *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->agent = a;
        m->next_real_usec = m->next_boot_usec = INT64_MAX;
        m->has_systemd = sd_booted() > 0;
        r = kernel_boot_id_read(m->boot);
        if (r >= 0)
                r = timer_new(m, on_member_turn, "member-look", &m->turn);
        if (r >= 0)
                r = timer_new(m, on_member_warn, "member-warn", &m->warn);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

Members *members_free(Members *m)
{
        if (!m)
                return NULL;
        member_endings_free(m);
        member_look_done(m);
        process_text_done(&m->text);
        sd_event_source_disable_unref(m->turn);
        sd_event_source_disable_unref(m->warn);
        member_list_done(&m->list);
        free(m);
        return NULL;
}

/* ---- the file ----------------------------------------------------------------------------------
 */

static int on_line(void *userdata, const Membership *of)
{
        return member_list_add(userdata, of);
}

void members_load(Members *m)
{
        char boot[MEMBERS_BOOT_SIZE];
        MemberList loaded = {};
        int r;

        r = memberships_read(PATH_MEMBERS_RUN, owner_trusted(), boot, on_line, &loaded);
        if (r == 0 && streq(boot, m->boot)) {
                member_list_sort(&loaded);
                member_list_done(&m->list);
                m->list = loaded;
                return;
        }
        member_list_done(&loaded);
        m->is_lost = r < 0 && r != -ENOENT; /* of another boot: nothing of it lives */
}

const char *members_lost(const Members *m)
{
        return m->is_lost ? PATH_MEMBERS_RUN " is damaged: what carries groups that grants gave in "
                                             "this boot, and that have ended since, is not known"
                          : NULL;
}

int members_save(const Members *m)
{
        _cleanup_free_ const Membership **lines = calloc(m->list.n + 1, sizeof(*lines));
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        if (!lines)
                return -ENOMEM;
        for (size_t i = 0; i < m->list.n; i++)
                lines[i] = &m->list.items[i].of;
        r = memberships_format(lines, m->list.n, m->boot, &text, &size);
        if (r < 0)
                return r;
        return file_replace(PATH_MEMBERS_RUN, text, size, 0644, geteuid(), getegid(), false);
}

void members_forget(Members *m, uid_t uid, gid_t gid)
{
        size_t at = member_list_find(&m->list, uid, gid);
        size_t n = at < m->list.n ? member_list_run(&m->list, at) : 0;

        for (; n > 0; n--)
                if (m->list.items[at].why)
                        member_list_remove(&m->list, at, 1);
                else
                        at++;
        (void)members_save(m);
}

int members_note(Members *m, const MemberList *given)
{
        bool changed = false;
        int r;

        r = member_list_merge(&m->list, given, &changed);
        for (size_t i = 0; m->endings && i < given->n; i++)
                member_ending_cancel(m, given->items[i].of.uid, given->items[i].of.gid);
        return r == 0 && changed ? members_save(m) : r;
}

/* ---- questions ---------------------------------------------------------------------------------
 */

void members_next_end(const Members *m, int64_t *ret_real_usec, int64_t *ret_boot_usec)
{
        *ret_real_usec = m->next_real_usec;
        *ret_boot_usec = m->next_boot_usec;
}

size_t members_n_endings(const Members *m)
{
        size_t n = 0;

        for (const MemberEnding *e = m->endings; e; e = e->next)
                n++;
        return n;
}
