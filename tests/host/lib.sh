# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Throw-away hosts: whole Debian systems with their own PID 1, logind, journald, sshd, sudo and cron.
#
#      this machine                                      the host NAME
#   ┌──────────────────────────────────────┐   ┌─────────────────────────────────────────────┐
#   │ $NHI_CACHE/host-SUITE-KEY            │   │ PID 1 systemd ── journald, logind, dbus     │
#   │   built once, read only from then on │   │   system.slice/cron, ssh, nhi-agentd …      │
#   │        │ lower                       │   │   system.slice/console.service  ◄─ host_run │
#   │        ▼                             │   │   user.slice/user-UID.slice/session-N.scope │
#   │ overlay on a tmpfs ── systemd-nspawn ┼──►│                                             │
#   │   $NHI_HOSTS/NAME/{mem,root}         │   │ network: its own, lo only (127.0.0.0/8)     │
#   └──────────────────────────────────────┘   └─────────────────────────────────────────────┘
#
# Nothing is written to the cached root; what a host writes is memory and goes with it. Hosts have a cgroup of their
# own, so several run side by side. Whoever sources this file gets an EXIT trap that leaves no process, mount, cgroup
# or directory behind, unless KEEP=1.
#
#   host_packages BUILD-DIR      build the packages that world_install installs (deb.sh), unless NHI_PACKAGES=built
#   host_boot NAME               make the root of $NHI_SUITE where it is missing (root.sh), boot, return when the host is up
#   host_run NAME CMD ARG...     run as root in the host, in a clean environment; stdin, stdout, status pass through
#   host_put NAME DIR|TARBALL [DEST]   unpack into the host (default: /), owned by root
#   host_wait NAME SECONDS CMD ARG...  until CMD succeeds in the host; 1 when the time is over
#   host_full NAME / host_roomy NAME   every filesystem of the host but /run and /tmp is full / has room again
#   host_poweroff NAME           orderly, then by force; removes everything
#   wait_until SECONDS CMD ARG...      the same as host_wait, on this machine; NHI_SLACK times as long (see run)

NHI_HOSTS=${NHI_HOSTS:-/run/nhi-hosts}
NHI_SUITE=${NHI_SUITE:-bookworm}
HOST_SIZE=${HOST_SIZE:-1G}
HOST_BOOT_SECONDS=${HOST_BOOT_SECONDS:-60}
host_lib_dir=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
. "$host_lib_dir/root.sh"

host_die() {
        echo "host: $*" >&2
        return 1
}

# Poll with a deadline: conditions, never times. The deadline is patience, which costs nothing when all is well.
wait_until() {
        local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000 * ${NHI_SLACK:-1}))
        shift
        until "$@" >/dev/null 2>&1; do
                ((${EPOCHREALTIME/[.,]/} < deadline)) || return 1
                sleep 0.05
        done
}

# ---- boot --------------------------------------------------------------------------------------

host_leader() {
        cat "$NHI_HOSTS/$1/leader" 2>/dev/null || host_die "$1 is not up"
}

# The host's own cgroup root, as this machine sees it.
host_cgroup() {
        local path mnt=/sys/fs/cgroup
        [[ -d $mnt/unified ]] && mnt=$mnt/unified
        path=$(sed -n 's/^0:://p' "/proc/$(host_leader "$1")/cgroup")
        echo "$mnt${path%/init.scope}"
}

host_mount() {
        local dir=$1 lower=$2
        mkdir -p "$dir/mem" "$dir/root"
        mount -t tmpfs -o "size=$HOST_SIZE,mode=0755" nhi-host "$dir/mem"
        mkdir -p "$dir/mem/upper" "$dir/mem/work"
        mount -t overlay -o "lowerdir=$lower,upperdir=$dir/mem/upper,workdir=$dir/mem/work" nhi-host "$dir/root"
}

# What a real installation would have decided; before the first boot.
host_prepare() {
        local root=$1 name=$2
        tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
        echo "$name" >"$root/etc/hostname"
        echo "127.0.0.1 $name.example.org $name localhost" >"$root/etc/hosts"
        cat >"$root/etc/systemd/system/console.service" <<-'UNIT'
		[Unit]
		Description=The console that host_run types on
		[Service]
		ExecStart=/bin/sleep infinity
		KillMode=control-group
		[Install]
		WantedBy=multi-user.target
		UNIT
        mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
        ln -sf ../console.service "$root/etc/systemd/system/multi-user.target.wants/console.service"
}

# A cgroup of its own: two hosts in one would share one payload tree.
host_own_cgroup() {
        local mnt
        for mnt in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
                [[ -f $mnt/cgroup.procs ]] || continue
                mkdir -p "$mnt/nhi-hosts/$1"
                echo "$BASHPID" >"$mnt/nhi-hosts/$1/cgroup.procs"
        done
}

host_spawn() {
        local name=$1 dir=$2
        local -a nspawn=(systemd-nspawn --quiet --register=no --keep-unit --directory="$dir/root" --private-network
                --machine="$name" --hostname="$name" --resolv-conf=off --timezone=off --link-journal=no
                --console=pipe --boot)
        if [[ -d /run/systemd/system ]]; then
                nspawn=(systemd-run --quiet --scope --collect --property=Delegate=yes --unit="nhi-host-$name" "${nspawn[@]}")
        else
                host_own_cgroup "$name"
        fi
        export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
        exec setsid "${nspawn[@]}" </dev/null >"$dir/console.log" 2>&1
}

# The one process below nspawn that is PID 1 of another pid namespace.
host_find_leader() {
        local name=$1 dir=$NHI_HOSTS/$1 pid
        kill -0 "$(<"$dir/nspawn")" 2>/dev/null || return 0
        for pid in $(pgrep -x systemd); do
                [[ $(readlink "/proc/$pid/root" 2>/dev/null) == / ]] || continue
                awk '/^NSpid:/ { exit !($NF == 1 && NF > 2) }' "/proc/$pid/status" 2>/dev/null || continue
                [[ $(nsenter --target "$pid" --uts hostname 2>/dev/null) == "$name" ]] || continue
                [[ $(ps -o ppid= -p "$pid" | tr -d ' ') == "$(<"$dir/nspawn")" ]] || continue
                echo "$pid" >"$dir/leader"
                return 0
        done
        return 1
}

# degraded is up, too: one failed unit of the distribution is not ours to judge.
host_is_up() {
        [[ -f $NHI_HOSTS/$1/leader ]] || return 1
        case $(nsenter --target "$(<"$NHI_HOSTS/$1/leader")" --all systemctl is-system-running 2>/dev/null) in
        running | degraded) return 0 ;;
        esac
        return 1
}

# in-place.sh says otherwise.
host_is_here() { false; }

host_packages() {
        [[ ${NHI_PACKAGES-} == built ]] || "$host_lib_dir/deb.sh" "$1" "$NHI_SUITE" >&2
}

host_boot() {
        local name=$1 dir=$NHI_HOSTS/$1 lower
        [[ $name =~ ^[a-z][a-z0-9-]{0,30}$ ]] || { host_die "bad name $name"; return 1; }
        [[ $(id -u) == 0 ]] || { host_die "booting a host needs root"; return 1; }
        lower=$(root_get host "$NHI_SUITE") || return 1
        if [[ -d $dir ]]; then
                kill -0 "$(cat "$dir/owner" 2>/dev/null)" 2>/dev/null &&
                        { host_die "$name is in use by process $(<"$dir/owner")"; return 1; }
                host_remove "$name"
        fi
        mkdir -p "$dir"
        echo "$$" >"$dir/owner"
        host_names+=("$name")
        host_mount "$dir" "$lower" && host_prepare "$dir/root" "$name" || return 1
        (host_spawn "$name" "$dir") &
        echo "$!" >"$dir/nspawn"
        # Its end by force is no news for the shell.
        disown
        if ! wait_until "$HOST_BOOT_SECONDS" host_find_leader "$name" || ! wait_until "$HOST_BOOT_SECONDS" host_is_up "$name"; then
                tail -20 "$dir/console.log" >&2
                host_die "$name did not come up in $HOST_BOOT_SECONDS s"
                return 1
        fi
        host_run "$name" ip link set lo up
        wait_until 10 test -d "$(host_cgroup "$name")/system.slice/console.service"
}

# ---- use ---------------------------------------------------------------------------------------

# The command runs in console.service's cgroup: to everything inside it is a process of that host.
host_run() {
        local name=$1 leader procs
        shift
        leader=$(host_leader "$name") || return 125
        procs=$(host_cgroup "$name")/system.slice/console.service/cgroup.procs
        # shellcheck disable=SC2016 # expanded by the inner shell
        /bin/sh -c '[ ! -f "$1" ] || echo $$ >"$1"; shift; exec "$@"' sh "$procs" \
                nsenter --target "$leader" --all --wdns=/ \
                env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
                TERM="${TERM:-dumb}" "$@"
}

host_put() {
        local name=$1 source=$2 dest=${3:-/}
        host_run "$name" mkdir -p "$dest"
        if [[ -d $source ]]; then
                tar -C "$source" --owner=0 --group=0 -cf - . | host_run "$name" tar -C "$dest" --no-overwrite-dir -xpf -
        else
                host_run "$name" tar -C "$dest" --no-overwrite-dir -xpzf - <"$source"
        fi
}

host_wait() {
        local name=$1 seconds=$2
        shift 2
        wait_until "$seconds" host_run "$name" "$@"
}

# The tmpfs below the overlay shrinks to what is used and its rest is filled: ENOSPC, at once and for real.
host_full() {
        local mem=$NHI_HOSTS/$1/mem used
        used=$(df --output=used -k "$mem" | tail -1)
        mount -o "remount,size=$((used + 64))k" "$mem"
        dd if=/dev/zero of="$mem/fill" bs=4k status=none 2>/dev/null || :
}

host_roomy() {
        local mem=$NHI_HOSTS/$1/mem
        mount -o "remount,size=$HOST_SIZE" "$mem"
        rm -f "$mem/fill"
}

# ---- the end -----------------------------------------------------------------------------------

host_gone() {
        ! kill -0 "$1" 2>/dev/null
}

host_rmdir_cgroups() {
        local mnt
        for mnt in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
                [[ -d $mnt/nhi-hosts/$1 ]] || continue
                find "$mnt/nhi-hosts/$1" -depth -type d -exec rmdir {} + 2>/dev/null
                rmdir "$mnt/nhi-hosts" 2>/dev/null || :
        done
}

# By force, and everything: PID 1 of the namespace takes all its processes along.
host_remove() {
        local name=$1 dir=$NHI_HOSTS/$1 pid
        [[ -d $dir ]] || return 0
        for pid in $(cat "$dir/leader" "$dir/nspawn" 2>/dev/null); do
                kill -KILL "$pid" 2>/dev/null || :
                wait_until 10 host_gone "$pid"
        done
        if mountpoint -q "$dir/root"; then umount "$dir/root" || umount --lazy "$dir/root"; fi
        if mountpoint -q "$dir/mem"; then umount "$dir/mem" || umount --lazy "$dir/mem"; fi
        host_rmdir_cgroups "$name"
        rm -rf --one-file-system "$dir"
        rmdir "$NHI_HOSTS" 2>/dev/null || :
}

host_poweroff() {
        local name=$1 nspawn
        nspawn=$(cat "$NHI_HOSTS/$name/nspawn" 2>/dev/null) || return 0
        kill -s RTMIN+4 "$(host_leader "$name")" 2>/dev/null || :
        wait_until 15 host_gone "$nspawn" || :
        host_remove "$name"
}

host_names=()
host_cleanup() {
        local status=$? name
        trap - EXIT
        for name in "${host_names[@]}"; do
                if [[ ${KEEP-} == 1 && -f $NHI_HOSTS/$name/leader ]]; then
                        echo "$name stays up. Enter:  nsenter --target $(<"$NHI_HOSTS/$name/leader") --all --wdns=/root bash -l"
                        echo "          Remove:  bash -c '. $host_lib_dir/lib.sh; host_poweroff $name'"
                else
                        host_remove "$name"
                fi
        done
        exit "$status"
}
trap host_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
