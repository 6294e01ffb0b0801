"""Packs a folder as a tar.gz for krew. The same content gives the same bytes.

krew accepts only folders and regular files (its internal/download/downloader.go), so a link becomes a copy of its
target.
"""

import gzip
import tarfile
from collections.abc import Sequence
from pathlib import Path


def pack(folder: Path, extra: Sequence[Path], archive: Path, epoch: int) -> None:
    """Write the content of `folder` and the `extra` files to `archive`: sorted, without owner, with one time."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    files |= {path.name: path for path in extra}
    with (
        archive.open("wb") as out,
        gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=9, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT, dereference=True) as tar,
    ):
        for name in sorted(files):
            _add(tar, name, files[name], epoch)


def _add(tar: tarfile.TarFile, name: str, path: Path, epoch: int) -> None:
    # A resolved path has no symbolic links. Without inodes, tarfile finds no hard links.
    entry = tarfile.TarInfo(name)
    entry.mtime = epoch
    if path.is_dir():
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)
        return
    entry.size = path.stat().st_size
    entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
    with path.open("rb") as content:
        tar.addfile(entry, content)
