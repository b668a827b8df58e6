# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# sudo: run-as, groups, commands and files are what the grant says, whatever sudoers allows.

# Enforced in the session phase, sudoedit would leave a readable copy behind.
case_a_denied_sudoedit_leaves_no_file() {
        world_grant "olga --service sudo --run-as postgres --for 10m --owner payments --reason edit --wait 10s"
        quietly touch /root/before
        person olga 'SUDO_EDITOR=cat sudo -n -u postgres -e /etc/passwd'
        judge 'an edit as the granted target is no edit that was granted' both failed silent_on 'root:'
        person olga 'SUDO_EDITOR=cat sudoedit -n /etc/shadow'
        judge 'nor as root' both failed silent_on 'root:'
        quietly find /var/tmp /tmp /usr/tmp /home/olga -newer /root/before -type f
        judge 'no copy is left' silent_on 'shadow|passwd'
        person olga 'nhictl why'
        judge 'and why says so' says 'edit-not-granted'
}

case_an_edit_is_granted_file_by_file() {
        quietly bash -c 'echo one >/etc/app.conf; chmod 600 /etc/app.conf'
        world_grant "olga --service sudo --group pay-ops --run-as root --edit /etc/app.conf --for 10m --owner payments --reason edit --wait 10s"
        person olga 'printf "#!/bin/sh\necho two >\"\$1\"\n" >~/ed; chmod 755 ~/ed; SUDO_EDITOR=$HOME/ed sudoedit -n /etc/app.conf'
        judge 'the granted file is edited' succeeded
        quietly cat /etc/app.conf
        judge 'it has the new text' says '^two$'
        person olga 'SUDO_EDITOR=$HOME/ed sudoedit -n /etc/shadow'
        judge 'another is not' failed
        person olga 'sudo -n id -u'
        judge 'an edit grant runs no commands' both failed silent_on '^0$'
}

# P25, P27
case_run_as_is_what_the_grant_says() {
        world_grant "olga --service sudo --group pay-ops --run-as postgres --for 10m --owner payments --reason runas --wait 10s"
        person olga 'sudo -n -u postgres id -un'
        judge 'the granted target' both succeeded says '^postgres$'
        person olga 'sudo -n id -un'
        judge 'not root' both failed silent_on '^root$'
        person olga "sudo -n -u '#0' id -un"
        judge 'not root by number' both failed silent_on '^root$'
        person olga "sudo -n -u '#70001' id -u"
        judge 'not an unknown number' both failed silent_on '^70001$'
        person olga "sudo -n -u '#-1' id -u"
        judge 'not minus one' both failed silent_on '^0$'
        person olga 'sudo -n -u postgres -g root id -gn'
        judge 'not with another group' both failed silent_on '^root$'
        person olga 'sudo -n -u bob id -un'
        judge 'not another account' both failed silent_on '^bob$'
}

case_commands_are_exact() {
        world_grant "olga --service sudo --group pay-ops --run-as root --command '/usr/bin/id -u' --for 10m --owner payments --reason command --wait 10s"
        person olga 'sudo -n /usr/bin/id -u'
        judge 'the granted command runs' both succeeded says '^0$'
        person olga 'sudo -n /usr/bin/id'
        judge 'without its argument not' both failed silent_on 'uid=0'
        person olga 'sudo -n /usr/bin/id -u root'
        judge 'with one more not' both failed silent_on '^0$'
        person olga 'sudo -n -s'
        judge 'a shell not' failed
        person olga 'nhictl why'
        judge 'why says so' says 'command-not-granted'
}

# PAM learns the target too late, so without the plugin a narrow grant is refused.
case_a_narrow_grant_needs_the_plugin() {
        world_grant "olga --service sudo --run-as postgres --for 10m --owner payments --reason plugin --wait 10s"
        person olga 'sudo -n -u postgres id -un'
        judge 'with the plugin' succeeded
        quietly nhictl sudo disable
        judge 'the plugin goes' succeeded
        person olga 'sudo -n -u postgres id -un'
        judge 'without it the narrow grant is refused' both failed silent_on '^postgres$'
        person olga 'nhictl why'
        judge 'and why says so' says 'sudo-plugin-missing'
        person bob 'sudo -n id -u'
        judge 'sudo works for others' both succeeded says '^0$'
        quietly nhictl sudo enable
        judge 'the plugin comes back' succeeded
        quietly nhictl sudo enable
        judge 'twice is once' both succeeded says 'unchanged'
}

# It runs the account phase only.
case_sudo_list_starts_no_session() {
        world_grant "olga --service sudo --run-as postgres --sessions 1 --for 10m --owner payments --reason list --wait 10s"
        person olga 'sudo -n -l >/dev/null && sudo -n -l >/dev/null && echo listed'
        judge 'sudo -l is allowed' says listed
        person olga 'sudo -n -u postgres id -un'
        judge 'and has consumed nothing' both succeeded says '^postgres$'
}
