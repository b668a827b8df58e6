/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sudo: options of sudoers that pass the gate by, the plugin, and how sudo looks up groups. */

#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/grants.h"
#include "nhictl/doctor/people.h"
#include "nhictl/sudo-conf.h"
#include "nhictl/sudo-probe.h"

#include <stdio.h>

#define SUDO           "/usr/bin/sudo"
#define CVTSUDOERS     "/usr/bin/cvtsudoers"
#define SUDOERS        "/etc/sudoers"
#define SUDOERS_D      "/etc/sudoers.d"
#define SUDO_CONF      "/etc/sudo.conf"
#define SUDOERS_MAX    (1024u * 1024)
#define DEFAULTS_MAX   (1024u * 1024)
#define PLUGIN_VERSION "nhi approval plugin version"

static bool sudo_is_absent(const DoctorHost *h, Findings *f, const char *check)
{
        bool is_absent = !doctor_exists(h, SUDO);

        if (is_absent)
                finding_ok(f, check, "there is no sudo on this host");
        return is_absent;
}

/* ---- Defaults ---- */

typedef struct OptionRow {
        const char *name;
        bool value; /* that passes the gate by */
        const char *text;
} OptionRow;

static const OptionRow options[] = {
        { "pam_acct_mgmt", false, "sudo does not ask the account stack: no grant is needed" },
        { "pam_session", false, "sudo opens no session: what it starts is tied to no grant" },
        { "runas_allow_unknown_id", true, "sudo runs commands as ids that no grant can name" },
};

/* Where a Defaults line names the option: " (FILE:LINE)", or "". */
static bool file_find(const DoctorHost *h, const char *path, const char *option, char *ret,
                      size_t size)
{
        _cleanup_free_ char *text = NULL;
        unsigned number = 0;
        char *at, *line;

        if (doctor_read(h, path, SUDOERS_MAX, &text) < 0)
                return false;
        at = text;
        while ((line = text_line(&at))) {
                number++;
                line += strspn(line, " \t");
                if (strncmp(line, "Defaults", strlen("Defaults")) != 0 || !strstr(line, option))
                        continue;
                (void)snprintf(ret, size, " (%s:%u)", path, number);
                return true;
        }
        return false;
}

static const char *option_place(const DoctorHost *h, const char *option, char *ret, size_t size)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        char path[320];

        ret[0] = '\0';
        if (file_find(h, SUDOERS, option, ret, size) || doctor_names(h, SUDOERS_D, &names) < 0)
                return ret;
        for (char **name = names; *name; name++) {
                (void)snprintf(path, sizeof(path), SUDOERS_D "/%s", *name);
                if (file_find(h, path, option, ret, size))
                        break;
        }
        return ret;
}

static bool judge_flag(const DoctorHost *h, const json_t *option, const OptionRow *row, Findings *f)
{
        const json_t *value = json_object_get(option, row->name);
        char place[384];

        if (!json_is_boolean(value) || json_is_true(value) != row->value)
                return false;
        finding_fail(f, "sudo-defaults", "take it out with visudo", "Defaults %s%s%s: %s",
                     row->value ? "" : "!", row->name,
                     option_place(h, row->name, place, sizeof(place)), row->text);
        return true;
}

/* Another service of PAM is another stack, and another class to the gate. */
static bool judge_service(const DoctorHost *h, const json_t *option, const char *name,
                          const char *shipped, Findings *f)
{
        const char *value = json_string_value(json_object_get(option, name));
        char place[384];

        if (!value || streq(value, "sudo") || streq(value, shipped))
                return false;
        finding_fail(f, "sudo-defaults", "take it out with visudo",
                     "Defaults %s=%s%s: no gate for sudo stands before that service of PAM", name,
                     value, option_place(h, name, place, sizeof(place)));
        return true;
}

static bool judge_option(const DoctorHost *h, const json_t *option, Findings *f)
{
        bool bad = false;

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                bad |= judge_flag(h, option, &options[i], f);
        bad |= judge_service(h, option, "pam_service", "sudo", f);
        bad |= judge_service(h, option, "pam_login_service", "sudo-i", f);
        return bad;
}

static bool judge_defaults(const DoctorHost *h, const json_t *document, Findings *f)
{
        const json_t *defaults, *option;
        bool bad = false;
        size_t i, k;

        json_array_foreach(json_object_get(document, "Defaults"), i, defaults)
                json_array_foreach(json_object_get(defaults, "Options"), k, option)
                        bad |= judge_option(h, option, f);
        return bad;
}

/* cvtsudoers(1) prints nothing where nothing is left to print. */
static json_t *defaults_load(const DoctorHost *h, int *ret_error)
{
        static const char *const words[] = { CVTSUDOERS,           "-f",    "json", "-s",
                                             "aliases,privileges", SUDOERS, NULL };
        _cleanup_free_ char *output = malloc(DEFAULTS_MAX);
        json_t *document;

        if (!output) {
                *ret_error = -ENOMEM;
                return NULL;
        }
        *ret_error = h->run(words, output, DEFAULTS_MAX);
        if (*ret_error != 0)
                return NULL;
        if (output[strspn(output, " \t\n")] == '\0')
                return json_object();
        document = json_loads(output, 0, NULL);
        if (!document)
                *ret_error = -EBADMSG;
        return document;
}

/* sudoers in SSSD or LDAP (nsswitch.conf) may hold options, too; only sudo sees them. */
static bool has_remote_sudoers(const DoctorHost *h)
{
        _cleanup_free_ char *conf = NULL;
        char *at, *line;

        if (doctor_read(h, "/etc/nsswitch.conf", SUDOERS_MAX, &conf) < 0)
                return false;
        at = conf;
        while ((line = text_line(&at)))
                if (strncmp(line, "sudoers:", strlen("sudoers:")) == 0 &&
                    (strstr(line, "sss") || strstr(line, "ldap")))
                        return true;
        return false;
}

static void tell_no_option(const DoctorHost *h, Findings *f)
{
        if (has_remote_sudoers(h))
                finding_warn(f, "sudo-defaults",
                             "look there for \"!pam_acct_mgmt\", \"!pam_session\" and "
                             "\"runas_allow_unknown_id\"",
                             "sudoers comes from SSSD or LDAP, too (/etc/nsswitch.conf), and its "
                             "options there are not seen");
        else
                finding_ok(f, "sudo-defaults", "no option of sudoers passes the gate by");
}

void check_sudo_defaults(const DoctorHost *h, Findings *f)
{
        json_t *document;
        int error = 0;

        if (sudo_is_absent(h, f, "sudo-defaults"))
                return;
        document = defaults_load(h, &error);
        if (!document)
                finding_warn(f, "sudo-defaults",
                             "visudo -c says whether sudoers is well; look for \"!pam_acct_mgmt\", "
                             "\"!pam_session\" and \"runas_allow_unknown_id\" in it",
                             "sudoers cannot be read (cvtsudoers: %s)",
                             error < 0 ? strerror(-error) : "it failed");
        else if (!judge_defaults(h, document, f))
                tell_no_option(h, f);
        json_decref(document);
}

/* ---- sudo.conf ---- */

/* 0 and *ret (empty where there is no file), or a negative errno. */
static int conf_load(const DoctorHost *h, SudoConf *ret)
{
        _cleanup_free_ char *text = NULL;
        int r = doctor_read(h, SUDO_CONF, SUDO_CONF_SIZE_MAX, &text);

        if (r < 0 && r != -ENOENT)
                return r;
        sudo_conf_read(text ? text : "", ret);
        return 0;
}

static const char advice_plugin[] = "nhictl sudo enable";

/* What cannot load the plugin at all. */
static void tell_refusal(const DoctorHost *h, SudoRefusal refusal, Findings *f)
{
        if (grants_are_narrow(h))
                finding_fail(f, "sudo-plugin", "install sudo 1.9 or later, with plugins",
                             "%s: grants here need it", sudo_refusal_sentence(refusal));
        else
                finding_warn(f, "sudo-plugin", "install sudo 1.9 or later, with plugins", "%s",
                             sudo_refusal_sentence(refusal));
}

static void judge_plugin(const DoctorHost *h, const SudoConf *c, const char *said, int status,
                         Findings *f)
{
        bool loads = status == 0 && strstr(said, PLUGIN_VERSION);

        if (c->has_plugin && loads)
                finding_ok(f, "sudo-plugin", "sudo loads sudo_nhi");
        else if (c->has_plugin)
                finding_fail(f, "sudo-plugin",
                             "nhictl sudo disable, then install the plugin's package again",
                             "%s names %s, and sudo does not load it: sudo is fatal for everybody",
                             SUDO_CONF, c->plugin);
        else if (grants_are_narrow(h))
                finding_fail(f, "sudo-plugin", advice_plugin,
                             "sudo does not load sudo_nhi: grants narrower than root are refused");
        else
                finding_ok(
                        f, "sudo-plugin",
                        "sudo does not load sudo_nhi, and no grant needs it (nhictl sudo enable)");
}

void check_sudo_plugin(const DoctorHost *h, Findings *f)
{
        static const char *const words[] = { SUDO, "-V", NULL };
        _cleanup_free_ char *output = NULL;
        SudoVersion version;
        SudoRefusal refusal;
        SudoConf c;
        int r;

        if (sudo_is_absent(h, f, "sudo-plugin"))
                return;
        output = malloc(COMMAND_OUTPUT_SIZE);
        if (!output) {
                f->failed = true;
                return;
        }
        r = conf_load(h, &c);
        if (r < 0) {
                finding_warn(f, "sudo-plugin", "look at the file", "%s cannot be read: %s",
                             SUDO_CONF, strerror(-r));
                return;
        }
        r = h->run(words, output, COMMAND_OUTPUT_SIZE);
        refusal = sudo_version_parse(output, &version);
        if (r == 0 && refusal != SUDO_REFUSAL_NONE)
                tell_refusal(h, refusal, f);
        else if (r < 0 || (r > 0 && !c.has_plugin))
                finding_warn(f, "sudo-plugin", "see what sudo -V says", "sudo cannot be asked: %s",
                             r < 0 ? strerror(-r) : "sudo -V failed");
        else
                judge_plugin(h, &c, output, r, f);
}

void check_sudo_groups(const DoctorHost *h, Findings *f)
{
        bool needed = grants_carry(h, "groups");
        SudoConf c;
        int r;

        if (sudo_is_absent(h, f, "sudo-groups"))
                return;
        r = conf_load(h, &c);
        if (r < 0)
                finding_warn(f, "sudo-groups", "look at the file", "%s cannot be read: %s",
                             SUDO_CONF, strerror(-r));
        else if (c.is_dynamic)
                finding_ok(f, "sudo-groups", "group_source is dynamic");
        else if (needed)
                finding_fail(f, "sudo-groups", advice_plugin,
                             "group_source is not dynamic (%s): sudo does not see a group that a "
                             "grant gives to a session that is open",
                             SUDO_CONF);
        else
                finding_ok(f, "sudo-groups",
                           "group_source is not dynamic, and no grant gives a group");
}
