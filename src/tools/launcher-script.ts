/**
 * raise_fence: raises the fence to the claim; exits with 70 if the fence is higher. A separate lock guards the
 * comparison and the rename, so that the fence never decreases.
 */
const RAISE_FENCE = String.raw`
read_fence() { highest=-1; { read -r highest <"$run/fence"; } 2>/dev/null; }
raise_fence() {
  read_fence
  [ "$highest" -ne "$claim" ] || return 0
  exec 8>>"$run/fence.lock"
  flock -x 8 || exit 72
  read_fence
  [ "$highest" -le "$claim" ] || exit 70
  if [ "$highest" -lt "$claim" ]; then
    echo "$claim" >"$run/fence.new" && mv -f "$run/fence.new" "$run/fence" || exit 74
  fi
  exec 8>&-
}
`;

/**
 * The launcher: a POSIX sh script that runs one tool call, or several checks in sequence, for one claim. It runs in a
 * separate session, so that it outlives the worker. Its guarantees (docs/architecture.md, rule 3):
 *
 * - It holds the task's lock (flock) from before the start until no process of the tool is left. The script and its
 *   watcher hold the lock's file description, the tool does not: the lock survives if one of the two is killed, and a
 *   tool cannot release it. Without a sandbox the tool inherits it too, so that a process left behind keeps the lock.
 * - It raises the fence to its claim before it waits for the lock, because an earlier attempt's launcher may hold it.
 *   With the lock, it refuses to start if the fence is above its claim or the step has a start mark.
 * - The watcher checks the fence and the time limit ten times a second and has the tool killed. In the sandbox the
 *   whole pid namespace dies with its pid 1, and bwrap returns only after the kernel has reaped all of it.
 * - It writes the outcome by rename.
 *
 * Output passes through two named pipes that `cat` drains: a file as stdout would be emptied by `> /dev/stderr`, and
 * the sandbox's user could not open it. A stream ends after 256 MiB (the tool gets SIGPIPE).
 *
 * Environment: run (the task's run directory), claim, stem, limit_ms, once (yes: one command, at most once; no:
 * checks), each (yes: all checks run, limit_ms for each; no: the first failure ends them, limit_ms for all), isolated
 * (yes or no), seccomp (file with bwrap's system call filter), token (the mark in the environment of bwrap, or of the tool without a sandbox),
 * count, command_1 ….
 * Arguments: the argument vector; each command is appended to it.
 */
export const LAUNCHER_SCRIPT = String.raw`
set -u
umask 022
stopped= killed= phase=idle child= pid1= interrupted=
stop_for() { [ -n "$stopped" ] || stopped=$1; interrupted=yes; stop; }
trap 'stop_for aborted' TERM
trap 'stop_for timeout' USR1
trap 'stop_for fenced' USR2

stop() {
  case $phase in
    locking) kill -9 "$child" 2>/dev/null ;;
    running) kill_tool ;;
  esac
}

wait_for() {
  interrupted=
  wait "$1"; code=$?
  while [ "$code" -gt 128 ] && [ -n "$interrupted" ]; do
    interrupted=
    wait "$1"; again=$?
    [ "$again" -ne 127 ] || return 0
    code=$again
  done
}

clock() { read -r up _ </proc/uptime; now=$((\${up%.*} * 100 + 1\${up#*.} - 100)); }

${RAISE_FENCE}
fenced() { read_fence; [ "$highest" -gt "$claim" ]; }

find_pid1() { pid1=; { read -r _ _ pid1 _ <"$run/$name.status"; } 2>/dev/null; pid1=\${pid1%,}; [ -n "$pid1" ]; }

kill_tool() {
  if [ "$isolated" = no ]; then killed=yes; kill -9 "-$child" 2>/dev/null; sweep; return 0; fi
  tries=0
  while [ "$tries" -lt 50 ] && [ -e "/proc/$child" ]; do
    if find_pid1; then
      parent=; { read -r _ _ _ parent _ <"/proc/$pid1/stat"; } 2>/dev/null
      if [ "$parent" = "$child" ] && kill -9 "$pid1" 2>/dev/null; then killed=yes; fi
      return 0
    fi
    sleep 0.02
    tries=$((tries + 1))
  done
  if kill -9 "$child" 2>/dev/null; then killed=yes; fi
}

sweep() {
  # grep's exit code is not used: it is 2 if a process ended meanwhile.
  while left=$(grep -lsxzF "RAVENHELM_RUN=$token" /proc/[0-9]*/environ); [ -n "$left" ]; do
    for found in $left; do found=\${found#/proc/}; kill -9 "\${found%/environ}" 2>/dev/null; done
    sleep 0.01
  done
}

nothing_left() {
  if [ "$isolated" = no ]; then kill -9 "-$child" 2>/dev/null; sweep; return 0; fi
  built=; { read -r _; read -r _ built _; } 2>/dev/null <"$run/$name.status"
  [ "$built" != '"exit-code":' ] || return 0
  # bwrap was killed, or died before it set its child's death signal. Its processes have the mark until the tool runs.
  sweep
  find_pid1 || return 0
  tries=0
  while [ -e "/proc/$pid1" ] && [ "$tries" -lt 500 ]; do sleep 0.02; tries=$((tries + 1)); done
}

leave() {
  printf 'reason=%s\nexit=%s\nduration_ms=%s\n' "$reason" "$result" $(((now - began) * 10)) >"$run/$name.outcome.new" &&
    mv -f "$run/$name.outcome.new" "$run/$name.outcome"
}

watch() {
  trap - TERM USR1 USR2
  while :; do
    sleep 0.1 9>&-
    read -r _ _ _ parent _ </proc/self/stat
    if [ "$parent" != $$ ]; then kill_tool; nothing_left; reason=aborted result=137; clock; leave; exit 0; fi
    fenced && kill -USR2 $$
    clock
    [ "$now" -lt "$deadline" ] || kill -USR1 $$
  done
}

how_it_ended() {
  reason=exited
  if [ -n "$killed" ]; then reason=$stopped; return 0; fi
  [ "$isolated" = yes ] && [ "$built" != '"exit-code":' ] || return 0
  if [ "$result" -gt 128 ]; then reason=lost; else reason=broken; fi
}

keep_output() { ulimit -f 524288; exec cat; }

run_one() {
  name=$1 command=$2; shift 2
  exec 8<>"$run/stdout" 3>"$run/stdout" 4<"$run/stdout"
  exec 8<>"$run/stderr" 5>"$run/stderr" 6<"$run/stderr"
  exec 8>&-
  keep_output <&4 >"$run/outputs/$name.stdout" 3>&- 4<&- 5>&- 6<&- 7<&- 9>&- & out=$!
  keep_output <&6 >"$run/outputs/$name.stderr" 3>&- 4<&- 5>&- 6<&- 7<&- 9>&- & err=$!
  clock; began=$now
  if [ "$isolated" = yes ]; then
    RAVENHELM_RUN=$token "$@" "$command" <&7 >&3 2>&5 8>"$run/$name.status" 7<"$seccomp" 3>&- 4<&- 5>&- 6<&- 9>&- &
  else
    "$@" "$command" <&7 >&3 2>&5 3>&- 4<&- 5>&- 6<&- 7<&- &
  fi
  child=$! phase=running
  exec 3>&- 4<&- 5>&- 6<&-
  [ -z "$stopped" ] || kill_tool
  watch 7<&- & watcher=$!
  wait_for "$child"; result=$code
  phase=idle
  nothing_left
  # Only SIGKILL is certain: a subshell that has not yet reset its parent's traps ignores any other signal.
  kill -9 "$watcher" 2>/dev/null
  wait_for "$watcher"
  wait_for "$out"; wait_for "$err"
  clock
  how_it_ended
  leave
}

raise_fence
exec 7<&0 9>>"$run/lock"
flock -x -w $((limit_ms / 1000 + 1)) 9 7<&- & child=$! phase=locking
[ -z "$stopped" ] || stop
wait_for "$child"; phase=idle
[ -z "$stopped" ] || exit 73
[ "$code" -eq 0 ] || exit 72
! fenced || exit 70
for stream in stdout stderr; do [ -p "$run/$stream" ] || mkfifo -m 622 "$run/$stream" || exit 74; done
if [ "$once" = yes ]; then
  set -C
  { echo "$claim" >"$run/$stem.started"; } 2>/dev/null || exit 71
  set +C
fi
clock; deadline=$((now + limit_ms / 10))
i=1
while [ "$i" -le "$count" ]; do
  [ "$stopped" != fenced ] || exit 70
  [ -z "$stopped" ] || exit 73
  eval "command=\$command_$i"
  [ "$each" = no ] || { clock; deadline=$((now + limit_ms / 10)); }
  if [ "$once" = yes ]; then name=$stem; else name=$stem-c$i; fi
  run_one "$name" "$command" "$@"
  if [ "$each" = yes ]; then
    [ "$stopped" != timeout ] || stopped=
    killed=
  else
    [ "$reason" = exited ] && [ "$result" -eq 0 ] || exit 0
  fi
  i=$((i + 1))
done
exit 0
`.replaceAll('\\${', '${');

/** The launcher's exit codes. 0: it left outcomes. */
export const LAUNCHER_EXIT = { fenced: 70, startedBefore: 71, lockBusy: 72, aborted: 73 } as const;

/** The script that raises a task's fence and waits for its lock. Environment: run, claim. */
export const FENCE_SCRIPT = `
set -u
umask 022
${RAISE_FENCE}
raise_fence
exec 9>>"$run/lock"
waiting=
trap 'kill -9 $waiting 2>/dev/null; exit 73' TERM
flock -x 9 & waiting=$!
wait "$waiting" || exit 72
read_fence
[ "$highest" -le "$claim" ] || exit 70
`;
