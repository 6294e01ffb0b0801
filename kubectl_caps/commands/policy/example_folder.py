"""Writes the folder of `policy --tests DIR`: example pods with their expected verdicts."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubectl_caps.errors import InputError, os_words
from kubectl_caps.report import json


def write_examples(folder: str, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Write all files or none. Raises InputError, also for a folder that is not empty."""
    target = Path(folder)
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise InputError(f"{folder}: exists and is not an empty folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as made:
            whole = Path(made, "examples")
            for name, obj in files.items():
                path = whole / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.text(obj, "yaml"))
            whole.replace(target)
    except OSError as error:
        raise InputError(f"{folder}: {os_words(error)}") from error
