"""The shell program of the tracer's pod. Its subcommand `main` runs in the pod; `fit` runs the others by exec.

It needs sh and busybox (or awk, cat, date, mkdir, mount, rmdir, sleep, uname). Its state is in /caps, an empty volume.

- `main RUN SECONDS IDLE`: mounts tracefs for itself, removes what an earlier tracer left, prints `ready` and waits: for
  so many seconds at most, and no longer when nobody has begun or ended a record for IDLE seconds. Whatever ends it
  removes its trace instances; after SIGKILL the kubelet starts it again, and it removes them then.
- `begin N`: a trace instance with its own buffer and filters; the kernel records from now on.
- `seeds N PATTERN…`: which processes of these pods run already (the pod needs hostPID for this).
- `follow N PATTERN`: reads the record as it comes and counts what belongs to the pods of the pattern. All other lines
  are dropped at once.
- `end N`: the counts, and the instance is gone. `drop N`: the instance is gone.

Documentation/trace/ftrace.rst has the files of tracefs.
"""

import shlex

from kubectl_caps.core.trace.calls import numbers_of
from kubectl_caps.core.trace.follow import END, FOLLOW, MOST_KEYS, SEEDED, SEEDS
from kubectl_caps.core.trace.runtime_default import RECORDED_CALLS

PREFIX = "kubectl-caps-"
"""How trace instances are called: this, the run, the number of the trial, the second at which they are left over."""

_TOTAL_KB = 16384
"""The buffer of one instance over all CPUs, in KiB; an event with its stack takes about 200 bytes."""

_LEFT_AFTER = 300
"""Seconds after the end of an idle tracer at which its trace instances are left over: the next tracer removes them."""

_WITH_ARGUMENTS = ["bind", "clone", "ioctl", "mknod", "mknodat", "prctl", "setsockopt", "socket", "unshare"]
"""Calls whose arguments decide which capability they need; recorded on kernels without `cap_capable`."""


def _filter(machine: str) -> str:
    """The filter of `sys_enter` on a machine."""
    return " || ".join(f"id == {number}" for number in numbers_of(machine, _WITH_ARGUMENTS))


_PROGRAM = r"""
for tool in cat date id kill mkdir mount mv readlink rm rmdir sleep uname; do
  command -v $tool > /dev/null 2>&1 || eval "$tool() { busybox $tool \"\$@\"; }"
done
awk=awk; command -v awk > /dev/null 2>&1 || awk="busybox awk"  # in the background a function would be a second process
root=/sys/kernel/tracing
run=$(cat /caps/run 2> /dev/null)
for instance in $root/instances/@PREFIX@$run-$2-*; do break; done

remove() {  # a reader that is left keeps an instance busy
  echo 0 > $1/tracing_on
  for try in 1 2 3 4 5 6 7 8 9 10; do rmdir $1 2> /dev/null && return 0; sleep 1; done
  return 1
}
stop() {
  for file in /caps/*.pid; do [ -e $file ] && kill $(cat $file); done 2> /dev/null
  for left in $root/instances/@PREFIX@$run-*; do [ -d $left ] && remove $left; done
}
total() {  # the sum of some fields of the CPUs' statistics
  cat $instance/per_cpu/cpu*/stats | $awk -F: -v names="$1" '$1 ~ names { sum += $2 } END { print sum + 0 }'
}

case $1 in
main)
  fail() { echo "problem: $1"; exit 0; }
  [ -e $root/instances ] || mount -t tracefs none $root || fail "tracefs cannot be mounted: $(uname -r), $(id)"
  [ -e $root/events/cgroup/cgroup_attach_task ] || fail "this kernel has no trace event cgroup_attach_task"
  now=$(date +%s)
  for left in $root/instances/@PREFIX@*; do
    [ -d $left ] || continue
    case $left in *-$2-*-*) ;; *) [ ${left##*-} -lt $now ] || continue; echo "left over: ${left##*/}" ;; esac
    remove $left
  done
  [ -e /caps/run ] && fail "it was killed"
  run=$2; until=$((now + $3))
  trap 'stop; exit 0' TERM INT HUP
  printf %s "$5" > /caps/follow.awk; printf %s "$6" > /caps/program.sh
  echo $((2 * $4 + @LEFT@)) > /caps/lasts; echo $run > /caps/run
  echo ready
  asked=yes
  while [ $asked = yes ] && [ $(date +%s) -lt $until ]; do  # who asks no more has died
    sleep $4 & wait $!
    asked=no; rm /caps/asked 2> /dev/null && asked=yes
  done
  stop ;;
begin)
  echo > /caps/asked
  instance=$root/instances/@PREFIX@$run-$2-$(($(date +%s) + $(cat /caps/lasts)))
  mkdir $instance || exit 1
  cd $instance; number=$2
  set -- per_cpu/cpu*; size=$((@TOTAL@ / $#)); [ $size -gt 512 ] || size=512
  echo $size > buffer_size_kb
  machine=$(uname -m); noisy=233; [ $machine = aarch64 ] && noisy=21
  echo "(ret == -1 || ret == -13 || ret == -30) && id != $noisy" > events/raw_syscalls/sys_exit/filter
  mode=calls
  if [ -e events/capability/cap_capable/enable ]; then
    mode=capabilities
    echo 1 > options/stacktrace
    echo 1 > events/capability/cap_capable/enable
  else
    case $machine in aarch64) filter='@AARCH64@' ;; *) filter='@X86_64@' ;; esac
    echo "$filter" > events/raw_syscalls/sys_enter/filter && echo 1 > events/raw_syscalls/sys_enter/enable
  fi
  for event in sched/sched_process_fork sched/sched_process_exec cgroup/cgroup_attach_task raw_syscalls/sys_exit; do
    echo 1 > events/$event/enable || exit 1
  done
  event=events/cgroup/cgroup_notify_populated/enable; [ ! -e $event ] || echo 1 > $event
  made=no  # each call has an event of its own, as one filter of so many numbers would slow down every call of the node
  for call in @CALLS@; do
    [ -e events/syscalls/sys_exit_$call/enable ] && echo 1 > events/syscalls/sys_exit_$call/enable && made=yes
  done
  printf 'mode\t%s\t%s\t%s\n' $mode $machine $made > /caps/$number.mode ;;
seeds)  # processes that run already; in a pid namespace below the first one their numbers are those of /proc only
  number=$2; shift 2; nested=
  [ "$(readlink /proc/self/ns/pid)" = "pid:[4026531836]" ] || nested=yes
  if [ $nested ]; then  # attaching a task to the cgroup that it is in changes nothing, and the event has its number
    mkdir -p /caps/cgroup
    [ -e /caps/cgroup/cgroup.procs ] || mount -t cgroup -o freezer none /caps/cgroup 2> /dev/null ||
      mount -t cgroup2 none /caps/cgroup || exit 1
    file=cgroup.procs; group=0::; [ -e /caps/cgroup/tasks ] && file=tasks group=:freezer:
    echo '@SEEDS@' > $instance/trace_marker
  fi
  for folder in /proc/[0-9]*; do  # $uid is a pattern: systemd's slices write it with underscores
    text=$(cat $folder/cgroup 2> /dev/null) || continue
    for uid in "$@"; do
      case $text in *$uid*) ;; *) continue ;; esac
      rest=${text#*$uid}; rest=${rest%%
*}
      place=${text#*$group}; place=${place%%
*}
      for task in $folder/task/*; do
        if [ $nested ]; then echo ${task##*/} > /caps/cgroup$place/$file
        else IFS= read -r comm < $task/comm && printf 'seed\t%s\t%s\t%s\n' ${task##*/} "$number$rest" "$comm"; fi
      done
    done
  done > /caps/$number.seeds 2> /dev/null
  [ $nested ] && echo '@SEEDED@' > $instance/trace_marker
  true ;;
follow)  # not by cat: that of busybox reads with sendfile(2), for which a trace_pipe drops lines
  {
    seeds=; [ -e /caps/$2.seeds ] && seeds=/caps/$2.seeds
    $awk -v uids="$3" -v most=@MOST@ -f /caps/follow.awk $seeds $instance/trace_pipe > /caps/$2.part &
    echo $! > /caps/$2.pid; wait
    mv /caps/$2.part /caps/$2.counts
  } > /dev/null 2>&1 < /dev/null & ;;
end)
  echo > /caps/asked
  [ -d $instance ] || { echo 'problem	the trace instance is gone'; exit 0; }
  echo '@END@' > $instance/trace_marker
  echo 0 > $instance/tracing_on
  tries=0
  until [ -e /caps/$2.counts ] || [ $tries -ge 200 ]; do
    tries=$((tries + 1))
    sleep 0.5 2> /dev/null || sleep 1
  done
  [ -e /caps/$2.counts ] || printf 'problem\tthe record could not be read in time\n'
  cat /caps/$2.mode /caps/$2.counts
  printf 'lost\t%s\n' $(total '^(overrun|commit overrun|dropped events)$')
  kill $(cat /caps/$2.pid) 2> /dev/null
  remove $instance; rm -f /caps/$2.* ;;
drop)
  kill $(cat /caps/$2.pid) 2> /dev/null
  [ -d $instance ] && remove $instance
  rm -f /caps/$2.* ;;
esac
"""

PROGRAM = (
    _PROGRAM.replace("@PREFIX@", PREFIX)
    .replace("@TOTAL@", str(_TOTAL_KB))
    .replace("@END@", END)
    .replace("@SEEDS@", SEEDS)
    .replace("@SEEDED@", SEEDED)
    .replace("@MOST@", str(MOST_KEYS))
    .replace("@LEFT@", str(_LEFT_AFTER))
    .replace("@CALLS@", " ".join(RECORDED_CALLS))
    .replace("@X86_64@", _filter("x86_64"))
    .replace("@AARCH64@", _filter("aarch64"))
)


def main_command(run: str, seconds: int, idle: int) -> list[str]:
    """The command of the tracer's container. The kubelet expands `$(NAME)` in it, and `$$` is a `$`."""
    words = ["sh", "-c", PROGRAM, "kubectl-caps", "main", run, str(seconds), str(idle), FOLLOW, PROGRAM]
    return [word.replace("$", "$$") for word in words]


def asked(*words: str) -> str:
    """The shell command for one of the tracer's tasks, to run in its container."""
    return shlex.join(["sh", "/caps/program.sh", *words])
