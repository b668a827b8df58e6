/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/pam/tool.h"

#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhictl/command.h"
#include "nhictl/pam/local.h"

#include <stdio.h>

/* A cut-off change would be worse than a slow one. */
#define CHANGE_USEC (120 * USEC_PER_SEC)

#define PAM_AUTH_UPDATE PATH_ROOT "/usr/sbin/pam-auth-update"
#define AUTHSELECT      PATH_ROOT "/usr/bin/authselect"
#define PROFILES_DIR    PATH_ROOT "/usr/share/authselect/default"
#define WORDS_MAX       64u

/* command_run_whole(), and what went wrong in words. */
static VerbStatus tool_run(const char *const *words, const char *variable, char *output,
                           size_t size)
{
        int r = command_run_whole(words, variable, CHANGE_USEC, output, size);

        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", words[0], strerror(-r));
        if (r > 0)
                return fail(VERB_FAILED, "%s %s: exit status %d (see above)", words[0], words[1],
                            r);
        return VERB_OK;
}

/* ---- Debian ---- */

/* Never --force: that would throw away an administrator's own edits of common-*. */
static VerbStatus debian_run(const char *action)
{
        const char *const words[] = { PAM_AUTH_UPDATE, action, "nhi", "nhi-session", NULL };
        char output[COMMAND_OUTPUT_SIZE];

        return tool_run(words, "DEBIAN_FRONTEND=noninteractive", output, sizeof(output));
}

static VerbStatus debian_enable(void)
{
        return debian_run("--enable");
}

static VerbStatus debian_disable(void)
{
        return debian_run("--disable");
}

static void debian_explain(void)
{
        (void)pam_local_edits(PATH_ROOT);
        say("pam-auth-update leaves /etc/pam.d/common-* alone where an administrator has edited "
            "the "
            "part that it keeps: move your lines above or below that part; or put \"account "
            "requisite pam_nhi.so\" first among the account lines of common-account and \"session "
            "required pam_nhi.so\" last in common-session and common-session-noninteractive "
            "yourself");
}

/* ---- Fedora, RHEL ---- */

/* What authselect calls its profile without us | with us. */
static const struct {
        const char *without, *with;
} profiles[] = {
        { "local", "nhi-local" },
        { "minimal", "nhi-local" }, /* its name before Fedora 40 and in RHEL 9 */
        { "sssd", "nhi-sssd" },
};

const char *authselect_profile_with(const char *profile)
{
        for (size_t i = 0; i < ELEMENTSOF(profiles); i++)
                if (streq(profiles[i].without, profile))
                        return profiles[i].with;
        return NULL;
}

const char *authselect_profile_without(const char *profile)
{
        for (size_t i = 0; i < ELEMENTSOF(profiles); i++) {
                char path[4096];

                (void)snprintf(path, sizeof(path), PROFILES_DIR "/%s", profiles[i].without);
                if (streq(profiles[i].with, profile) && access(path, F_OK) == 0)
                        return profiles[i].without;
        }
        return NULL;
}

/* "sssd with-mkhomedir with-sudo" as words: the profile, then its features. */
typedef struct Selection {
        char text[COMMAND_OUTPUT_SIZE];
        const char *words[WORDS_MAX];
        size_t n;
} Selection;

static VerbStatus selection_read(Selection *ret)
{
        static const char *const words[] = { AUTHSELECT, "current", "--raw", NULL };
        char *at = ret->text, *word;

        if (tool_run(words, NULL, ret->text, sizeof(ret->text)) != VERB_OK)
                return fail(VERB_FAILED, "authselect does not keep this host's /etc/pam.d: choose "
                                         "a profile first (authselect select), then try again");
        ret->n = 0;
        while ((word = strsep(&at, " \t\n")))
                if (*word && ret->n < WORDS_MAX)
                        ret->words[ret->n++] = word;
        if (ret->n == 0 || ret->n == WORDS_MAX)
                return fail(VERB_FAILED, "authselect current --raw: no answer to make use of");
        return VERB_OK;
}

static VerbStatus selection_select(const Selection *s, const char *profile)
{
        const char *words[WORDS_MAX + 4] = { AUTHSELECT, "select", profile };
        char output[COMMAND_OUTPUT_SIZE];

        for (size_t i = 1; i < s->n; i++)
                words[2 + i] = s->words[i];
        return tool_run(words, NULL, output, sizeof(output));
}

static VerbStatus authselect_enable(void)
{
        Selection s = { .n = 0 };
        VerbStatus status = selection_read(&s);
        const char *with;

        if (status != VERB_OK)
                return status;
        if (authselect_profile_without(s.words[0]))
                return VERB_OK;
        with = authselect_profile_with(s.words[0]);
        if (!with)
                return fail(VERB_FAILED,
                            "authselect's profile is %s, for which nhi ships none: put \"account "
                            "requisite pam_nhi.so\" first among the account lines and \"session "
                            "required pam_nhi.so\" behind pam_systemd in its system-auth and "
                            "password-auth",
                            s.words[0]);
        return selection_select(&s, with);
}

static VerbStatus authselect_disable(void)
{
        Selection s = { .n = 0 };
        VerbStatus status = selection_read(&s);
        const char *without;

        if (status != VERB_OK)
                return status;
        if (strncmp(s.words[0], "nhi-", strlen("nhi-")) != 0)
                return VERB_OK;
        without = authselect_profile_without(s.words[0]);
        if (!without)
                return fail(
                        VERB_FAILED,
                        "authselect's profile is %s, and the one it was derived from is not here: "
                        "authselect list, then authselect select",
                        s.words[0]);
        return selection_select(&s, without);
}

static void authselect_explain(void)
{
        say("authselect check says what was edited by hand in the files that it keeps");
}

/* ---- which ---- */

static const char *const debian_folders[] = { PATH_ROOT "/etc/pam.d", PATH_ROOT "/var/lib/pam",
                                              NULL };
static const char *const debian_scratch[] = { PATH_ROOT "/etc/pam.d", PATH_ROOT "/var/lib/pam",
                                              PATH_ROOT "/var/cache/debconf", NULL };
static const char *const authselect_folders[] = { PATH_ROOT "/etc/pam.d",
                                                  PATH_ROOT "/etc/authselect",
                                                  PATH_ROOT "/var/lib/authselect", NULL };
/* It renames links and files in /etc itself. */
static const char *const authselect_scratch[] = { PATH_ROOT "/etc", PATH_ROOT "/var/lib/authselect",
                                                  NULL };

static const PamTool tools[] = {
        { "pam-auth-update", PAM_AUTH_UPDATE, debian_folders, debian_scratch, debian_explain,
          debian_enable, debian_disable },
        { "authselect", AUTHSELECT, authselect_folders, authselect_scratch, authselect_explain,
          authselect_enable, authselect_disable },
};

/* What each tool remembers: a line that begins so. */
static const struct {
        const char *path, *line;
} memories[] = {
        { PATH_ROOT "/var/lib/pam/account", "Module: nhi" },
        { PATH_ROOT "/var/lib/pam/session", "Module: nhi" },
        { PATH_ROOT "/var/lib/pam/session-noninteractive", "Module: nhi" },
        { PATH_ROOT "/etc/authselect/authselect.conf", "nhi-" },
};

bool pam_tool_keeps_us(void)
{
        bool found = false;

        for (size_t i = 0; i < ELEMENTSOF(memories) && !found; i++) {
                FILE *f = fopen(memories[i].path, "re");
                char line[256];

                while (f && !found && fgets(line, sizeof(line), f))
                        found = strncmp(line, memories[i].line, strlen(memories[i].line)) == 0;
                if (f)
                        (void)fclose(f);
        }
        return found;
}

const PamTool *pam_tool_find(void)
{
        for (size_t i = 0; i < ELEMENTSOF(tools); i++)
                if (access(tools[i].program, X_OK) == 0)
                        return &tools[i];
        say("neither pam-auth-update nor authselect is here: write \"account requisite "
            "pam_nhi.so\" before the other account lines, and \"session required pam_nhi.so\" "
            "behind pam_systemd, into the files of /etc/pam.d that sshd, sudo, su, login and cron "
            "include; then look with: nhictl doctor");
        return NULL;
}
