"""Writes the components of a release as a CycloneDX document: https://cyclonedx.org/specification/overview/"""

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

from components import Component
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model import component as cyclonedx
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/kubectl-caps/kubectl-caps")


def sbom(archive: Path, version: str, components: Iterable[Component], epoch: int) -> str:
    """The document for an archive. The same archive gives the same bytes, because its checksum is the serial number."""
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    program = cyclonedx.Component(
        name="kubectl-caps",
        type=cyclonedx.ComponentType.APPLICATION,
        bom_ref="kubectl-caps",
        version=version,
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
        purl=PackageURL("pypi", None, "kubectl-caps", version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)],
    )
    parts = [_part(component) for component in components]
    metadata = BomMetaData(component=program, timestamp=datetime.fromtimestamp(epoch, timezone.utc))
    document = Bom(components=parts, metadata=metadata, serial_number=uuid.uuid5(_NAMESPACE, checksum))
    document.register_dependency(program, parts)
    return JsonV1Dot6(document).output_as_string(indent=2) + "\n"


def _part(component: Component) -> cyclonedx.Component:
    return cyclonedx.Component(
        name=component.name,
        bom_ref=component.purl,
        version=component.version or None,
        licenses=[LicenseFactory().make_from_string(component.licence)],
        purl=PackageURL.from_string(component.purl),
    )
