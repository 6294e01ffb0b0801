"""Images that are known to have file capabilities."""

# The end of the repository's name, and what a program of it has as a file capability with the effective bit: it does
# not start without. Sources: coredns Dockerfile and coredns#7435; ingress-nginx rootfs/Dockerfile (setcap on
# nginx-ingress-controller, nginx and dumb-init); caddyserver/caddy-docker#466 and #396.
_FILE_CAPABILITIES = (
    ("coredns", "NET_BIND_SERVICE"),
    ("ingress-nginx/controller", "NET_BIND_SERVICE"),
    ("caddy", "NET_BIND_SERVICE"),
)


def file_capabilities(image: str | None) -> list[str]:
    """The capabilities that programs of an image are known to have as file capabilities; none is no proof."""
    repository = _repository(image or "")
    return [name for end, name in _FILE_CAPABILITIES if f"/{repository}".endswith(f"/{end}")]


def _repository(image: str) -> str:
    """`registry:5000/coredns/coredns` of `registry:5000/coredns/coredns:1.11@sha256:...`."""
    folder, slash, last = image.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
