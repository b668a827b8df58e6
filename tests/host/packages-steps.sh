#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs inside a throw-away host, for cases/packages.sh: programs whose shell scripts are stopped or killed at each
# command. Between two commands of a script the host is what it would be had the script been killed there; so at every
# command that finds the login configuration or a module changed, the logins are tried, in the middle of it. Then
# everything is done again, and killed for real at such changes: by SIGKILL, the whole process group.
#
#   dpkg ──► maintainer script (#!/bin/sh) ──► a shell bound over /bin/sh: bash with a DEBUG trap (BASH_ENV)
#                └─► perl (debconf, pam-auth-update) ──► its scripts, too
#
#   packages-steps.sh on|off            bind the stepping shell over /bin/sh, or take it away
#   packages-steps.sh script PACKAGE SCRIPT ARG...   a maintainer script, killed at each change and run again; at the end
#                                       everything is as the script left it
#   packages-steps.sh watch CMD ARG...  try the logins at each change
#   packages-steps.sh kill N CMD ARG... killed at the Nth change: prints "killed at ..."
# Prints "closed: ..." wherever somebody was locked out, "unfinished: ..." where a second run does not lead to where one
# undisturbed run led, and counts.
set -uo pipefail
here=$(dirname "$(readlink -f "$0")")
dir=/root/step
# What a maintainer script may change that a login needs, and what says whether it did.
config=(/etc/pam.d /etc/nsswitch.conf /etc/sudo.conf /etc/ssh /var/lib/pam /etc/systemd/system)
modules=(/usr/lib/*/security/pam_nhi.so /usr/lib/*/libnss_nhi.so.2 /usr/libexec/sudo/sudo_nhi.so)

step_shell() {
        printf '#!/bin/bash -p\nexec /bin/bash "$@"\n' >"$dir/sh"
        chmod 755 "$dir/sh"
        # The words of the scripts under test: their set -eu, IFS and set -f must not reach the hook's commands.
        cat >"$dir/env" <<-HOOK
		step_hook() {
		        local print changes
		        echo >>$dir/steps
		        print=\$(find $(printf '%q ' /etc/pam.d /etc/nsswitch.conf /etc/sudo.conf /etc/ssh "${modules[@]}") -printf '%p %i %s %T@\n' 2>/dev/null </dev/null)
		        [[ "\$print" != "\$(<$dir/print)" ]] || return 0
		        printf '%s\n' "\$print" >$dir/print
		        echo "\$0 \${BASH_LINENO[0]}" >>$dir/changes
		        changes=\$(grep -c '' $dir/changes)
		        if [[ "\$STEP_KILL_AT" == "\$changes" ]]; then kill -KILL 0; fi
		        [[ "\$STEP_KILL_AT" != 0 ]] ||
		                env -i PATH="\$PATH" bash $here/packages-state.sh logins quick </dev/null 2>/dev/null |
		                sed -n "s,^\([a-z-]*\): no\$,closed: \1 at \$0 line \${BASH_LINENO[0]},p" >>$dir/closed
		}
		if [[ -n "\${STEP_KILL_AT-}" ]]; then set -T; trap 'step_hook || :' DEBUG; fi
	HOOK
}

step_on() {
        mkdir -p "$dir"
        step_shell
        mount --bind "$dir/sh" "$(readlink -f /bin/sh)"
}

step_off() {
        umount "$(readlink -f /bin/sh)"
}

stepped() { # KILL-AT CMD ARG...; 0: at no change, only watched
        local at=$1
        shift
        : >"$dir/steps"; : >"$dir/changes"; : >"$dir/closed"; : >"$dir/print"
        find /etc/pam.d /etc/nsswitch.conf /etc/sudo.conf /etc/ssh "${modules[@]}" -printf '%p %i %s %T@\n' 2>/dev/null >"$dir/print"
        STEP_KILL_AT=$at BASH_ENV=$dir/env DEBIAN_FRONTEND=noninteractive setsid --wait "$@" >"$dir/out" 2>&1 </dev/null &
        wait $! 2>/dev/null
}

locked_out() { # WHEN
        env -i PATH="$PATH" bash "$here/packages-state.sh" logins quick | sed -n "s,^\([a-z-]*\): no\$,closed: \1 $1,p"
}

config_save() {
        rm -rf "$dir/$1"
        mkdir -p "$dir/$1"
        cp -a --parents "${config[@]}" "$dir/$1"
}

config_load() {
        local path
        for path in "${config[@]}"; do
                [[ ! -d $path ]] || find "$path" -mindepth 1 -printf '%P\0' | (cd "$dir/$1$path" && while IFS= read -r -d '' f; do
                        [[ -e $f || -L $f ]] || printf '%s\0' "$path/$f"; done) | xargs -0r rm -rf
                cp -a "$dir/$1$path" "$(dirname "$path")"
        done
}

config_differs() { # A: what the login configuration is not the same in as when A was saved
        local path
        for path in /etc/pam.d /etc/nsswitch.conf /etc/sudo.conf /etc/ssh; do diff -r "$dir/$1$path" "$path"; done
}

watch() {
        local status
        stepped 0 "$@"
        status=$?
        cat "$dir/closed"
        locked_out 'afterwards'
        n_changes=$(grep -c '' "$dir/changes")
        echo "$(grep -c '' "$dir/steps") commands, $n_changes changes, exit status $status"
        [[ $status == 0 ]] || sed 's/^/  /' "$dir/out"
}

script() {
        local package=$1 name=$2 file n n_changes
        shift 2
        file=$(ls "/var/lib/dpkg/info/$package.$name" "/var/lib/dpkg/info/$package:"*".$name" 2>/dev/null)
        [[ -n $file ]] || { echo "$package has no $name"; return; }
        export DPKG_MAINTSCRIPT_PACKAGE=$package DPKG_MAINTSCRIPT_NAME=$name DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 \
                DPKG_MAINTSCRIPT_ARCH=$(dpkg --print-architecture) DPKG_ROOT= DPKG_ADMINDIR=/var/lib/dpkg
        config_save before
        watch "$file" "$@"
        config_save after
        # Every change was looked at; of many, every third is enough to see that the script goes on from there.
        for ((n = 1; n <= n_changes; n += n_changes > 4 ? 3 : 1)); do
                config_load before
                stepped "$n" "$file" "$@"
                locked_out "after $package.$name $* was killed at change $n ($(tail -n 1 "$dir/changes"))"
                stepped -1 "$file" "$@" || echo "unfinished: $package.$name $* fails after a kill at change $n: $(<"$dir/out")"
                [[ -z $(config_differs after) ]] || echo "unfinished: $package.$name $*, killed at change $n and run again: $(config_differs after)"
        done
}

case $1 in
on) step_on ;;
off) step_off ;;
kill)
        stepped "${@:2}"
        (($(grep -c '' "$dir/changes") < $2)) || echo "killed at $(tail -n 1 "$dir/changes")"
        locked_out "after ${*:3} was killed at change $2 ($(tail -n 1 "$dir/changes"))"
        ;;
*) "$@" ;;
esac
