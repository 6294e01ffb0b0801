"""Real programs of Debian packages as images: what breaks when a capability is missing is theirs to say."""

from testbed.images import Image

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

REAL = {
    "nginx": Image(
        command=("/usr/sbin/nginx",),
        programs=("/usr/sbin/nginx",),
        files={"/etc/nginx/nginx.conf": _NGINX, "/var/lib/nginx": None, "/var/log/nginx": None},
    ),
    "redis": Image(command=("/usr/bin/redis-server",), programs=("/usr/bin/redis-server",)),
    "ping": Image(command=("/bin/sleep", "2147483647"), programs=("/usr/bin/ping",)),
}
"""Name -> image. nginx runs as root, listens on port 80 and gives its worker to www-data, as its own image does."""
