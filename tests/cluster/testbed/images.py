"""OCI images made by hand from programs of this machine: no registry, no Dockerfile.

Every image holds busybox with the usual applets, /tmp, /etc/passwd and /etc/group. A program is copied to its own path
with the libraries that ldd names, so that a real server from a Debian package becomes an image. Files are root's;
another owner and file capabilities have to be asked for.
"""

import fcntl
import hashlib
import io
import json
import os
import platform
import re
import struct
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from testbed import build, needs
from testbed.place import Place

_APPLETS = """sh cat sleep ls chown chmod id nc ping httpd date mknod su grep echo mkdir rm touch wget mount umount
chroot nice true false kill ps env hostname"""
_FOLDERS = {"tmp": 0o1777, "root": 0o700, **dict.fromkeys(("proc", "dev", "sys", "run", "var/log", "var/run"), 0o755)}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_OCI = "application/vnd.oci.image"

BUSYBOX = Path(needs.find("busybox") or "/bin/busybox")
"""One program that is many, by the name it is called by; statically linked. Where it is missing no node is started."""


@dataclass(frozen=True)
class Image:
    """What to put into an image, and what it runs by default.

    `files`: path inside -> its bytes, a file or folder of this machine, or None for an empty folder. `bare` leaves out
    busybox and its applets. `file_capabilities`: path inside -> mask of what is permitted and effective at execve.
    `owned`: path inside -> the user and the mode of a file or folder that is not root's. `environment`: NAME=VALUE.
    `entrypoint`: what the args of a container are given to; without one they replace the command.
    """

    command: Sequence[str] = ("/bin/sleep", "2147483647")
    programs: Sequence[str] = ()
    files: Mapping[str, bytes | Path | None] = field(default_factory=dict)
    user: str = ""
    bare: bool = False
    file_capabilities: Mapping[str, int] = field(default_factory=dict)
    owned: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    environment: Sequence[str] = ()
    entrypoint: Sequence[str] = ()


@dataclass(frozen=True)
class _Entry:
    mode: int
    data: bytes | None = None
    link: str = ""
    capabilities: int = 0
    uid: int = 0


def load(place: Place, name: str, image: Image) -> None:
    """Makes the image and imports it into containerd under `name`. Use it with `imagePullPolicy: Never`."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for path, blob in _layout(name, image):
                _add(tar, path, _Entry(0o644, blob))
        file.flush()
        # --local: the transfer service finds no unpack platform for the native snapshotter.
        options = ["images", "import", "--local", "--snapshotter", needs.snapshotter(place.folder), file.name]
        ctr = [f"{build.CONTAINERD.folder}/ctr", f"--address={place.containerd}", "--namespace=k8s.io", *options]
        done = subprocess.run(ctr, capture_output=True, text=True)
        assert done.returncode == 0, f"{name}: {done.stderr}"


def load_once(place: Place, name: str, image: Image) -> None:
    """The same, unless another process that uses the node has done it under this name."""
    done = place.folder / "images" / name.replace("/", "_")
    done.parent.mkdir(exist_ok=True)
    with done.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            load(place, name, image)
            done.touch()


def _layout(name: str, image: Image) -> Iterator[tuple[str, bytes]]:
    """The files of an OCI image layout with one image in it."""
    layer = _layer(_root(image))
    environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", *image.environment]
    config = _json(
        architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()),
        os="linux",
        config={
            "Entrypoint": list(image.entrypoint),
            "Cmd": list(image.command),
            "User": image.user,
            "Env": environment,
        },
        rootfs={"type": "layers", "diff_ids": [_digest(layer)]},
    )
    manifest = _json(
        schemaVersion=2,
        mediaType=f"{_OCI}.manifest.v1+json",
        config=_descriptor("config.v1+json", config),
        layers=[_descriptor("layer.v1.tar", layer)],
    )
    names = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    entry = {**_descriptor("manifest.v1+json", manifest), "annotations": names}
    yield "oci-layout", _json(imageLayoutVersion="1.0.0")
    yield "index.json", _json(schemaVersion=2, manifests=[entry])
    for blob in (layer, config, manifest):
        yield f"blobs/sha256/{_digest(blob).removeprefix('sha256:')}", blob


def _root(image: Image) -> dict[str, _Entry]:
    tree: dict[str, _Entry] = {}
    for folder, mode in _FOLDERS.items():
        _put(tree, folder, _Entry(mode))
    for name in ("passwd", "group"):
        _put(tree, f"etc/{name}", _Entry(0o644, Path("/etc", name).read_bytes()))
    busybox = [] if image.bare else [str(BUSYBOX)]
    for path in busybox:
        _put(tree, "bin/busybox", _Entry(0o755, Path(path).read_bytes()))
        for applet in _APPLETS.split():
            _put(tree, f"bin/{applet}", _Entry(0o777, link="busybox"))
    programs = (*image.programs, *(path for program in (*busybox, *image.programs) for path in _libraries(program)))
    for path in programs:
        _put(tree, path, _Entry(0o755, Path(path).read_bytes()))
    for inside, source in image.files.items():
        for path, entry in _entries(inside, source):
            _put(tree, path, entry)
    for inside, mask in image.file_capabilities.items():
        path = os.path.normpath(inside).lstrip("/")
        tree[path] = replace(tree[path], capabilities=mask)
    for inside, (uid, mode) in image.owned.items():
        path = os.path.normpath(inside).lstrip("/")
        tree[path] = replace(tree[path], uid=uid, mode=mode)
    return tree


def _libraries(program: str) -> list[str]:
    answer = subprocess.run(["ldd", program], capture_output=True, text=True)
    return re.findall(r"(/\S+) \(0x", answer.stdout)


def _entries(inside: str, source: bytes | Path | None) -> Iterator[tuple[str, _Entry]]:
    if source is None:
        yield inside, _Entry(0o755)
    elif isinstance(source, bytes):
        yield inside, _Entry(0o644, source)
    elif source.is_file():
        yield inside, _Entry(source.stat().st_mode & 0o7777, source.read_bytes())
    else:
        yield inside, _Entry(0o755)
        for path in sorted(source.rglob("*")):
            entry = _Entry(path.stat().st_mode & 0o7777, None if path.is_dir() else path.read_bytes())
            yield f"{inside}/{path.relative_to(source)}", entry


def _put(tree: dict[str, _Entry], path: str, entry: _Entry) -> None:
    path = os.path.normpath(path).lstrip("/")
    parent = os.path.dirname(path)  # noqa: PTH120
    if parent and parent not in tree:
        _put(tree, parent, _Entry(0o755))
    tree[path] = entry


def _layer(tree: Mapping[str, _Entry]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, entry in tree.items():
            _add(tar, path, entry)
    return out.getvalue()


def _add(tar: tarfile.TarFile, path: str, entry: _Entry) -> None:
    item = tarfile.TarInfo(path)
    item.mode, item.uid, item.gid = entry.mode, entry.uid, entry.uid
    if entry.capabilities:
        # struct vfs_cap_data, revision 2, effective (linux/capability.h); containerd sets it as the extended attribute.
        low, high = entry.capabilities & 0xFFFFFFFF, entry.capabilities >> 32
        attribute = struct.pack("<5I", 0x02000001, low, 0, high, 0)
        item.pax_headers = {"SCHILY.xattr.security.capability": attribute.decode("ascii")}
    if entry.link:
        item.type, item.linkname = tarfile.SYMTYPE, entry.link
    elif entry.data is None:
        item.type = tarfile.DIRTYPE
    else:
        item.size = len(entry.data)
    tar.addfile(item, None if entry.data is None else io.BytesIO(entry.data))


def _json(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": f"{_OCI}.{media_type}", "digest": _digest(blob), "size": len(blob)}
