/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Other modules that weaken what a grant means, or keep a granted account out. */

#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/pam.h"
#include "nhictl/doctor/trouble.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What pam_sss.so asks for root: the first that is there (SSSD 2.10 has no private one). */
#define SSSD_PRIVATE "/var/lib/sss/pipes/private/pam"
#define SSSD_PUBLIC  "/var/lib/sss/pipes/pam"

static int names_load(const DoctorHost *h, Findings *f, const char *check, char ***ret)
{
        int r = pam_names(h, ret);

        if (r < 0)
                finding_warn(f, check, "does this host use PAM?", "/etc/pam.d cannot be read: %s",
                             strerror(-r));
        return r;
}

/* ---- pam_env ---- */

static bool has_word(const char *args, const char *wanted)
{
        size_t size = strlen(wanted);

        for (const char *at = strstr(args, wanted); at; at = strstr(at + 1, wanted))
                if ((at == args || strchr(" \t", at[-1])) && strchr(" \t", at[size]))
                        return true;
        return false;
}

static void judge_environment(const DoctorHost *h, const char *name, TroubleList *t)
{
        _cleanup_(pam_stack_done) PamStack s = { .lines = NULL };
        char place[320];

        if (pam_stack_read(h->root, name, PAM_KIND_SESSION, &s) < 0)
                return;
        for (size_t i = 0; i < s.n; i++) {
                const char *slash = strrchr(s.lines[i].file, '/');

                if (!slash || !streq(slash + 1, name) || !pam_line_is(&s.lines[i], "pam_env.so") ||
                    !has_word(s.lines[i].args, "user_readenv=1"))
                        continue;
                (void)snprintf(place, sizeof(place), "%s:%u", s.lines[i].file, s.lines[i].line);
                trouble_add(t, FINDING_WARN,
                            "take user_readenv=1 out of these lines (the distribution ships them "
                            "so)",
                            place,
                            "user_readenv=1 lets an account set the environment of its sessions by "
                            "a file in its home (~/.pam_environment)");
        }
}

void check_pam_environment(const DoctorHost *h, Findings *f)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        TroubleList t = { .items = NULL };

        if (names_load(h, f, "pam-environment", &names) < 0)
                return;
        for (char **name = names; *name; name++)
                judge_environment(h, *name, &t);
        if (!trouble_tell(&t, f, "pam-environment"))
                finding_ok(f, "pam-environment", "no service has user_readenv=1");
}

/* ---- pam_sss ---- */

/* A service in which our gate and an SSSD that must answer both stand. */
static bool needs_sssd(const DoctorHost *h, const char *name, char *place, size_t size)
{
        _cleanup_(pam_stack_done) PamStack s = { .lines = NULL };
        char action[PAM_ACTION_SIZE];
        size_t sss;

        if (pam_service_role(name) != PAM_ROLE_WAY_IN ||
            pam_stack_read(h->root, name, PAM_KIND_ACCOUNT, &s) < 0)
                return false;
        sss = pam_stack_find(&s, "pam_sss.so");
        if (sss == s.n || pam_stack_find(&s, PAM_MODULE) == s.n)
                return false;
        (void)pam_control_action(s.lines[sss].control, "authinfo_unavail", action);
        (void)snprintf(place, size, "%s:%u", s.lines[sss].file, s.lines[sss].line);
        return !streq(action, "ignore") && !streq(action, "ok");
}

/* 0 where somebody listens; -ECONNREFUSED where the socket was left behind; another negative errno.
 */
static int socket_ask(const DoctorHost *h, const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", h->root, path);

        if (fd < 0)
                return -errno;
        if (n < 0 || (size_t)n >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return 0;
}

/* Measured: pam_sss.so denies only where a socket of SSSD is there and nobody listens. Where there
 * is none (SSSD was never started) it answers "no such user", which the shipped line ignores. */
static void judge_sssd(const DoctorHost *h, const char *place, Findings *f)
{
        const char *path = doctor_exists(h, SSSD_PRIVATE) ? SSSD_PRIVATE : SSSD_PUBLIC;
        int r = socket_ask(h, path);

        if (r == 0 || r == -EAGAIN)
                finding_ok(f, "pam-sssd", "SSSD answers pam_sss.so (%s)", place);
        else if (r == -ENOENT)
                finding_ok(f, "pam-sssd", "SSSD has not run here, and pam_sss.so (%s) says so",
                           place);
        else if (r == -ECONNREFUSED)
                finding_fail(f, "pam-sssd",
                             "systemctl start sssd, or take the package out that brings pam_sss.so",
                             "SSSD is stopped (%s): %s denies accounts that exist by grants", path,
                             place);
        else
                finding_warn(f, "pam-sssd", "make sure that SSSD runs",
                             "%s needs SSSD, and whether it answers at %s cannot be told: %s",
                             place, path, strerror(-r));
}

void check_pam_sssd(const DoctorHost *h, Findings *f)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        char place[320] = "";
        bool needed = false;

        if (names_load(h, f, "pam-sssd", &names) < 0)
                return;
        for (char **name = names; *name && !needed; name++)
                needed = needs_sssd(h, *name, place, sizeof(place));
        if (needed)
                judge_sssd(h, place, f);
        else
                finding_ok(f, "pam-sssd", "no login waits for SSSD behind the gate");
}
