"""The real kubectl as a reader of manifests: `label --local` needs no cluster and prints the objects that it read."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_KUBECTL = Path(sys.prefix, "bin", "kubectl")


def read(path: Path) -> tuple[list[Any], str]:
    """The objects of a file or folder as kubectl reads them, and what it says on stderr."""
    command = [
        str(_KUBECTL),
        "label",
        "--local",
        "--dry-run=client",
        "-o",
        "json",
        "-R",
        "-f",
        str(path),
        "kubectl-caps-test-",
    ]
    done = subprocess.run(command, capture_output=True, check=False, env={"KUBECONFIG": "/nonexistent", "HOME": "/"})
    text = done.stdout.decode()
    objects, at, decoder = [], 0, json.JSONDecoder()
    while at < len(text.rstrip()):
        found, at = decoder.raw_decode(text, len(text) - len(text[at:].lstrip()))
        objects.append(without_labels(found))
    says = [line for line in done.stderr.decode().splitlines() if "kubectl-caps-test" not in line]
    return objects, "\n".join(says)


def without_labels(obj: dict[str, Any]) -> dict[str, Any]:
    """Without the empty `labels` that `kubectl label` leaves behind."""
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key != "labels" or value}
    return {**obj, "metadata": metadata}
