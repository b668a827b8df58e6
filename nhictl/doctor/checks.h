/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every check once, in the order of the report. From this table come the prototypes, the list that
 * doctor runs and `nhictl doctor --list`; the manual's table is proved against it. */

#include "nhictl/doctor/doctor.h"

/* X(function, "name", "what it looks at") */
#define DOCTOR_CHECKS(X)                                                                           \
        X(check_pam_order, "pam-order", "the gate is first in the account stack of every way in")  \
        X(check_pam_session, "pam-session",                                                        \
          "the gate is in the session stack, behind pam_systemd")                                  \
        X(check_pam_module, "pam-module", "pam_nhi.so is there while a file of PAM names it")      \
        X(check_pam_line, "pam-line", "control and words of our lines let no denial pass")         \
        X(check_pam_off, "pam-off", "a line of pam_nhi.so that is commented out")                  \
        X(check_pam_environment, "pam-environment",                                                \
          "user_readenv=1: accounts set the environment of sessions")                              \
        X(check_pam_sssd, "pam-sssd",                                                              \
          "pam_sss.so denies accounts of grants while SSSD is stopped")                            \
        X(check_agent, "agent",                                                                    \
          "nhi-agentd answers, took its configuration, and quarantined nothing")                   \
        X(check_source, "source",                                                                  \
          "grant sets arrive and are fresh; the fetcher and the renewal run")                      \
        X(check_metrics, "metrics", "the metrics file is written, and a collector can read it")    \
        X(check_clock, "clock", "the clock is synchronised and not behind the source")             \
        X(check_gates, "gates",                                                                    \
          "gates are enforced, published, and name accounts and classes that exist")               \
        X(check_exempt, "exempt",                                                                  \
          "with the agent dead an exempt account can still log in, and become root")               \
        X(check_bypass, "bypass",                                                                  \
          "no program or group leads past a gate: pkexec, run0, doas, docker, other servers")      \
        X(check_polkit, "polkit",                                                                  \
          "polkit asks for authentication before it lets somebody act as root")                    \
        X(check_units, "units", "no unit runs as a gated account without PAMName=")                \
        X(check_automation, "automation",                                                          \
          "no job of root becomes a gated account by runuser, setpriv or su")                      \
        X(check_standing, "standing",                                                              \
          "gated accounts have no password, keys, sudoers rule or crontab without a grant")        \
        X(check_unbounded, "unbounded", "no active grant makes somebody root without commands")    \
        X(check_files, "files", "what decides belongs to root, and nobody else may write it")      \
        X(check_sshd_pam, "sshd-pam", "sshd asks PAM")                                             \
        X(check_sshd_keys, "sshd-keys", "sshd asks for the keys of grants")                        \
        X(check_sshd_keyfile, "sshd-keyfile", "AuthorizedKeysFile is none for accounts of grants") \
        X(check_sshd_environment, "sshd-environment",                                              \
          "PermitUserEnvironment: accounts set the environment of sessions")                       \
        X(check_sudo_defaults, "sudo-defaults", "options of sudoers that pass the gate by")        \
        X(check_sudo_plugin, "sudo-plugin", "sudo loads sudo_nhi where grants need it, and can")   \
        X(check_sudo_groups, "sudo-groups", "group_source is dynamic where grants give groups")    \
        X(check_nss_order, "nss-order",                                                            \
          "nhi is asked for accounts and groups, and nothing hides it")                            \
        X(check_nss_outage, "nss-outage",                                                          \
          "groups of gates stay known while a service of nsswitch.conf is out of order")           \
        X(check_nss_module, "nss-module",                                                          \
          "libnss_nhi.so.2 is there while nsswitch.conf names nhi")                                \
        X(check_nss_userdb, "nss-userdb", "a foreign userdb provider, which can hold up lookups")  \
        X(check_nss_cache, "nss-cache", "nscd answers for accounts or groups from a cache")

#define DOCTOR_CHECK_PROTOTYPE(function, name, help)                                               \
        void function(const DoctorHost *h, Findings *f);
DOCTOR_CHECKS(DOCTOR_CHECK_PROTOTYPE)
#undef DOCTOR_CHECK_PROTOTYPE
