# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Show a command and judge what the system did. One host at a time: $HOST, booted by tests/host/lib.sh.
#
#   step TITLE                  a heading
#   admin CMDLINE               root types it on the host's console; prints command and output; sets OUT and STATUS
#   person USER CMDLINE         the local account USER types it, outside of any login (setpriv)
#   quietly CMD ARG...          host_run without printing; sets OUT and STATUS
#   judge SENTENCE CMD ARG...   one passed or failed: CMD succeeded or not
#   verdict                     "N passed, N failed" and its status
#
# Conditions for judge: succeeded, failed, status N, says REGEX, silent_on REGEX, in_host CMD..., not CMD...
#
#   shell_open NAME USER CMDLINE   USER starts an interactive program (ssh -tt ...) that stays open
#   shell_says NAME CMDLINE        type into it, wait for the prompt; sets OUT and STATUS
#   shell_lives NAME               condition
#   shell_close NAME

n_passed=0 n_failed=0 n_shell_lines=0
OUT='' STATUS=0
work_dir=''
prompt_name=${prompt_name:-web1}
declare -A shell_pid shell_fd

indent() {
        sed 's/\r$//; s/^/    /'
}

step() {
        printf '\n== %s\n' "$1"
}

note() {
        printf '    # %s\n' "$1"
}

quietly() {
        OUT=$(host_run "$HOST" "$@" 2>&1 </dev/null)
        STATUS=$?
}

admin() {
        printf '%s# %s\n' "$prompt_name" "$1"
        quietly bash -c "$1"
        [[ -z $OUT ]] || indent <<<"$OUT"
}

person() {
        printf '%s$ %s\n' "$1" "$2"
        quietly setpriv --reuid="$1" --regid="$1" --init-groups env HOME="/home/$1" USER="$1" LOGNAME="$1" bash -c "$2"
        [[ -z $OUT ]] || indent <<<"$OUT"
}

judge() {
        local sentence=$1
        shift
        if "$@"; then
                printf '  ok    %s\n' "$sentence"
                n_passed=$((n_passed + 1))
                return 0
        fi
        printf '  FAIL  %s   [%s; status %s]\n' "$sentence" "$*" "$STATUS"
        n_failed=$((n_failed + 1))
        failures+=("$sentence")
}
failures=()

succeeded() { [[ $STATUS == 0 ]]; }
failed() { [[ $STATUS != 0 ]]; }
status() { [[ $STATUS == "$1" ]]; }
says() { grep -qE -- "$1" <<<"$OUT"; }
silent_on() { ! grep -qE -- "$1" <<<"$OUT"; }
in_host() { host_run "$HOST" "$@" >/dev/null 2>&1 </dev/null; }
not() { ! "$@"; }
# both COND ARG... -- COND ARG...; where the first takes no argument, -- may be left out.
both() {
        local -a first=("$1")
        shift
        if [[ " $* " == *' -- '* ]]; then
                while [[ $1 != -- ]]; do first+=("$1"); shift; done
                shift
        fi
        "${first[@]}" && "$@"
}

verdict() {
        local sentence
        printf '\n'
        for sentence in "${failures[@]}"; do printf 'failed: %s\n' "$sentence"; done
        printf '%s%d passed, %d failed\n' "${1:+$1: }" "$n_passed" "$n_failed"
        [[ $n_failed == 0 ]]
}

# ---- shells that stay open ---------------------------------------------------------------------

shell_open() {
        local name=$1 user=$2 line=$3 fd
        shell_close "$name"
        printf '%s$ %s\n' "$user" "$line"
        mkfifo "$work_dir/$name.in"
        exec {fd}<>"$work_dir/$name.in"
        host_run "$HOST" setpriv --reuid="$user" --regid="$user" --init-groups env HOME="/home/$user" USER="$user" TERM=dumb \
                bash -c "exec $line" <"$work_dir/$name.in" >>"$work_dir/$name.out" 2>&1 {fd}>&- &
        shell_pid[$name]=$!
        shell_fd[$name]=$fd
        shell_type "$name" 'stty -echo 2>/dev/null; PS1=; PS2='
}

# The marker is typed in two halves, so that an echo of the line is no answer; and on the same line, because sudo with
# use_pty swallows what is typed ahead.
shell_type() {
        local name=$1 line=$2
        n_shell_lines=$((n_shell_lines + 1))
        : >"$work_dir/$name.out"
        printf 'eval %q; echo "end""-%d-"$?\n' "$line" "$n_shell_lines" >&"${shell_fd[$name]}"
        wait_until "${SHELL_SECONDS:-15}" shell_has_answered "$name"
        if ! grep -q "end-$n_shell_lines-[0-9]" "$work_dir/$name.out"; then
                OUT=$(tr -d '\r\000' <"$work_dir/$name.out") STATUS=124
                return
        fi
        OUT=$(tr -d '\r\000' <"$work_dir/$name.out")
        STATUS=$(sed -n "s/.*end-$n_shell_lines-\([0-9]*\).*/\1/p" <<<"$OUT" | tail -1)
        OUT=$(grep -v "end-$n_shell_lines-\|\"end\"\"\|PS1=" <<<"$OUT")
}

shell_has_answered() {
        grep -q "end-$n_shell_lines-[0-9]" "$work_dir/$1.out" || shell_is_over "$1"
}

shell_says() {
        printf '%s> %s\n' "$1" "$2"
        shell_type "$1" "$2"
        [[ -z $OUT ]] || indent <<<"$OUT"
}

shell_lives() {
        kill -0 "${shell_pid[$1]-0x}" 2>/dev/null
}

shell_is_over() {
        ! shell_lives "$1"
}

shell_close() {
        local fd=${shell_fd[$1]-}
        [[ -n $fd ]] || return 0
        shell_lives "$1" && printf 'exit\n' >&"$fd"
        exec {fd}>&-
        # One that does not go is killed: no failure, and no reason for more patience.
        NHI_SLACK=1 wait_until 15 shell_is_over "$1" || kill "${shell_pid[$1]}" 2>/dev/null
        wait "${shell_pid[$1]}" 2>/dev/null
        rm -f "$work_dir/$1.in"
        unset "shell_fd[$1]" "shell_pid[$1]"
}

# ---- time --------------------------------------------------------------------------------------

now_ms() {
        local t=${EPOCHREALTIME/[.,]/}
        echo $((t / 1000))
}

# Wait until the second $1 since the epoch has begun.
until_second() {
        local left=$((${1:-0} * 1000 - $(now_ms)))
        ((left <= 0)) || sleep "$(printf '%d.%03d' $((left / 1000)) $((left % 1000)))"
}

# The life of what ends while the case looks on. What has to be done before takes longer where hosts share their
# processors: there it is twice as long.
lasting() { # SECONDS
        echo $(($1 * (1 + ${NHI_SLACK:-1}) / 2))
}

# Does CMD succeed within $2 seconds after the moment $1 (milliseconds since the epoch)? A look that comes too late
# proves nothing and is a failure. Hosts that share their processors with others (NHI_SLACK, set by run) get that many
# times as long: `make demo` holds the promise to its number.
gone_within() {
        local from_ms=$1 limit=$(($2 * ${NHI_SLACK:-1}))
        shift 2
        until "$@"; do
                (($(now_ms) <= from_ms + limit * 1000)) || return 1
                sleep 0.02
        done
        local took=$(($(now_ms) - from_ms))
        note "seen after $took ms"
        ((took <= limit * 1000))
}
