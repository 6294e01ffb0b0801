"""Real programs of Debian packages as images: what breaks when a capability is missing is theirs to say."""

from testbed.images import BUSYBOX, Image

_NGINX = b"""daemon off;
user www-data;
worker_processes 1;
error_log /dev/stderr;
events {}
http {
    access_log off;
    server {
        listen 80;
        location / { return 200 "hello\\n"; }
    }
}
"""

_CHRONY = b"""port 11123
allow 127.0.0.1
cmdport 0
bindcmdaddress /
pidfile /run/chronyd.pid
"""

_NET_RAW = 1 << 13

REAL = {
    "nginx": Image(
        command=("/usr/sbin/nginx",),
        programs=("/usr/sbin/nginx",),
        files={"/etc/nginx/nginx.conf": _NGINX, "/var/lib/nginx": None, "/var/log/nginx": None},
    ),
    "chrony": Image(
        command=("/usr/sbin/chronyd", "-d", "-f", "/etc/chrony.conf"),
        programs=("/usr/sbin/chronyd",),
        files={"/etc/chrony.conf": _CHRONY, "/var/lib/chrony": None},
    ),
    "redis": Image(command=("/usr/bin/redis-server",), programs=("/usr/bin/redis-server",)),
    "redis-dropping": Image(
        command=("/usr/bin/setpriv", "--reuid=33", "--regid=33", "--clear-groups", "/usr/bin/redis-server"),
        programs=("/usr/bin/redis-server", "/usr/bin/setpriv"),
    ),
    "ping-capable": Image(
        command=("/usr/bin/busybox-capable", "sleep", "2147483647"),
        programs=("/usr/bin/ping",),
        files={"/usr/bin/busybox-capable": BUSYBOX},
        user="1000",
        file_capabilities={"/usr/bin/ping": _NET_RAW, "/usr/bin/busybox-capable": _NET_RAW},
    ),
    "distroless": Image(command=("/sleep", "2147483647"), files={"/sleep": BUSYBOX}, bare=True),
    "ping": Image(command=("/bin/sleep", "2147483647"), programs=("/usr/bin/ping",)),
}
"""Name -> image. nginx runs as root, listens on port 80 and gives its worker to www-data, as its own image does;
`chrony` has no time sources, so that it leaves the clock of the machine alone; `redis-dropping` gives
itself to www-data, as gosu and su-exec do; `ping-capable` has ping and its first program with a file capability (a real
ping gives it back at once); `distroless` has nothing to exec."""
