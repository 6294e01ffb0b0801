"""Translates the numbers of system calls to names, by machine. The table has only the calls of `explain`'s table.

Source: Linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (arm64).
"""

import re

_MACHINES = ("x86_64", "aarch64")
"""The machines of the columns, as `uname -m` names them."""

_NUMBERS = """
access 21 -; acct 163 89; add_key 248 217; adjtimex 159 171; bind 49 200; bpf 321 280; capset 126 91; chdir 80 49;
chmod 90 -; chown 92 -; chroot 161 51; clock_adjtime 305 266; clock_settime 227 112; clone 56 220; clone3 435 435;
connect 42 203; creat 85 -; delete_module 176 106; epoll_ctl 233 21; execve 59 221; execveat 322 281; faccessat 269
48; faccessat2 439 439; fanotify_init 300 262; fanotify_mark 301 263; fchdir 81 50; fchmod 91 52; fchmodat 268 53;
fchmodat2 452 452; fchown 93 55; fchownat 260 54; fcntl 72 25; finit_module 313 273; fsconfig 431 431; fsetxattr 190
7; fsmount 432 432; fsopen 430 430; fspick 433 433; futimesat 261 -; get_mempolicy 239 236; getdents64 217 61;
getsockopt 55 209; getxattr 191 8; init_module 175 105; inotify_add_watch 254 27; io_uring_enter 426 426;
io_uring_register 427 427; io_uring_setup 425 425; ioctl 16 29; ioperm 173 -; iopl 172 -; ioprio_set 251 30; kcmp
312 272; kexec_file_load 320 294; kexec_load 246 104; keyctl 250 219; kill 62 129; lchown 94 -; lgetxattr 192 9;
link 86 -; linkat 265 37; lookup_dcookie 212 18; lsetxattr 189 6; lstat 6 -; madvise 28 233; mbind 237 235;
memfd_create 319 279; migrate_pages 256 238; mkdir 83 -; mkdirat 258 34; mknod 133 -; mknodat 259 33; mlock 149 228;
mlock2 325 284; mlockall 151 230; mmap 9 222; mount 165 40; mount_setattr 442 442; move_mount 429 429; move_pages
279 239; msgctl 71 187; msgget 68 186; msgrcv 70 188; msgsnd 69 189; newfstatat 262 79; open 2 -; open_by_handle_at
304 265; open_tree 428 428; openat 257 56; openat2 437 437; perf_event_open 298 241; personality 135 92; pidfd_getfd
438 438; pidfd_send_signal 424 424; pivot_root 155 41; prctl 157 167; prlimit64 302 261; process_madvise 440 440;
process_vm_readv 310 270; process_vm_writev 311 271; ptrace 101 117; quotactl 179 60; quotactl_fd 443 443; readlink
89 -; readlinkat 267 78; reboot 169 142; recvfrom 45 207; recvmmsg 299 243; recvmsg 47 212; removexattr 197 14;
rename 82 -; renameat 264 38; renameat2 316 276; request_key 249 218; rmdir 84 -; rt_sigqueueinfo 129 138;
rt_tgsigqueueinfo 297 240; sched_setaffinity 203 122; sched_setattr 314 274; sched_setparam 142 118;
sched_setscheduler 144 119; seccomp 317 277; semctl 66 191; semget 64 190; semop 65 193; semtimedop 220 192; sendmsg
46 211; sendto 44 206; set_mempolicy 238 237; setdomainname 171 162; setfsgid 123 152; setfsuid 122 151; setgid 106
144; setgroups 116 159; sethostname 170 161; setns 308 268; setpriority 141 140; setregid 114 143; setresgid 119
149; setresuid 117 147; setreuid 113 145; setrlimit 160 164; setsockopt 54 208; settimeofday 164 170; setuid 105
146; setxattr 188 5; shmat 30 196; shmctl 31 195; shmget 29 194; socket 41 198; stat 4 -; statfs 137 43; statmount
457 457; statx 332 291; swapoff 168 225; swapon 167 224; symlink 88 -; symlinkat 266 36; syslog 103 116; tgkill 234
131; timer_create 222 107; timerfd_create 283 85; tkill 200 130; truncate 76 45; umount2 166 39; unlink 87 -;
unlinkat 263 35; unshare 272 97; userfaultfd 323 282; utime 132 -; utimensat 280 88; utimes 235 -; vhangup 153 58;
write 1 64
"""

_FRAME = re.compile(r"(?:^|_)k?sys_([a-z][a-z0-9_]*)")
"""The function of a system call in a kernel stack: `__x64_sys_chown`, `__do_sys_capset`, `ksys_mmap_pgoff`."""

_SAME = {"mmap_pgoff": "mmap", "umount": "umount2"}


def _columns() -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = {machine: {} for machine in _MACHINES}
    for row in _NUMBERS.split(";"):
        name, *numbers = row.split()
        for machine, number in zip(_MACHINES, numbers, strict=True):
            if number != "-":
                found[machine][int(number)] = name
    return found


_NAMES = _columns()


def call_name(machine: str, number: int) -> str:
    """The name of a system call, or `NR 92` for a number that is not in the table."""
    return _NAMES.get(machine, {}).get(number, f"NR {number}")


def call_of(stack: str) -> str:
    """The system call in a kernel stack (`<inner<outer`).

    Empty if the stack names no system call, because the compiler may merge functions.
    """
    for frame in reversed(stack.split("<")):
        if match := _FRAME.search(frame):
            return _SAME.get(match[1], match[1])
    return ""


def numbers_of(machine: str, names: list[str]) -> list[int]:
    """The numbers of these system calls on a machine."""
    return [number for number, name in _NAMES.get(machine, {}).items() if name in names]
