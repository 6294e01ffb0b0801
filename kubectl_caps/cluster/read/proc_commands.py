"""The commands that read /proc with the programs of an image, in the order in which they are tried.

Each command prints the input of `core.assess.processes`: `/proc/PID/cgroup` and then the status of each thread, with
the command's own process first. `grep`, `head` and similar programs cannot list a directory. They get every number up
to the newest process id, which is the last word of /proc/loadavg. /proc/N/status exists for a thread, too.
"""

from collections.abc import Iterator, Sequence

ProcCommand = Sequence[str]

# read and printf are built into the shell, so the script needs no other program.
_SHELL = """\
if command -v cat >/dev/null 2>&1; then r() { cat "$@"; }
elif command -v busybox >/dev/null 2>&1; then r() { busybox cat "$@"; }
else r() { for f in "$@"; do while IFS= read -r l; do printf '%s\\n' "$l"; done <"$f"; done; }
fi 2>/dev/null
{ r /proc/$$/cgroup /proc/$$/status
for p in /proc/[0-9]*; do r $p/cgroup $p/task/[0-9]*/status; done; } 2>/dev/null
exit 0
"""
_PYTHON = """\
import os
def r(f):
    try:
        with open(f, "rb") as h: os.write(1, h.read())
    except EnvironmentError: pass
r("/proc/self/cgroup"); r("/proc/self/status")
for p in os.listdir("/proc"):
    if p.isdigit():
        r("/proc/%s/cgroup" % p)
        try: threads = os.listdir("/proc/%s/task" % p)
        except EnvironmentError: continue
        for t in threads: r("/proc/%s/task/%s/status" % (p, t))
"""
_NODE = """\
const f = require("fs"), l = d => { try { return f.readdirSync(d) } catch { return [] } };
let o = ""; const r = p => { try { o += f.readFileSync(p, "latin1") } catch {} };
r("/proc/self/cgroup"); r("/proc/self/status");
for (const p of l("/proc").filter(n => /^[0-9]+$/.test(n))) {
  r(`/proc/${p}/cgroup`); for (const t of l(`/proc/${p}/task`)) r(`/proc/${p}/task/${t}/status`);
}
process.stdout.write(o);
"""
_PERL = """\
sub r { for my $f (@_) { open(my $h, "<", $f) or next; print <$h>; } }
r("/proc/self/cgroup", "/proc/self/status");
for my $p (glob("/proc/[0-9]*")) { r("$p/cgroup", glob("$p/task/[0-9]*/status")); }
"""
_AWK = """\
function r(f,  l) { while ((getline l < f) > 0) print l; close(f) }
BEGIN {
  r("/proc/self/cgroup"); r("/proc/self/status")
  getline < "/proc/loadavg"; n = $NF
  for (i = 1; i <= n; i++) { r("/proc/" i "/cgroup"); r("/proc/" i "/status") }
}
"""

SHELL: ProcCommand = ("sh", "-c", _SHELL)
"""The command of an ephemeral container."""

READERS: tuple[ProcCommand, ...] = (
    SHELL,
    *((shell, "-c", _SHELL) for shell in ("/bin/sh", "bash", "/busybox/sh", "ash", "dash")),
    ("busybox", "sh", "-c", _SHELL),
    ("/busybox/busybox", "sh", "-c", _SHELL),
    ("python3", "-c", _PYTHON),
    ("python", "-c", _PYTHON),
    ("node", "-e", _NODE),
    ("/nodejs/bin/node", "-e", _NODE),
    ("perl", "-e", _PERL),
    ("awk", _AWK),
)
"""Commands that list /proc and read all processes."""

PRINTERS: tuple[ProcCommand, ...] = (
    ("cat",),
    ("head", "-q", "-n", "1000"),
    ("sed", "-n", "p"),
    ("grep", "-h", "."),
    ("tail", "-q", "-n", "1000"),
)
"""Commands that print the files of their arguments."""

LOADAVG = "/proc/loadavg"
LAST = 2000
"""The highest process id that is read with a command of PRINTERS."""
_AT_A_TIME = 100
"""The number of processes for one command. Its words are part of a URL, and some proxies refuse more than 8 KiB."""


def batches(printer: ProcCommand, last: int) -> Iterator[ProcCommand]:
    """The commands that print every process up to `last`. Each command prints its own process first."""
    for first in range(1, min(last, LAST) + 1, _AT_A_TIME):
        numbers = range(first, min(first + _AT_A_TIME, min(last, LAST) + 1))
        files = (f"/proc/{number}/{name}" for number in ("self", *numbers) for name in ("cgroup", "status"))
        yield (*printer, *files)
