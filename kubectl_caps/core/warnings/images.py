"""The tables of images that are known to need capabilities: for file capabilities, or to start as root."""

from functools import lru_cache

# The end of the repository's name, and a file capability with the effective bit of one of its programs. The program
# does not start without the capability. Sources: coredns Dockerfile and coredns#7435; ingress-nginx rootfs/Dockerfile
# (setcap on nginx-ingress-controller, nginx and dumb-init); caddyserver/caddy-docker#466 and #396.
_FILE_CAPABILITIES = (
    ("coredns", "NET_BIND_SERVICE"),
    ("ingress-nginx/controller", "NET_BIND_SERVICE"),
    ("caddy", "NET_BIND_SERVICE"),
)

_STEPS_DOWN = ("CHOWN", "SETGID", "SETUID")
_OWN_FOLDER = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")

# Images that start as root, give their files to their own user and then run as that user. Sources: the
# docker-entrypoint.sh of docker-library's images (`find … -exec chown`, then gosu or setpriv; postgres, mysql and
# mariadb also read a folder of mode 700 of their own user), nginxinc/docker-nginx and httpd (the workers' user).
_STARTED_AS_ROOT = {
    "nginx": _STEPS_DOWN, "redis": _STEPS_DOWN, "valkey": _STEPS_DOWN, "mongo": _STEPS_DOWN, "rabbitmq": _STEPS_DOWN,
    "postgres": _OWN_FOLDER, "mysql": _OWN_FOLDER, "mariadb": _OWN_FOLDER, "httpd": ("SETGID", "SETUID"),
}  # fmt: skip


def start_capabilities(image: str | None) -> tuple[str, ...]:
    """The capabilities that an image is known to need if it starts as root. An unlisted image may need some too."""
    repository = _repository(image or "")
    return (
        () if "bitnami" in repository else _STARTED_AS_ROOT.get(repository.rpartition("/")[2], ())
    )  # Bitnami's images run as user 1001


@lru_cache(1024)
def file_capabilities(image: str | None) -> tuple[str, ...]:
    """The file capabilities that programs of an image are known to have. An unlisted image may have some too."""
    named = image or ""
    return tuple(
        # Few images have such a name anywhere, and only theirs are taken apart.
        name for end, name in _FILE_CAPABILITIES if end in named and f"/{_repository(named)}".endswith(f"/{end}")
    )


def _repository(image: str) -> str:
    """`registry:5000/coredns/coredns` of `registry:5000/coredns/coredns:1.11@sha256:...`."""
    folder, slash, last = image.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
