/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What sshd would do, as sshd itself says it (sshd -T). */

#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/grants.h"
#include "nhictl/doctor/people.h"

#include <stdio.h>
#include <strings.h>

#define SSHD         "/usr/sbin/sshd"
#define SSHD_CONF    "/etc/ssh/sshd_config"
#define SSHD_CONF_D  "/etc/ssh/sshd_config.d"
#define SSHD_MAX     (256u * 1024)
#define HELPER       "/nhi-authorized-keys"
#define HELPER_WORDS "%u %t %k"

static const char advice_drop_in[] =
        "install -m 644 /usr/share/doc/nhi/sshd/20-nhi.conf /etc/ssh/sshd_config.d/ && sshd -t && "
        "systemctl reload ssh (Fedora, RHEL: sshd)";

/* What sshd -T printed for one account. */
typedef struct Sshd {
        char *output; /* owned */
} Sshd;

static void sshd_done(Sshd *s)
{
        free(s->output);
}

typedef enum Asked {
        ASKED = 0,
        ASKED_ABSENT, /* there is no sshd: told */
        ASKED_FAILED, /* told */
} Asked;

static Asked sshd_ask(const DoctorHost *h, const char *account, const char *check, Findings *f,
                      Sshd *ret)
{
        char criteria[512];
        const char *const words[] = { SSHD, "-T", "-C", criteria, NULL };
        int r;

        if (!doctor_exists(h, SSHD)) {
                finding_ok(f, check, "there is no sshd on this host");
                return ASKED_ABSENT;
        }
        ret->output = malloc(SSHD_MAX);
        if (!ret->output) {
                f->failed = true;
                return ASKED_FAILED;
        }
        (void)snprintf(criteria, sizeof(criteria),
                       "user=%s,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22", account);
        r = h->run(words, ret->output, SSHD_MAX);
        if (r == 0)
                return ASKED;
        finding_warn(f, check, "sshd -t says what is wrong: mend it before sshd is started again",
                     "sshd does not say how it is configured (sshd -T: %s)",
                     r < 0 ? strerror(-r) : "it failed");
        return ASKED_FAILED;
}

/* The value of a keyword, cut to fit; "" where sshd does not know it. Returns ret. */
static const char *sshd_value(const Sshd *s, const char *keyword, char ret[static 512])
{
        size_t size = strlen(keyword);

        ret[0] = '\0';
        for (const char *line = s->output; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncasecmp(line, keyword, size) != 0 || line[size] != ' ')
                        continue;
                (void)snprintf(ret, 512, "%.*s", (int)strcspn(line + size + 1, "\n"),
                               line + size + 1);
                break;
        }
        return ret;
}

/* An account of an active grant that exists now, or NULL: a Match Group holds for such only. */
static const char *account_find(const DoctorHost *h)
{
        char entry[512];
        const char *account;

        for (size_t i = 0; i < 16 && (account = grants_account(h, i)); i++)
                if (host_getent(h, "passwd", account, entry, sizeof(entry), NULL))
                        return account;
        return NULL;
}

/* ---- UsePAM, PermitUserEnvironment ---- */

void check_sshd_pam(const DoctorHost *h, Findings *f)
{
        _cleanup_(sshd_done) Sshd s = { .output = NULL };
        char value[512];

        if (sshd_ask(h, "root", "sshd-pam", f, &s) != ASKED)
                return;
        if (streq(sshd_value(&s, "usepam", value), "yes"))
                finding_ok(f, "sshd-pam", "sshd asks PAM (UsePAM yes)");
        else
                finding_fail(f, "sshd-pam",
                             "write \"UsePAM yes\" into " SSHD_CONF ", then: sshd -t && systemctl "
                             "reload ssh",
                             "UsePAM is \"%s\": sshd asks no gate and opens no session of PAM",
                             *value ? value : "not known to this sshd");
}

void check_sshd_environment(const DoctorHost *h, Findings *f)
{
        _cleanup_(sshd_done) Sshd s = { .output = NULL };
        const char *account = account_find(h);
        char value[512];

        if (sshd_ask(h, account ? account : "root", "sshd-environment", f, &s) != ASKED)
                return;
        if (streq(sshd_value(&s, "permituserenvironment", value), "no"))
                finding_ok(f, "sshd-environment", "accounts set no environment by sshd");
        else
                finding_warn(f, "sshd-environment",
                             "write \"PermitUserEnvironment no\" into " SSHD_CONF,
                             "PermitUserEnvironment is \"%s\": an account sets the environment of "
                             "its sessions by a file in its home",
                             value);
}

/* ---- AuthorizedKeysCommand ---- */

/* The command is ours, with the words that the helper needs. */
static bool judge_command(const DoctorHost *h, const char *command, Findings *f)
{
        const char *helper = strstr(command, HELPER " ");
        bool needed = grants_carry(h, "ssh_keys");

        if (helper && strstr(helper, HELPER_WORDS))
                return true;
        if (helper) {
                finding_fail(f, "sshd-keys", advice_drop_in,
                             "AuthorizedKeysCommand is \"%s\": without \"%s\" the helper offers no "
                             "key",
                             command, HELPER_WORDS);
                return false;
        }
        if (needed)
                finding_fail(
                        f, "sshd-keys", advice_drop_in,
                        "AuthorizedKeysCommand is \"%s\": sshd does not see the keys of grants",
                        command);
        else
                finding_warn(f, "sshd-keys", advice_drop_in,
                             "AuthorizedKeysCommand is \"%s\": a key in a grant will not open ssh",
                             command);
        return false;
}

void check_sshd_keys(const DoctorHost *h, Findings *f)
{
        _cleanup_(sshd_done) Sshd s = { .output = NULL };
        const char *account = account_find(h);
        char value[512];

        if (sshd_ask(h, account ? account : "root", "sshd-keys", f, &s) != ASKED)
                return;
        if (!judge_command(h, sshd_value(&s, "authorizedkeyscommand", value), f))
                return;
        if (streq(sshd_value(&s, "authorizedkeyscommanduser", value), "nhi-keys"))
                finding_ok(f, "sshd-keys", "sshd asks for the keys of grants");
        else
                finding_fail(f, "sshd-keys", "write \"AuthorizedKeysCommandUser nhi-keys\"",
                             "AuthorizedKeysCommandUser is \"%s\": only nhi-keys may ask for the "
                             "keys of grants",
                             value);
}

/* ---- AuthorizedKeysFile ---- */

/* The words of a line of sshd_config, with blanks or one '=' between; their number. */
static size_t conf_words(char *line, char *ret[static 3])
{
        char *save = NULL, *word;
        size_t n = 0;

        for (word = strtok_r(line, " \t\r=\"", &save); word && n < 3;
             word = strtok_r(NULL, " \t\r=\"", &save))
                ret[n++] = word;
        return n;
}

/* A block "Match Group nhi-managed" in this file says AuthorizedKeysFile none. */
static bool file_closes(const DoctorHost *h, const char *path)
{
        _cleanup_free_ char *text = NULL;
        char *at, *line, *words[3];
        bool in_block = false;

        if (doctor_read(h, path, SSHD_MAX, &text) < 0)
                return false;
        at = text;
        while ((line = text_line(&at))) {
                size_t n = conf_words(line, words);

                if (n > 0 && strcasecmp(words[0], "Match") == 0)
                        in_block = n > 2 && strcasecmp(words[1], "Group") == 0 &&
                                   streq(words[2], "nhi-managed");
                if (in_block && n > 1 && strcasecmp(words[0], "AuthorizedKeysFile") == 0)
                        return strcasecmp(words[1], "none") == 0;
        }
        return false;
}

static bool files_close(const DoctorHost *h)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        char path[320];

        if (file_closes(h, SSHD_CONF))
                return true;
        if (doctor_names(h, SSHD_CONF_D, &names) < 0)
                return false;
        for (char **name = names; *name; name++) {
                (void)snprintf(path, sizeof(path), SSHD_CONF_D "/%s", *name);
                if (file_closes(h, path))
                        return true;
        }
        return false;
}

/* No account of a grant exists now, so sshd cannot be asked what it does with one. */
static void judge_files(const DoctorHost *h, Findings *f)
{
        bool is_defined = json_integer_value(json_object_get(h->status, "accounts")) > 0;

        if (files_close(h))
                finding_ok(f, "sshd-keyfile",
                           "a block for nhi-managed says AuthorizedKeysFile none (sshd itself can "
                           "be asked while an account of a grant exists)");
        else if (is_defined)
                finding_fail(f, "sshd-keyfile", advice_drop_in,
                             "no block \"Match Group nhi-managed\" says AuthorizedKeysFile none: a "
                             "key left in a home does without the grant's key");
        else
                finding_warn(f, "sshd-keyfile", advice_drop_in,
                             "no block \"Match Group nhi-managed\" says AuthorizedKeysFile none");
}

void check_sshd_keyfile(const DoctorHost *h, Findings *f)
{
        _cleanup_(sshd_done) Sshd s = { .output = NULL };
        const char *account = account_find(h);
        char value[512];

        if (sshd_ask(h, account ? account : "root", "sshd-keyfile", f, &s) != ASKED)
                return;
        if (!account && !streq(sshd_value(&s, "authorizedkeysfile", value), "none"))
                judge_files(h, f);
        else if (streq(sshd_value(&s, "authorizedkeysfile", value), "none"))
                finding_ok(f, "sshd-keyfile", "AuthorizedKeysFile is none for %s",
                           account ? account : "everybody");
        else
                finding_fail(f, "sshd-keyfile", advice_drop_in,
                             "AuthorizedKeysFile is \"%s\" for %s: a key left there does without "
                             "the grant's key",
                             value, account);
}
