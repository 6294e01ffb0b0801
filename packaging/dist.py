"""Makes what a release consists of: `dist/kubectl-caps_linux_amd64.tar.gz` and, from it, `krew-manifest.yaml`.

    python packaging/dist.py
"""

import platform
import sys
from pathlib import Path

from archive import pack
from freeze import freeze
from krew_manifest import manifest, sha256_of

ROOT = Path(__file__).parents[1]
ARCHIVE = ROOT / "dist" / "kubectl-caps_linux_amd64.tar.gz"


def main() -> None:
    """Builds for this machine, which has to be the one platform that is published."""
    here = f"{sys.platform}/{platform.machine()}"
    if here != "linux/x86_64":
        sys.exit(f"error: the archive is for linux/amd64 and cannot be built on {here}")
    folder = freeze(ROOT / "build")
    pack(folder, [ROOT / "LICENSE"], ARCHIVE)
    (ROOT / "krew-manifest.yaml").write_text(manifest(sha256_of(ARCHIVE)))
    # A frozen program needs the C library of the system it was built on, or a newer one.
    print(f"{ARCHIVE.relative_to(ROOT)}: {ARCHIVE.stat().st_size >> 20} MB, made on glibc {platform.libc_ver()[1]}")
    print(f"krew-manifest.yaml: sha256 {sha256_of(ARCHIVE)}")


if __name__ == "__main__":
    main()
