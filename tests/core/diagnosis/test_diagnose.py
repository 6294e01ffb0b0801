"""Real lines and what is behind them.

Lines marked "seen" were printed by the program itself without the capability (Debian 12, kernel 6.18; Kubernetes 1.37
with containerd 2.2.5 and runc 1.1.5); the others are from the sources or the issues of their projects.
"""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_lines import REAL

from kubectl_caps.core.diagnosis.diagnose import diagnose, next_command
from kubectl_caps.core.diagnosis.error_texts import in_english
from kubectl_caps.core.diagnosis.line_cause import Evidence, LineCause, Source
from kubectl_caps.core.diagnosis.patterns.kernel import NAMED, REFUSALS, UNTOLD
from kubectl_caps.core.diagnosis.patterns.kubernetes import PLATFORM, SETTINGS
from kubectl_caps.core.diagnosis.patterns.lookalikes import LOOKALIKES
from kubectl_caps.core.diagnosis.patterns.pattern import CauseKind, Certainty, LogPattern
from kubectl_caps.core.diagnosis.patterns.servers import SERVERS
from kubectl_caps.core.diagnosis.patterns.tools import TOOLS
from kubectl_caps.core.diagnosis.patterns.words import WORDS
from kubectl_caps.core.linux.capabilities import BY_NAME

ROWS = (*PLATFORM, *SETTINGS, *LOOKALIKES, *SERVERS, *TOOLS, *NAMED, *REFUSALS, *WORDS, UNTOLD)
BIND, RAW, NET = "NET_BIND_SERVICE", "NET_RAW", "NET_ADMIN"

# fmt: off
CAPABILITY: list[tuple[str, str, Certainty]] = [
    # seen
    ('2026/11/24 10:43:11 [emerg] 10606#10606: chown("/tmp/ng/body", 1) failed (1: Operation not permitted)',
     "CHOWN", "likely"),
    ("2026/11/24 10:44:20 [emerg] 12149#12149: bind() to 0.0.0.0:81 failed (13: Permission denied)", BIND, "certain"),
    ("2026/11/24 10:44:20 [emerg] 12161#12161: setgid(1) failed (1: Operation not permitted)", "SETGID", "certain"),
    ("2026/11/24 10:44:21 [emerg] 12262#12262: setuid(1) failed (1: Operation not permitted)", "SETUID", "certain"),
    ("2026/11/24 10:44:20 [alert] 12159#12159: worker process 12161 exited with fatal code 2 and cannot be respawned",
     "SETGID SETUID", "likely"),
    ("2026/11/24 10:44:20 [alert] 12161#12161: setrlimit(RLIMIT_NOFILE, 9999999) failed (1: Operation not permitted)",
     "SYS_RESOURCE", "possible"),
    ("10612:M # Warning: Could not create server TCP listening socket *:81: bind: Permission denied", BIND, "certain"),
    ("listen tcp :81: bind: permission denied", BIND, "certain"),
    ("listen udp :81: bind: permission denied", BIND, "certain"),
    ("listen ip4:icmp 0.0.0.0: socket: operation not permitted", RAW, "certain"),
    ("Error: listen EACCES: permission denied 0.0.0.0:81", BIND, "certain"),
    ('Exception in thread "main" java.net.BindException: Permission denied', BIND, "likely"),
    ("bind: Permission denied at -e line 1.", BIND, "possible"),
    ("httpd: bind: Permission denied", BIND, "possible"),
    ("su: cannot set groups: Operation not permitted", "SETGID", "certain"),
    ("runuser: cannot set groups: Operation not permitted", "SETGID", "certain"),
    ("start-stop-daemon: can't set groups: Operation not permitted", "SETGID", "certain"),
    ("su: cannot set user id: Operation not permitted", "SETUID", "certain"),
    ("su: setuid: Operation not permitted", "SETUID", "certain"),
    ("setpriv: setresuid failed: Operation not permitted", "SETUID", "certain"),
    ("setpriv: setresgid failed: Operation not permitted", "SETGID", "certain"),
    ("E: setgroups 65534 failed - setgroups (1: Operation not permitted)", "SETGID", "certain"),
    ("E: setegid 65534 failed - setegid (1: Operation not permitted)", "SETGID", "certain"),
    ("E: seteuid 42 failed - seteuid (1: Operation not permitted)", "SETUID", "certain"),
    ("chown: changing ownership of '/tmp/b': Operation not permitted", "CHOWN", "likely"),
    ("chown: /tmp/b: Operation not permitted", "CHOWN", "likely"),
    ("chgrp: changing group of '/tmp/m.sh': Operation not permitted", "CHOWN", "likely"),
    ("install: cannot change ownership of 'i': Operation not permitted", "CHOWN", "likely"),
    ("cp: failed to preserve ownership for 'g': Operation not permitted", "CHOWN", "likely"),
    ("chown /tmp/m.sh: operation not permitted", "CHOWN", "likely"),
    ("chmod: changing permissions of 'f/a': Operation not permitted", "FOWNER", "likely"),
    ("chmod: f/a: Operation not permitted", "FOWNER", "likely"),
    ("mknod: q: Operation not permitted", "MKNOD", "certain"),
    ("chattr: Operation not permitted while setting flags on /tmp/m.sh", "LINUX_IMMUTABLE", "certain"),
    ("unable to set CAP_SETFCAP effective capability: Operation not permitted", "SETFCAP", "certain"),
    ("ping: socket: Operation not permitted", RAW, "certain"),
    ("ping: => missing cap_net_raw+p capability or setuid?", RAW, "certain"),
    ("ping: permission denied (are you root?)", RAW, "certain"),
    ("arping: socket: Operation not permitted", RAW, "certain"),
    ("RTNETLINK answers: Operation not permitted", NET, "certain"),
    ("SIOCSIFFLAGS: Operation not permitted", NET, "certain"),
    ("route: SIOCADDRT: Operation not permitted", NET, "certain"),
    ("iptables v1.8.9 (legacy): can't initialize iptables table `filter': Permission denied (you must be root)",
     "NET_ADMIN NET_RAW", "certain"),
    ("iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)",
     NET, "certain"),
    ('sysctl: setting key "net.ipv4.ip_forward": Operation not permitted', NET, "certain"),
    ("chroot: cannot change root directory to '/tmp': Operation not permitted", "SYS_CHROOT", "certain"),
    ("chroot: can't change root directory to '/': Operation not permitted", "SYS_CHROOT", "certain"),
    ("date: cannot set date: Operation not permitted", "SYS_TIME", "certain"),
    ("nice: cannot set niceness: Permission denied", "SYS_NICE", "likely"),
    ("renice: failed to set priority for 1 (process ID): Permission denied", "SYS_NICE", "likely"),
    ("chrt: failed to set pid 0's policy: Operation not permitted", "SYS_NICE", "certain"),
    ("ionice: ioprio_set failed: Operation not permitted", "SYS_NICE", "certain"),
    ("prlimit: failed to set the NOFILE resource limit: Operation not permitted", "SYS_RESOURCE", "likely"),
    ("bash: line 1: ulimit: open files: cannot modify limit: Operation not permitted", "SYS_RESOURCE", "likely"),
    ("mount: /mnt: permission denied.", "SYS_ADMIN", "likely"),
    ("mount: permission denied (are you root?)", "SYS_ADMIN", "likely"),
    ("umount: /proc: must be superuser to unmount.", "SYS_ADMIN", "certain"),
    ("mount --make-shared /run/netns failed: Operation not permitted", "SYS_ADMIN", "likely"),
    ("unshare: unshare failed: Operation not permitted", "SYS_ADMIN", "certain"),
    ("nsenter: cannot open /proc/1/ns/net: Permission denied", "SYS_PTRACE", "likely"),
    ("hostname: you must be root to change the host name", "SYS_ADMIN", "certain"),
    ("hostname: sethostname: Operation not permitted", "SYS_ADMIN", "likely"),
    ("strace: attach: ptrace(PTRACE_SEIZE, 10344): Operation not permitted", "SYS_PTRACE", "likely"),
    ("ptrace: Operation not permitted.", "SYS_PTRACE", "likely"),
    ("dmesg: read kernel buffer failed: Operation not permitted", "SYSLOG", "certain"),
    ("/bin/bash: line 1: kill: (10341) - Operation not permitted", "KILL", "certain"),
    ("kill: can't kill pid 10341: Operation not permitted", "KILL", "certain"),
    ("chvt: VT_ACTIVATE: Operation not permitted", "SYS_TTY_CONFIG", "likely"),
    ("swapon: /dev/loop0: Operation not permitted", "SYS_ADMIN", "likely"),
    ("/bin/bash: line 1: /usr/bin/ping: Operation not permitted", RAW, "likely"),
    ("fork/exec /usr/bin/ping: operation not permitted", RAW, "likely"),
    ("exec /bin/bbep: operation not permitted", "", "likely"),
    ("/bin/sh: /bin/bbep: Operation not permitted", "", "likely"),
    ("fork/exec /bin/true: operation not permitted", "", "possible"),
    ("[ALERT]    (29075) : Binding [h.cfg:11] for frontend a: cannot bind socket (Permission denied) for [0.0.0.0:81]",
     BIND, "likely"),
    ("[ALERT]    (29083) : [haproxy.main()] Cannot chroot(/var/lib/haproxy).", "SYS_CHROOT", "likely"),
    ("[ALERT]    (29090) : [haproxy.main()] Cannot set gid 115.", "SETGID", "likely"),
    ("[ALERT]    (29097) : [haproxy.main()] Cannot set uid 112.", "SETUID", "likely"),
    ("(13)Permission denied: AH00072: make_sock: could not bind to address 0.0.0.0:83", BIND, "certain"),
    ("[unixd:alert] [pid 57:tid 57] (1)Operation not permitted: AH02156: setgid: unable to set group id to Group 33",
     "SETGID", "certain"),
    ("[unixd:alert] [pid 17:tid 17] (1)Operation not permitted: AH02162: setuid: unable to change to uid: 33",
     "SETUID", "certain"),
    ("2026-11-24T18:54:38Z CAP_SYS_TIME not present", "SYS_TIME", "certain"),
    ("2026-11-24T18:54:38Z Fatal error : adjtimex(0x8001) failed : Operation not permitted", "SYS_TIME", "certain"),
    ("2026-11-24T18:54:38Z Could not open command socket on 127.0.0.1:323", BIND, "likely"),
    ("Bind to port 84 on 0.0.0.0 failed: Permission denied.", BIND, "certain"),
    ("tcpdump: lo: You don't have permission to perform this capture on that device", RAW, "certain"),
    ("(socket: Operation not permitted)", RAW, "likely"),
    ("socket: Operation not permitted", RAW, "likely"),
    ("You do not have enough privileges to use this traceroute method.", RAW, "certain"),
    ("mtr: Failure to start mtr-packet: Invalid argument", RAW, "likely"),
    ("Operation not permitted (you must be root)", NET, "certain"),
    ("netlink: Error: cache initialization failed: Operation not permitted", NET, "certain"),
    ("netlink error: Operation not permitted", NET, "certain"),
    ("ioctl(TUNSETIFF): Operation not permitted", NET, "likely"),
    ("2026-11-24 18:56:21 ERROR: Cannot ioctl TUNSETIFF tun: Operation not permitted (errno=1)", NET, "certain"),
    ("ifconfig: SIOCSIFMTU: Operation not permitted", NET, "certain"),
    ("sysctl: write error: Operation not permitted", NET, "possible"),
    ("You must be root to run this program.", "AUDIT_CONTROL", "possible"),
    ("named: initgroups(): Operation not permitted", "SETGID", "likely"),
    ("24-Nov-2026 18:56:12.007 creating IPv4 interface lo failed; interface ignored", BIND, "possible"),
    ("dnsmasq: failed to create listening socket for port 87: Permission denied", BIND, "certain"),
    ("dnsmasq: failed to bind DHCP server socket: Permission denied", BIND, "certain"),
    ('error: failed switching to "nobody": operation not permitted', "SETGID SETUID", "certain"),
    ("s6-applyuidgid: fatal: unable to set supplementary group list: Operation not permitted", "SETGID", "certain"),
    ("s6-applyuidgid: fatal: unable to setgid: Operation not permitted", "SETGID", "certain"),
    ("s6-applyuidgid: fatal: unable to setuid: Operation not permitted", "SETUID", "certain"),
    ("chpst: fatal: unable to setgroups: permission denied", "SETGID", "certain"),
    ("chpst: fatal: unable to setuid: permission denied", "SETUID", "certain"),
    ("[1795546494] unbound[29584:0] error: can't bind socket: Permission denied for ::1 port 53", BIND, "certain"),
    ("1795546499: Error setting groups whilst dropping privileges: Operation not permitted.", "SETGID", "certain"),
    ("1795546581: Error setting uid whilst dropping privileges: Operation not permitted.", "SETUID", "certain"),
    ("failed to drop supplementary groups: Operation not permitted", "SETGID", "certain"),
    ("failed to assume identity of user nobody", "SETUID", "likely"),
    ("warning: -k invalid, mlockall() failed: Cannot allocate memory", "IPC_LOCK", "possible"),
    ("2026/11/24 18:55:00 socat[29679] E bind(5, {AF=2 0.0.0.0:90}, 16): Permission denied", BIND, "likely"),
    ("cannot listen: Permission denied at -e line 1.", BIND, "possible"),
    ("fusermount3: mount failed: Operation not permitted", "SYS_ADMIN", "likely"),
    ("fusermount3: failed to unmount /tmp/mnt: Operation not permitted", "SYS_ADMIN", "likely"),
    ("Error: can't get next program: Operation not permitted", "SYS_ADMIN", "likely"),
    ("Error: map create failed: Operation not permitted", "BPF", "likely"),
    ("setfacl: sf: Operation not permitted", "FOWNER", "likely"),
    ("setfattr: sf: Operation not permitted", "SYS_ADMIN", "possible"),
    ("sudo: PERM_SUDOERS: setresuid(-1, 1, -1): Operation not permitted", "SETUID", "certain"),
    ("renice: failed to set priority for 1 (process ID): Operation not permitted", "SYS_NICE", "likely"),
    ("renice: setpriority: Operation not permitted", "SYS_NICE", "likely"),
    ("taskset: failed to set pid 1's affinity: Operation not permitted", "SYS_NICE", "certain"),
    ("pivot_root: failed to change root from `/' to `/': Operation not permitted", "SYS_ADMIN", "likely"),
    ("unshare: unshare(0x40000000): Operation not permitted", "SYS_ADMIN", "likely"),
    ("ls: cannot read symbolic link '/proc/1/fd/0': Permission denied", "SYS_PTRACE", "likely"),
    ("Failed to reboot: Operation not permitted", "SYS_BOOT", "possible"),
    ("/bin/sh: 1: exec: /usr/bin/ping: Operation not permitted", RAW, "likely"),
    ("sh: /usr/bin/ping: Operation not permitted", RAW, "likely"),
    ("env: ‘ping’: Operation not permitted", RAW, "likely"),
    ("[dumb-init] ping: Operation not permitted", RAW, "likely"),
    ("[FATAL tini (508)] exec ping failed: Operation not permitted", RAW, "likely"),
    ("setpriv: failed to execute fping: Operation not permitted", RAW, "likely"),
    ("setpriv: failed to execute arping: Operation not permitted", RAW, "likely"),
    ("xargs: ping: Operation not permitted", RAW, "likely"),
    ("timeout: failed to run command ‘ping’: Operation not permitted", RAW, "likely"),
    ("nohup: failed to run command 'app': Operation not permitted", "", "likely"),
    ("Error: spawn EPERM", "", "possible"),
    # cited
    ("auditctl: Error sending status request (Operation not permitted)", "AUDIT_CONTROL", "likely"),
    ("[dumb-init] app: Operation not permitted", "", "likely"),
    ("process lacks capability CAP_NET_RAW", RAW, "likely"),
    ("this operation requires CAP_SYS_ADMIN", "SYS_ADMIN", "likely"),
    ("CAP_IPC_LOCK is required for mlock", "IPC_LOCK", "certain"),
    ("privs_init: initial cap_set_proc failed: Operation not permitted", "", "likely"),
    ("nginx: [emerg] bind() to [::]:80 failed (13: Permission denied)", BIND, "certain"),
    ('{"msg":"chown(\\"/var/cache/nginx\\", 101) failed (1: Operation not permitted)"}', "CHOWN", "likely"),
    ("2024/01/01 00:00:00 [emerg] 8#8: initgroups(nginx, 101) failed (1: Operation not permitted)",
     "SETGID", "certain"),
    ("(13)Permission denied: AH00072: make_sock: could not bind to address [::]:80", BIND, "certain"),
    ("[unixd:alert] [pid 8] (1)Operation not permitted: AH02156: setgid: unable to set group id to Group 33",
     "SETGID", "certain"),
    ("(1)Operation not permitted: AH02157: initgroups: unable to set groups for User www-data and Group 33",
     "SETGID", "certain"),
    ("[unixd:alert] (1)Operation not permitted: AH02162: setuid: unable to change to uid: 33", "SETUID", "certain"),
    ("[ALERT] (1) : Starting frontend web: cannot bind socket (Permission denied) [0.0.0.0:80]", BIND, "likely"),
    ("[ALERT] (1) : [haproxy.main()] Cannot set gid 99.", "SETGID", "likely"),
    ("[ALERT] (1) : [haproxy.main()] Cannot set uid 99.", "SETUID", "likely"),
    ("[ALERT] (1) : [haproxy.main()] Cannot chroot(/var/lib/haproxy).", "SYS_CHROOT", "likely"),
    ("[haproxy.main()] Some configuration options require full privileges, so global.uid cannot be changed.",
     NET, "likely"),
    ("plugin/reload: Listen: listen tcp4 10.96.0.10:53: bind: permission denied", BIND, "certain"),
    ("Error: http app module: start: listening on :443: listen tcp :443: bind: permission denied", BIND, "certain"),
    ('error: failed switching to "postgres": operation not permitted', "SETGID SETUID", "certain"),
    ("error: failed switching to 'redis': operation not permitted", "SETGID SETUID", "certain"),
    ("su-exec: setgroups(1000): Operation not permitted", "SETGID", "certain"),
    ("su-exec: setgroups: Operation not permitted", "SETGID", "certain"),
    ("su-exec: setuid(999): Operation not permitted", "SETUID", "certain"),
    ("s6-applyuidgid: fatal: unable to set supplementary group list: Operation not permitted", "SETGID", "certain"),
    ("s6-applyuidgid: fatal: unable to setuid: Operation not permitted", "SETUID", "certain"),
    ("tar: x: Cannot change ownership to uid 33, gid 33: Operation not permitted", "CHOWN", "likely"),
    ("chmod: /var/run/postgresql: Operation not permitted", "FOWNER", "likely"),
    ('initdb: error: could not change permissions of directory "/var/lib/postgresql/data": Operation not permitted',
     "FOWNER", "possible"),
    ("rm: cannot remove '/tmp/x': Operation not permitted", "FOWNER", "likely"),
    ("touch: setting times of '/tmp/x': Operation not permitted", "FOWNER", "likely"),
    ('error building image: failed to write "security.capability" attribute to "/bin/ping": operation not permitted',
     "SETFCAP", "likely"),
    ("tcpdump: eth0: You don't have permission to perform this capture on that device", RAW, "certain"),
    ("tcpdump: eth0: You don't have permission to capture on that device", RAW, "certain"),
    ("netlink: Error: cache initialization failed: Operation not permitted (you must be root)", NET, "certain"),
    ("ERROR: Cannot ioctl TUNSETIFF tun: Operation not permitted (errno=1)", NET, "certain"),
    ("CRIT: Error in dnsmasq configuration: process is missing required capability NET_ADMIN", NET, "certain"),
    ("dnsmasq: process is missing required capability NET_RAW", RAW, "certain"),
    ("dnsmasq: failed to create listening socket for port 53: Permission denied", BIND, "certain"),
    ("ERROR: DHCP requested but NET_ADMIN is not available.", NET, "likely"),
    ("capset failed: Operation not permitted: please ensure that the capset kernel module is loaded.",
     "NET_BIND_SERVICE SETGID SETUID SYS_CHROOT", "likely"),
    ('fatal: chroot("/run/sshd"): Operation not permitted [preauth]', "SYS_CHROOT", "certain"),
    ("linux_audit_write_entry failed: Operation not permitted", "AUDIT_WRITE", "certain"),
    ("Bind to port 22 on 0.0.0.0 failed: Permission denied.", BIND, "certain"),
    ("Fatal: Unable to chroot to '/var/empty': Operation not permitted", "SYS_CHROOT", "certain"),
    ("Fatal error : adjtimex(0x8001) failed : Operation not permitted", "SYS_TIME", "certain"),
    ("Could not open NTP socket on 0.0.0.0:123", BIND, "likely"),
    ("mbind: Operation not permitted", "SYS_NICE", "possible"),
    ("set_mempolicy: Operation not permitted", "SYS_NICE", "possible"),
    ("Error initializing core: Failed to lock memory: cannot allocate memory", "IPC_LOCK", "likely"),
    ("sh: 1: ulimit: error setting limit (Operation not permitted)", "SYS_RESOURCE", "likely"),
    ("fusermount3: mount failed: Operation not permitted", "SYS_ADMIN", "likely"),
    ("Could not attach to process.  If your uid matches the uid of the target", "SYS_PTRACE", "likely"),
    ("exec /coredns: operation not permitted", BIND, "likely"),
    ("exec /usr/bin/caddy: operation not permitted", BIND, "likely"),
    ("[dumb-init] /nginx-ingress-controller: Operation not permitted", BIND, "likely"),
    ("/usr/local/bin/docker-entrypoint.sh: line 109: /bin/vault: Operation not permitted", "IPC_LOCK", "likely"),
    ("exec container process `/usr/local/bin/agent`: Operation not permitted", "", "likely"),
    ('standard_init_linux.go:211: exec user process caused "operation not permitted"', "", "likely"),
    ("standard_init_linux.go:228: exec user process caused: operation not permitted", "", "likely"),
    ("[FATAL tini (7)] exec /app failed: Operation not permitted", "", "likely"),
    ("/docker-entrypoint.sh: 12: exec: /app: Operation not permitted", "", "likely"),
    ("[dumb-init] /app: Operation not permitted", "", "likely"),
    # one for each system call that a program of its own may name
    ("fatal: setresuid 33: Operation not permitted", "SETUID", "likely"),
    ("initgroups: operation not permitted", "SETGID", "likely"),
    ("Error: EPERM: operation not permitted, chown '/data'", "CHOWN", "likely"),
    ("utimensat failed: Operation not permitted", "FOWNER", "likely"),
    ("chroot() to /var/empty failed: Operation not permitted", "SYS_CHROOT", "likely"),
    ("mlockall failed: Operation not permitted", "IPC_LOCK", "likely"),
    ("clock_settime(CLOCK_REALTIME): Operation not permitted", "SYS_TIME", "likely"),
    ("prlimit64: operation not permitted", "SYS_RESOURCE", "likely"),
    ("sched_setscheduler(SCHED_FIFO): Operation not permitted", "SYS_NICE", "possible"),
    ("setpriority: Permission denied", "SYS_NICE", "likely"),
    ("mknodat: operation not permitted", "MKNOD", "likely"),
    ("process_vm_readv: Operation not permitted", "SYS_PTRACE", "likely"),
    ("modprobe: can't load module tun: Operation not permitted", "SYS_MODULE", "likely"),
    ("iopl(3) failed: Operation not permitted", "SYS_RAWIO", "likely"),
    ("perf_event_open: Permission denied", "PERFMON", "likely"),
    ("bpf(BPF_PROG_LOAD): operation not permitted", "BPF", "possible"),
    ("klogctl: Operation not permitted", "SYSLOG", "possible"),
    ("reboot: Operation not permitted", "SYS_BOOT", "possible"),
    ("prctl(PR_CAPBSET_DROP): Operation not permitted", "SETPCAP", "likely"),
    ("socket(AF_PACKET, SOCK_RAW): Operation not permitted", RAW, "likely"),
    ("setsockopt SO_MARK: Operation not permitted", NET, "likely"),
    ("open_by_handle_at: Operation not permitted", "DAC_READ_SEARCH", "likely"),
    ("unshare(CLONE_NEWNS): operation not permitted", "SYS_ADMIN", "likely"),
    ("kill 17: operation not permitted", "KILL", "likely"),
    ("acct: Operation not permitted", "SYS_PACCT", "possible"),
    ("fcntl(F_SETLEASE): Permission denied", "LEASE", "likely"),
    ("cannot bind '0.0.0.0:80': Permission denied", BIND, "likely"),
    ("write to /proc/self/oom_score_adj: Permission denied", "SYS_RESOURCE", "likely"),
    ("shmget(0x77): Permission denied", "IPC_OWNER", "likely"),
    ("timerfd_create: Operation not permitted", "WAKE_ALARM", "possible"),
    ("ioctl FS_IOC_SETFLAGS: Operation not permitted", "LINUX_IMMUTABLE", "likely"),
    ("setxattr security.capability: Operation not permitted", "SETFCAP", "likely"),
    ("cannot write ns_last_pid: Operation not permitted", "CHECKPOINT_RESTORE", "likely"),
    ("audit_log_acct_message: Operation not permitted", "AUDIT_WRITE", "likely"),
    ("cannot set loginuid: Operation not permitted", "AUDIT_CONTROL", "likely"),
    ("bind AUDIT_NLGRP_READLOG: Operation not permitted", "AUDIT_READ", "likely"),
    # words for an operation, and no name of a system call
    ("could not change to uid 33, gid 33: Operation not permitted", "SETGID SETUID", "likely"),
    ("cannot open TCP port 80: Permission denied", BIND, "likely"),
    ("failed to add route 10.8.0.0/16: operation not permitted", NET, "likely"),
    ("could not raise the open files limit: Operation not permitted", "SYS_RESOURCE", "possible"),
    ("cannot load kernel module: Operation not permitted", "SYS_MODULE", "likely"),
    ("failed to write audit record: Operation not permitted", "AUDIT_WRITE", "likely"),
    ("CAP_SETPCAP is not effective, dropping the bounding set failed: Operation not permitted", "SETPCAP", "likely"),
    ("spawn-fcgi: couldn't chown socket: Operation not permitted", "CHOWN", "likely"),
    ("warning: failed to set supplementary groups for UID 127 (Operation not permitted)", "SETGID", "likely"),
    ("error: cannot bind address 127.0.0.1@53 UDP (operation not permitted)", BIND, "likely"),
    # other languages, and errors by name or number
    ("chown: der Eigentümer von '/data' wird geändert: Die Operation ist nicht erlaubt", "CHOWN", "likely"),
    ("nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission non accordée)", BIND, "certain"),
    ("setgroups: 不允许的操作", "SETGID", "likely"),
    ("setuid(33): errno=1", "SETUID", "likely"),
    ("ERROR server: failed to bind to 0.0.0.0:443: os error 13", BIND, "likely"),
    ("cannot become user www-data (EPERM)", "SETUID", "likely"),
    # structured lines
    ('{"level":"error","msg":"cannot listen","port":443,"errno":13}', BIND, "likely"),
    ('2026-11-28T18:25:41Z ERROR setup {"error": "setgid: operation not permitted"}', "SETGID", "likely"),
    ('{"err":{"message":"EPERM: operation not permitted, chown \'/data\'","syscall":"chown"}}', "CHOWN", "likely"),
]

# As root, and where the user is not known; other users meet ordinary file permissions here.
ROOT: list[str] = [
    # seen
    "cat: f/a: Permission denied",
    "cat: can't open 'f/a': Permission denied",
    "mkdir: cannot create directory ‘f/x’: Permission denied",
    "touch: cannot touch 'f/zz': Permission denied",
    "rm: cannot remove 'f/a': Permission denied",
    "find: ‘f2’: Permission denied",
    "ls: cannot open directory 'f3': Permission denied",
    "PermissionError: [Errno 13] Permission denied: 'f/a'",
    "Error: EACCES: permission denied, open 'f/a'",
    "sh: 1: cannot create f/a: Permission denied",
    "open /tmp/f2/x/y: permission denied",
    "listen unix /tmp/f2/s: bind: permission denied",
    '2026/11/24 10:43:45 [emerg] 10823#10823: open() "/var/log/nginx/access.log" failed (13: Permission denied)',
    "2026/11/24 10:44:20 [emerg] 12154#12154: bind() to unix:/tmp/f2/s failed (13: Permission denied)",
    # cited
    "find: '/var/lib/postgresql/data': Permission denied",
    "mkdir: can't create directory '/var/cache/nginx/client_temp': Permission denied",
    'FATAL:  could not create lock file "/var/run/postgresql/.s.PGSQL.5432.lock": Permission denied',
    "java.nio.file.AccessDeniedException: /usr/share/elasticsearch/data/nodes",
    "tinyproxy: Error checking file /run/tinyproxy/tinyproxy.pid: Permission denied",
    "crontabs/nobody/: fopen: Permission denied",
    "ERROR: unable to bind listening socket for address '/run/php/php8.2-fpm.sock': Permission denied (13)",
]

# Looks like a missing capability, and is not.
ELSEWHERE: list[tuple[Source, str, CauseKind, Certainty]] = [
    # seen
    ("state", 'container has runAsNonRoot and image will run as root (pod: "web_default(f9b1269b)", container: c)',
     "setting", "certain"),
    ("state", "container has runAsNonRoot and image has non-numeric user (daemon), cannot verify user is non-root",
     "setting", "certain"),
    ("event", "Error: container's runAsUser breaks non-root policy (pod: \"web_default(58f57a6d)\", container: c)",
     "setting", "certain"),
    ("event", 'pods "bad" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities',
     "setting", "certain"),
    ("termination", "unable to start container process: unable to apply caps: operation not permitted",
     "setting", "certain"),
    ("event", "Error: ImagePullBackOff", "other", "certain"),
    ("event", "Error: ErrImageNeverPull", "other", "certain"),
    ("state", 'ErrImagePull: failed to pull and unpack image "127.0.0.1:1/none:1": failed to resolve image',
     "other", "certain"),
    ("event", 'pods "x6" is forbidden: exceeded quota: q, requested: pods=1, used: pods=8, limited: pods=8',
     "other", "certain"),
    ("event", "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.", "other", "certain"),
    ("state", "container c exited with code 137 (OOMKilled)", "other", "certain"),
    ("log", "touch: /x: Read-only file system", "setting", "likely"),
    ("log", "sysctl: error setting key 'net.ipv4.ip_forward': Read-only file system", "other", "certain"),
    ("log", "su: must be suid to work properly", "setting", "certain"),
    ("log", "tune2fs: Operation not permitted while trying to open /dev/vda", "other", "likely"),
    ("log", "cat: /dev/kmsg: Operation not permitted", "other", "likely"),
    ("log", "hwclock: Cannot access the Hardware Clock via any known method.", "other", "likely"),
    ("log", "modprobe: FATAL: Module dummy not found in directory /lib/modules/6.18.44", "other", "likely"),
    # cited
    ("event", 'pods "x" is forbidden: unable to validate against any security context constraint: []',
     "setting", "certain"),
    ("event", "Invalid value: cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
     "setting", "certain"),
    ("event", 'pods "x" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi', "other", "certain"),
    ("state", "The node was low on resource: memory. Threshold quantity: 100Mi", "other", "certain"),
    ("event", 'MountVolume.SetUp failed for volume "data" : rpc error: code = Internal', "other", "certain"),
    ("event", "mount.nfs: access denied by server while mounting nfs:/data", "other", "certain"),
    ("event", 'admission webhook "validate.kyverno.svc-fail" denied the request: policy x', "other", "certain"),
    ("state", 'exec: "nginx": executable file not found in $PATH: unknown', "other", "certain"),
    ("event", "Readiness probe failed: dial tcp 10.0.0.7:80: connect: connection refused", "other", "likely"),
    ("event", "Liveness probe failed: HTTP probe failed with statuscode: 500", "other", "likely"),
    ("state", "container c exited with code 159", "setting", "likely"),
    ("state", "container c exited with code 127 (Error)", "other", "likely"),
    ("state", "container c exited with code 126 (Error)", "other", "likely"),
    ("state", "container c exited with code 139 (Error)", "other", "likely"),
    ("log", "exec /app: exec format error", "other", "certain"),
    ("log", "exec /app: no such file or directory", "other", "likely"),
    ("log", "Error: spawn /usr/bin/app EACCES", "other", "likely"),
    ("log", "ERROR: Cannot open TUN/TAP dev /dev/net/tun: No such file or directory (errno=2)", "other", "certain"),
    ("log", "iptables v1.8.9: can't initialize iptables table `nat': Table does not exist (do you need to insmod?)",
     "other", "likely"),
    ("log", "chown: changing ownership of '/data': Invalid argument", "setting", "likely"),
    ("log", "write /data/x: no space left on device", "other", "certain"),
    ("log", 'audit: type=1400 apparmor="DENIED" operation="mount" profile="cri-containerd" name="/mnt"',
     "setting", "certain"),
    ("log", 'avc:  denied  { write } for pid=7 comm="nginx" tclass=file permissive=0', "setting", "certain"),
    ("log", "audit: type=1326 audit(1.1:1): auid=0 uid=0 sig=0 syscall=165 code=0x50000", "setting", "certain"),
    ("log", "keyctl(KEYCTL_GET_KEYRING_ID): Operation not permitted", "setting", "likely"),
    ("event", 'Error: unknown capability "CAP_NET_RWA" to add', "setting", "certain"),
    ("event", "Error: failed to drop cap CAP_X invalid capability: CAP_X", "setting", "certain"),
    ("state", "unknown capability `CAP_CAP_NET_ADMIN`", "setting", "certain"),
    ("event", "no privileged container allowed in sandbox", "setting", "certain"),
    ("state", 'CreateContainerConfigError: secret "tls" not found', "other", "certain"),
    ("event", 'pods is forbidden: User "system:serviceaccount:a:b" cannot list resource "pods"', "other", "certain"),
    ("log", 'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.',
     "setting", "certain"),
    ("log", "sudo: effective uid is not 0, is sudo installed setuid root?", "setting", "certain"),
    ("log", "mkdir() failed (30: Read-only file system)", "setting", "likely"),
    ("log", "open /data/x: read-only file system", "setting", "likely"),
    ("log", "[alert] 31#31: sched_setaffinity() failed (22: Invalid argument)", "other", "certain"),
    ("log", "# Unable to lock JVM Memory: error=12, reason=Cannot allocate memory", "other", "certain"),
    ("log", "memory locking requested for elasticsearch process but memory is not locked", "other", "certain"),
    ("log", "ERROR:  permission denied for table users", "other", "certain"),
    ("log", "git@github.com: Permission denied (publickey).", "other", "certain"),
    ("log", "fuse: failed to open /dev/fuse: Operation not permitted", "other", "likely"),
    ("log", 'exec /docker-entrypoint.sh: permission denied', "other", "likely"),
    ("log", "Error: EPERM, Operation not permitted", "other", "possible"),
    ("log", "PermissionError: [Errno 1] Operation not permitted: '/tmp/b'", "other", "possible"),
    ("log", "bash: line 1: f/a: Permission denied", "other", "possible"),
    ("log", "nginx: [emerg] bind() to 0.0.0.0:8443 failed (13: Permission denied)", "other", "likely"),
    ("log", "listen tcp :8081: bind: permission denied", "other", "likely"),
    ("log", 'Os { code: 13, kind: PermissionDenied, message: "Permission denied" }', "other", "possible"),
    # refused by somebody else, or by something else than a capability
    ("log", "ERROR:  permission denied to create database", "other", "certain"),
    ("log", "Permission denied, please try again.", "other", "certain"),
    ("log", "remote: Permission to shop/web.git denied to bot.", "other", "certain"),
    ("log", 'rpc error: code = PermissionDenied desc = permission denied', "other", "likely"),
    ("log", "google.api_core.exceptions.PermissionDenied: 403 Permission denied on resource x", "other", "likely"),
    ("log", 'GET https://api.example.com/v1/items: 403 {"message":"Permission denied"}', "other", "likely"),
    ("log", "550 Permission denied.", "other", "likely"),
    ("log", 'remote open("/backup/db.sql"): Permission denied', "other", "likely"),
    ("log", "dial tcp 10.96.0.1:443: connect: operation not permitted", "other", "likely"),
    ("log", "connect to 10.0.0.7 port 5432 failed: Permission denied", "other", "likely"),
    ("log", "ping: sendmsg: Operation not permitted", "other", "likely"),
    ("log", "write udp 10.0.0.5:53->10.96.0.10:53: write: operation not permitted", "other", "likely"),
    ("log", "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
     "other", "likely"),
    ("log", "dial unix /run/containerd/containerd.sock: connect: permission denied", "other", "likely"),
    ("log", "libx.so: failed to map segment from shared object: Operation not permitted", "other", "certain"),
    ("log", "java.lang.UnsatisfiedLinkError: /tmp/jna-1.tmp: failed to map segment from shared object", "other",
     "certain"),
    ("log", "x.so: cannot enable executable stack as shared object requires: Permission denied", "setting", "likely"),
    ("log", "sh: 1: /srv/run.sh: Permission denied", "other", "possible"),
    ("log", 'sysctl: permission denied on key "vm.max_map_count", ignoring', "other", "certain"),
    ("log", "pthread_create failed: Operation not permitted", "setting", "likely"),
    ("log", "RuntimeError: can't start new thread: Operation not permitted", "setting", "likely"),
    ("log", "warning: Error disabling address space randomization: Operation not permitted", "setting", "likely"),
    ("log", "Failed to move to new namespace: but failed: errno = Operation not permitted", "other", "likely"),
    ("log", "bwrap: No permissions to create new namespace, likely because the kernel does not allow it", "other",
     "likely"),
    ("log", "setpgid: Operation not permitted", "other", "likely"),
    ("log", "bash: cannot set terminal process group (-1): Operation not permitted", "other", "likely"),
    ("log", "Failed to connect to bus: Operation not permitted", "other", "likely"),
    ("log", "cannot create the session keyring: Operation not permitted", "setting", "likely"),
    ("log", "System.Net.Sockets.SocketException (13): Permission denied", "other", "possible"),
    ("log", "sudo: true: Operation not permitted", "other", "possible"),
    ("log", "sending signal to leader: operation not permitted by policy", "other", "likely"),
    ("log", "could not update profile: permission denied for user bob", "other", "likely"),
    ("log", "API error: changing user group is not allowed, Operation not permitted", "other", "possible"),
    ("log", "/run.sh: line 21: exec: /opt/run-java.sh: cannot execute: Permission denied", "other", "likely"),
    ("log", "consumer group rebalance failed: Operation not permitted", "other", "possible"),
    ("log", "cannot mount secret volume in vault: permission denied", "other", "possible"),
    ("log", "failed to set up port forwarding for user: operation not permitted", "other", "possible"),
]

SILENT: list[str] = [
    "",
    "   ",
    "bind() to 0.0.0.0:80 failed (98: Address already in use)",
    "listen tcp :80: bind: address already in use",
    "(98)Address already in use: AH00072: make_sock: could not bind to address [::]:80",
    "setuid(33) failed (11: Resource temporarily unavailable)",
    "chown: invalid user: 'nginx'",
    "10-listen-on-ipv6-by-default.sh: info: can not modify /etc/nginx/conf.d/default.conf (read-only file system?)",
    "Access denied for user 'root'@'localhost' (using password: YES)",
    "worker process 12161 exited with code 0",
    "level=info msg=\"SETUID and SETGID are fine\"",
    "GET /permission HTTP/1.1 403",
]
# fmt: on


def one(line: str, source: Source = "log", uid: int | None = None) -> LineCause:
    """The one cause of a line."""
    causes = diagnose([Evidence(source, line)], uid=uid)
    assert len(causes) == 1
    return causes[0]


@pytest.mark.parametrize(("line", "capabilities", "certainty"), CAPABILITY)
def test_lines_of_a_missing_capability(line: str, capabilities: str, certainty: Certainty) -> None:
    cause = one(line)
    assert (" ".join(cause.capabilities), cause.certainty, cause.kind) == (capabilities, certainty, "capability")
    assert (cause.evidence_text, cause.source) == (line, "log")
    assert all(name in BY_NAME for name in cause.capabilities)


@pytest.mark.parametrize("line", ROOT)
@pytest.mark.parametrize(("uid", "certainty"), [(0, "likely"), (None, "possible")])
def test_root_needs_a_capability_for_files_of_other_users(line: str, uid: int | None, certainty: Certainty) -> None:
    cause = one(line, uid=uid)
    assert (cause.capabilities, cause.certainty) == (("DAC_OVERRIDE",), certainty)


@pytest.mark.parametrize("line", ROOT)
def test_another_user_meets_ordinary_file_permissions(line: str) -> None:
    cause = one(line, uid=1000)
    assert (cause.capabilities, cause.kind, cause.certainty) == ((), "other", "likely")
    assert cause.explanation == "files: user 1000 may not use them"


@pytest.mark.parametrize(("source", "line", "kind", "certainty"), ELSEWHERE)
@pytest.mark.parametrize("uid", [None, 0, 1000])
def test_a_lookalike_of_a_missing_capability_has_its_own_cause(
    source: Source, line: str, kind: CauseKind, certainty: Certainty, uid: int | None
) -> None:
    cause = one(line, source, uid)
    assert (cause.capabilities, cause.kind, cause.certainty) == ((), kind, certainty)


@pytest.mark.parametrize("line", SILENT)
@pytest.mark.parametrize("source", ["log", "event"])
def test_lines_without_a_cause_have_no_diagnosis(line: str, source: Source) -> None:
    assert diagnose([Evidence(source, line)]) == ()


def test_a_permission_that_cannot_be_named_says_so() -> None:
    explanation = one("something: Permission denied").explanation
    assert explanation == "a permission was denied; the line does not show which capability is missing"


@pytest.mark.parametrize("line", ['Error: unknown capability "CAP_X" to add', "Error: ImagePullBackOff", "OOMKilled"])
def test_a_log_line_about_another_pod_is_not_the_pods_own_state(line: str) -> None:
    assert diagnose([Evidence("log", line)]) == ()


def test_each_row_of_the_tables_has_a_line_here_and_is_the_first_that_matches_it() -> None:
    lines = [line for line, *_ in CAPABILITY] + ROOT + [line for _, line, *_ in ELSEWHERE]
    lines += [in_english(line) for real in REAL for line in real.lines]
    first = {next((row.pattern.pattern for row in ROWS if row.pattern.search(line)), "") for line in lines}
    assert [row.pattern.pattern for row in ROWS if row.pattern.pattern not in first] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.pattern.pattern[:30])
def test_rows_name_real_capabilities_in_notes_of_one_line(row: object) -> None:
    assert all(name in BY_NAME for name in getattr(row, "capabilities", ()))
    note = str(getattr(row, "note", ""))
    assert note
    assert "\n" not in note
    assert not note.endswith(".")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.pattern.pattern[:30])
def test_every_row_has_a_next_command(row: LogPattern) -> None:
    """One that names no capability has a command of its own; its words in capitals are those that are filled in."""
    groups = re.compile(row.pattern.pattern).groupindex
    assert bool(row.next_command) or bool(row.capabilities) or "capability" in groups
    words = re.findall(r"\b[A-Z]{3,}\b", row.next_command)
    assert set(words) <= {"WORKLOAD", "NAMESPACE", "POD", "CONTAINER", "IMAGE", "USER", "UID", "SIZE", "PROGRAM"}


def test_the_command_to_try_next_has_the_names_of_the_objects() -> None:
    names = {"workload": "deployment/web", "namespace": "shop", "pod": "web-1", "container": "nginx", "image": "web:1"}
    cause = one("setgid(1) failed (1: Operation not permitted)")
    assert next_command(cause) == "kubectl caps harden WORKLOAD -n NAMESPACE --add SETGID"
    assert next_command(cause, **names) == "kubectl caps harden deployment/web -n shop --add SETGID"
    cause = one("Liveness probe failed: HTTP probe failed with statuscode: 500", "event")
    assert next_command(cause, **names) == (
        "kubectl caps harden deployment/web -n shop --rollback=false; kubectl logs deployment/web -n shop -c nginx"
    )
    cause = one("Error: spawn EPERM")
    assert "--image=web:1 " in next_command(cause, **names)


def test_for_another_user_the_advice_is_file_permissions() -> None:
    assert "securityContext" in next_command(one("cat: f/a: Permission denied", uid=1000))


def test_a_capability_counts_for_little_where_the_user_is_not_root() -> None:
    cause = one("listen tcp :80: bind: permission denied", uid=1000)
    assert (cause.capabilities, cause.certainty) == ((BIND,), "possible")
    assert cause.explanation.endswith("as user 1000 only a program with file capabilities can use it")


@pytest.mark.parametrize(
    ("line", "certainty"),
    [("exec /coredns: operation not permitted", "likely"), ("mbind: Operation not permitted", "possible")],
)
def test_file_capabilities_and_seccomp_work_for_every_user(line: str, certainty: Certainty) -> None:
    assert one(line, uid=1000) == one(line, uid=0) == one(line)
    assert one(line).certainty == certainty


def test_the_explanation_names_the_program_and_the_reason() -> None:
    assert one("date: cannot set date: Operation not permitted").explanation == (
        "date: setting the clock of the node needs SYS_TIME"
    )
    assert one("mlockall failed: Operation not permitted").explanation == "mlock and its like need IPC_LOCK"


def test_causes_are_sorted_by_certainty_and_each_is_listed_once() -> None:
    text = "\n".join(
        [
            "something: Operation not permitted",
            "setrlimit(RLIMIT_NOFILE, 9999999) failed (1: Operation not permitted)",
            "chown: changing ownership of '/a': Operation not permitted",
            "touch: /x: Read-only file system",
            "chown: changing ownership of '/b': Operation not permitted",
            'nginx: [emerg] chown("/c", 101) failed (1: Operation not permitted)',
            "setgid(1) failed (1: Operation not permitted)",
            "other: Operation not permitted",
        ]
    )
    causes = diagnose([Evidence("log", text), Evidence("state", "OOMKilled")])
    assert [(cause.capabilities, cause.kind, cause.certainty) for cause in causes] == [
        (("SETGID",), "capability", "certain"),
        ((), "other", "certain"),
        (("CHOWN",), "capability", "likely"),
        ((), "setting", "likely"),
        (("SYS_RESOURCE",), "capability", "possible"),
        ((), "other", "possible"),
    ]
    assert causes[2].evidence_text == "chown: changing ownership of '/a': Operation not permitted"


def test_the_most_certain_line_of_a_cause_is_shown_wherever_it_stands() -> None:
    lines = ["bind: Permission denied", "listen tcp :80: bind: permission denied"]
    causes = diagnose([Evidence("log", lines[0]), Evidence("termination", lines[1])])
    assert [(cause.certainty, cause.source, cause.evidence_text) for cause in causes] == [
        ("certain", "termination", lines[1])
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [("\x1b[31m", "\x1b[0m"), ("2026-01-01T00:00:00Z stderr F ", ""), ('{"error":"', '"}'), ("", "\r\n")],
)
def test_colours_timestamps_and_json_around_a_line_do_not_matter(before: str, after: str) -> None:
    assert one(f"{before}listen tcp :80: bind: permission denied{after}").capabilities == (BIND,)


def test_only_the_end_of_an_endless_text_and_the_start_of_an_endless_line_are_read() -> None:
    line = "chown: /a: Operation not permitted"
    assert diagnose([Evidence("log", line + "\n" + "x\n" * 600_000)]) == ()
    assert diagnose([Evidence("log", "x" * 5000 + line)]) == ()
    assert len(one(line + "x" * 5000).evidence_text) == 4096


def test_hostile_lines_take_no_longer_than_their_length_warrants() -> None:
    """A part of every line, repeated: what some pattern begins to match again and again, and never does."""
    lines = [line for line, *_ in CAPABILITY] + ROOT + [line for _, line, *_ in ELSEWHERE]
    parts = [line[start : start + 16] for line in lines[::5] for start in range(0, len(line) - 8, 24)]
    slowest = 0.0
    for part in parts:
        started = time.process_time()
        diagnose([Evidence("event", "Permission denied: " + part * 256)])
        slowest = max(slowest, time.process_time() - started)
    assert slowest < 0.25


def test_a_megabyte_of_the_worst_is_read_in_seconds() -> None:
    text = "\n".join(f"{number} exec: bind() chown: mount: setuid" * 100 for number in range(300))
    started = time.process_time()
    diagnose([Evidence("log", text)])
    assert time.process_time() - started < 10


@given(st.text(), st.sampled_from(["log", "termination", "state", "event"]), st.none() | st.integers(0, 2))
def test_no_text_is_an_error(text: str, source: Source, uid: int | None) -> None:
    for cause in diagnose([Evidence(source, text)], uid=uid):
        assert cause.evidence_text in text
