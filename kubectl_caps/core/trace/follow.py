"""The awk program of the tracer: it follows the processes of pods in the text of tracefs, and prints only counts.

It runs beside the kernel, so no line about another pod's processes leaves the node. A process belongs to a container if
the runtime attached it, or one of its ancestors, to the container's cgroup (event `cgroup:cgroup_attach_task`), or made
it there (`CLONE_INTO_CGROUP`, cgroup v2; nothing is attached then). Pids of trace events are those of the node's first
pid namespace, whatever namespace the tracer is in: /proc is not needed.

The program reads (Documentation/trace/events.rst; the formats stand in events/*/*/format of tracefs):

- `sched_process_fork`: a child belongs where its parent belongs, and a pid that is used again belongs nowhere.
- `cgroup_notify_populated`: a cgroup has its first process. If a task makes that process in the cgroup, its next event
  is the fork (kernel/fork.c: cgroup_post_fork, then sched_process_fork); if it attaches the process, it is that.
- `sched_process_exec`: a process counts from its first program on. Before it is the runtime's own work; runc runs
  itself again (`/proc/self/exe`, `/dev/fd/N`, `memfd:`) after the attachment. busybox does so as well, later.
- `cap_capable`, with the kernel's stack where the option `stacktrace` is there: who asks, and in which system call.
- `sys_exit` that ended with EPERM or EACCES: the checks that were refused before it in the same task failed this call.
  EROFS is counted as well; no capability check is behind it.
- `sys_NAME -> RESULT`, the end of a call of `runtime_default.RECORDED_CALLS`: those that succeeded are counted.
- `sys_enter` (older kernels): the arguments of the call.

It writes lines of fields between tabs: `exec COUNT PATH PROCESS`, `asked COUNT PATH PROCESS CAPABILITY RESULT STACK`,
`failed …the same… NUMBER ERROR ARGUMENTS`, `error COUNT PATH PROCESS NUMBER ERROR ARGUMENTS`, `made COUNT PATH PROCESS
CALL`, `end PASSED_OVER`. PATH is the cgroup from the pod's uid on. It works with awk of busybox, mawk and gawk.
"""

MOST_KEYS = 4000
"""Different lines that are counted; more are passed over and make the record incomplete."""

END = "kubectl-caps end"
"""The text that the tracer writes into its record (`trace_marker`) before it prints the counts."""

SEEDS, SEEDED = "kubectl-caps seeds", "kubectl-caps seeded"
"""The texts that the tracer writes into its record before and after it lists the running processes."""

FOLLOW = r"""
function finish(tid,    key) {
  reserve = stack ~ /^<(security|cap|_)_vm_enough_memory/
  if (reserve) stack = "<vm_enough_memory"
  key = own[tid] "\t" name[tid] "\t" asked[tid] "\t" stack
  delete asked[tid]; stack = ""; collecting = ""
  if (!(key in count) && ++keys > most) { keys = most; dropped++; return }
  count[key]++
  if (reserve || key !~ /\t-[0-9]+\t[^\t]*$/) return
  if (length(open[tid]) > 8000) delete open[tid]
  open[tid] = open[tid] key SUBSEP
}
function failed(tid, call,    parts, n, i, key) {
  n = split(open[tid], parts, SUBSEP)
  if (call !~ /\t-30\t/) {
    for (i = 1; i < n; i++) if (count[parts[i]] > 0) { count[parts[i]]--; fails[parts[i] "\t" call]++ }
  }
  delete open[tid]
  key = own[tid] "\t" name[tid] "\t" call
  if (!(key in errors) && ++keys > most) { keys = most; dropped++; return }
  errors[key]++
}
/^ => / {
  if (collecting != "" && $2 !~ passed) stack = stack "<" $2
  next
}
BEGIN { passed = "^(trace_event_raw_|__traceiter_|cap_capable$|do_syscall_|entry_|el0|do_el0|invoke_sys)" }
function seed(pid, path, file) {
  own[pid] = path; name[pid] = file; began[pid] = file !~ /^(runc|crun|exe$)/
  if (!began[pid]) return
  key = path "\t" file
  if (!(key in started) && ++keys > most) { keys = most; dropped++; return }
  started[key]++
}
/^seed\t/ { split($0, part, /\t/); seed(part[2], part[3], part[4]); next }
{
  if (collecting != "") finish(collecting)
  if (!match($0, /-[0-9]+ +\[[0-9]+\] /)) next
  tid = substr($0, RSTART + 1) + 0
  rest = substr($0, RSTART + RLENGTH)
}
index(rest, ": cgroup_attach_task: ") {
  if (!match(rest, uids)) next
  path = substr(rest, RSTART); sub(/ pid=[0-9]+ comm=.*/, "", path)
  match(rest, / pid=[0-9]+ comm=/); pid = substr(rest, RSTART + 5) + 0
  if (seeding) { seed(pid, path, substr(rest, RSTART + RLENGTH)); next }
  if (own[pid] != path) { own[pid] = path; began[pid] = 0 }
  delete populates[tid]
  next
}
/: tracing_mark_write: kubectl-caps end$/ { exit }
index(rest, ": cgroup_notify_populated: ") {  # the container's cgroup comes first, then those above it
  if (/ val=1$/ && !(tid in populates) && match(rest, uids)) populates[tid] = substr(rest, RSTART, RLENGTH)
  next
}
/: tracing_mark_write: kubectl-caps seeds$/ { seeding = 1; next }
/: tracing_mark_write: kubectl-caps seeded$/ { seeding = 0; next }
index(rest, ": sched_process_fork: ") {
  match(rest, / child_pid=[0-9]+$/); child = substr(rest, RSTART + 11) + 0
  delete open[child]; delete asked[child]
  if (tid in populates) { own[child] = populates[tid]; began[child] = 0; delete populates[tid] }
  else if (tid in own) { own[child] = own[tid]; began[child] = began[tid]; name[child] = name[tid] }
  else delete own[child]
  next
}
tid in populates && !/<stack trace>$/ { delete populates[tid] }
!(tid in own) { next }
index(rest, ": sched_process_exec: ") {
  match(rest, /filename=.* pid=/); file = substr(rest, RSTART + 9, RLENGTH - 14)
  match(rest, / pid=[0-9]+ old_pid=/); pid = substr(rest, RSTART + 5) + 0
  own[pid] = own[tid]; name[pid] = name[tid]; delete open[tid]; delete asked[tid]
  if (file ~ /^\/(proc\/(self|thread-self|[0-9]+)|dev\/fd)\// || file ~ /^memfd:/) { began[pid] = began[tid]; next }
  began[pid] = 1; sub(/.*\//, "", file); gsub(/[\t\r]/, "?", file); name[pid] = file
  key = own[pid] "\t" file
  if (!(key in started) && ++keys > most) { keys = most; dropped++; next }
  started[key]++
  next
}
!began[tid] { next }
/<stack trace>$/ { if (tid in asked) collecting = tid; next }
index(rest, ": cap_capable: ") {
  if (tid in asked) finish(tid)
  match(rest, / cap [0-9]+, ret -?[0-9]+$/); split(substr(rest, RSTART + 5), part, /, ret /)
  asked[tid] = part[1] "\t" part[2]
  next
}
match(rest, /: sys_[a-z0-9_]+ -> 0x[0-9a-f]+$/) {  # a negative result has 16 digits and begins with f
  if (tid in asked) finish(tid)
  if (rest ~ /-> 0xffffffff[0-9a-f]+$/) next
  delete open[tid]
  split(substr(rest, RSTART + 6), part, / /)
  key = own[tid] "\t" name[tid] "\t" part[1]
  if (!(key in made) && ++keys > most) { keys = most; dropped++; next }
  made[key]++
  next
}
index(rest, ": sys_enter: ") { match(rest, /NR .*/); entered[tid] = substr(rest, RSTART); next }
index(rest, ": sys_exit: ") {
  if (tid in asked) finish(tid)
  match(rest, /NR [0-9]+ = -[0-9]+$/); split(substr(rest, RSTART + 3), part, / = /)
  arguments = ""
  if (index(entered[tid], "NR " part[1] " ") == 1) { arguments = entered[tid]; sub(/^NR [0-9]+ /, "", arguments) }
  failed(tid, part[1] "\t" part[2] "\t" arguments)
}
END {
  if (collecting != "") finish(collecting)
  for (tid in asked) finish(tid)
  for (key in started) print "exec\t" started[key] "\t" key
  for (key in count) if (count[key] > 0) print "asked\t" count[key] "\t" key
  for (key in fails) print "failed\t" fails[key] "\t" key
  for (key in errors) print "error\t" errors[key] "\t" key
  for (key in made) print "made\t" made[key] "\t" key
  print "end\t" dropped + 0
}
"""
"""Variables: `uids` is a pattern of the pods' uids (`pod_pattern`), `most` is `MOST_KEYS`."""


def pod_pattern(uids: list[str]) -> str:
    """A pattern of cgroup paths from a pod's uid on: systemd's slices write the uid with underscores."""
    return "(" + "|".join(map(uid_pattern, uids)) + ")[^ ]*"


def uid_pattern(uid: str) -> str:
    """A pattern of a pod's uid, for awk and for the shell."""
    return uid.replace("-", "[-_]")
