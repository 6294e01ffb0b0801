"""Reads kustomization files: the listed files and the changed fields; and runs `kubectl kustomize`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct

from kubectl_caps.core.kubernetes.kustomize import rendered_name
from kubectl_caps.errors import InputError
from kubectl_caps.manifests.read.go_scalars import UnreadableYaml
from kubectl_caps.manifests.read.text import SourceFile, open_source, parsed

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""The file names of a kustomization."""

_LOGGED = re.compile(r'"command failed" err=("(?:[^"\\]|\\.)*")')
_LISTS = ("resources", "bases", "components")
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902")
_WHAT_IT_IS = ("apiVersion", "kind", "metadata")
_WITHOUT_PODS = ("configMapGenerator", "secretGenerator")
_HARMLESS = (
    "resources", "bases", *_WITHOUT_PODS, "generatorOptions", "namePrefix", "nameSuffix", "namespace", "labels",
    "commonLabels", "images", "imageTags", "replicas", "helmGlobals", "crds", "openapi", "buildMetadata", "sortOptions",
    "validators",
)  # fmt: skip
"""Fields of a kustomization that change no judged field of a pod; any other field may change one."""


class Kustomization(Struct, frozen=True):
    """The content of a kustomization file."""

    path: FilePath
    content: dict[str, Any]

    @property
    def fields(self) -> list[str]:
        """The fields with a value, without apiVersion, kind and metadata."""
        return [field for field in self.content if self.content[field] and field not in _WHAT_IT_IS]

    @property
    def unapplied(self) -> list[str]:
        """The fields that may change judged fields of a pod."""
        return [field for field in self.fields if field not in _HARMLESS]

    @property
    def is_component(self) -> bool:
        """Whether the file is a Component, which is a part of the kustomizations that list it."""
        return self.content.get("kind") == "Component"

    @property
    def lists_nothing(self) -> bool:
        """Whether the kustomization lists and generates no resource. kubectl refuses such a file."""
        return not self.is_component and not any(field in self.fields for field in (*_LISTS, *_WITHOUT_PODS))

    @property
    def namespace(self) -> str:
        """The namespace that the kustomization sets on all its resources; empty if it sets none."""
        return str(self.content.get("namespace") or "")

    def resources(self) -> Iterator[tuple[str, FilePath]]:
        """The listed files and folders, each as written and as a path from the working folder."""
        yield from ((str(name), self._path(name)) for name in self._items(_LISTS))

    def patches(self) -> Iterator[FilePath]:
        """The files that are listed as patches."""
        for item in self._items(_PATCHES):
            name = item.get("path") if isinstance(item, dict) else item
            if isinstance(name, str) and "\n" not in name:  # a text of several lines is an inline patch
                yield self._path(name)

    def _items(self, fields: tuple[str, ...]) -> Iterator[Any]:
        for field in fields:
            found = self.content.get(field) or []
            yield from found if isinstance(found, list) else [found]

    def _path(self, name: Any) -> FilePath:
        return self.path.parent / str(name)


def read_kustomization(path: FilePath) -> Kustomization | InputError | None:
    """Read a kustomization file. None for an object of another group in a file of that name, as Flux has."""
    try:
        documents = [document.value for document in parsed(open_source(str(path)).text) if document.value is not None]
    except InputError as error:
        return error
    except UnreadableYaml as error:
        line = f"line {error.line}: " if error.line else ""
        return InputError(f"{path}: invalid Kustomization: yaml: {line}{error}")
    content = documents[0] if documents else {}
    if not isinstance(content, dict):
        return InputError(f"{path}: invalid Kustomization: not a mapping")
    is_one = str(content.get("apiVersion", "kustomize.config.k8s.io")).startswith("kustomize.config.k8s.io")
    if is_one and len(documents) > 1:
        return InputError(f"{path}: invalid Kustomization: more than one document; give each its own file")
    return Kustomization(path, content) if is_one else None


def rendered(folder: str) -> SourceFile:
    """The output of `kubectl kustomize FOLDER`, as a file. Raises InputError if kubectl is missing or refuses."""
    import shutil
    import subprocess

    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise InputError("-k runs `kubectl kustomize`, and there is no kubectl in PATH; install kubectl, or use -f")
    argv = [kubectl, "kustomize", "--", folder]
    done = subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"]
        logged = _LOGGED.search(lines[-1])
        why = json.loads(logged[1]) if logged else lines[-1].removeprefix("error: ")
        raise InputError(f"{rendered_name(folder)}: {why}")
    return SourceFile(rendered_name(folder), done.stdout.decode(errors="surrogateescape"))
