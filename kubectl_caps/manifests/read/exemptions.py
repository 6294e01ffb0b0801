"""Reads a file of exemptions (docs/exemptions.md). One error in the file refuses the whole file."""

from typing import Any

from kubectl_caps.core.assess.exemptions import Exemption, MalformedExemption, parse_exemption
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.errors import InputError
from kubectl_caps.manifests.read.objects import ManifestObject, objects
from kubectl_caps.manifests.read.positions import Positions
from kubectl_caps.manifests.read.text import open_source

API_VERSION = "kubectl-caps/v1alpha1"
KIND = "Exemptions"
_KEYS = ("apiVersion", "kind", "exemptions")


def read_exemptions(name: str) -> list[Exemption]:
    """The exemptions of a file. Raises InputError for the first error, with its line."""
    file = open_source(name)
    documents = []
    for item in objects(file, "inspect"):
        if isinstance(item, InputError):
            raise item
        documents.append(item)
    if not documents:
        raise InputError(f"{name}: holds no exemptions")
    positions = Positions(file)
    return [exemption for document in documents for exemption in _of(document, positions)]


def _of(document: ManifestObject, positions: Positions) -> list[Exemption]:
    name = document.file.name

    def origin(path: Path) -> str:
        return f"{name}:{positions.of(document, path).line}"

    for repeated in document.repeated:
        raise InputError(f"{name}:{repeated.line}: {repeated}")
    entries = _entries(document.object, origin)
    exemptions = []
    for index, entry in enumerate(entries):
        try:
            exemptions.append(parse_exemption(entry, origin(("exemptions", index))))
        except MalformedExemption as error:
            raise InputError(f"{origin(('exemptions', index, *error.path))}: {error}") from error
    return exemptions


def _entries(obj: dict[str, Any], origin: Any) -> list[Any]:
    if (obj["apiVersion"], obj["kind"]) != (API_VERSION, KIND):
        raise InputError(
            f"{origin(('kind',))}: must be apiVersion {API_VERSION}, kind {KIND}, not {obj['apiVersion']} {obj['kind']}"
        )
    for key in obj:
        if key not in _KEYS:
            raise InputError(f'{origin((key,))}: unknown key "{key}", known are {", ".join(_KEYS)}')
    entries = obj.get("exemptions")
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{origin(('exemptions',))}: exemptions must be a list that is not empty")
    return entries
