"""Writes the manifest for krew: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/

python packaging/krew_manifest.py v0.1.0 dist/*.tar.gz      the manifest of a release, to standard output
python packaging/krew_manifest.py template                  .krew.yaml, which krew-release-bot fills in
"""

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from platform import machine

HOME = "https://github.com/kubectl-caps/kubectl-caps"

PLATFORMS = [("linux", "amd64"), ("linux", "arm64"), ("darwin", "amd64"), ("darwin", "arm64")]
"""The platforms of a release, in krew's words."""

SYSTEMS = {"linux": "linux", "darwin": "darwin"}
CPUS = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""krew's names for systems and processors, by Python's names."""

_HEAD = """\
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: caps
spec:
  version: {version}
  homepage: {home}
  shortDescription: See, drop and enforce Linux capabilities
  description: |
    Shows, for every container, the Linux capabilities that it declares and
    gets, and what Pod Security Admission would say about it. Drops ALL
    capabilities of a workload and adds back only the chosen ones: on a
    cluster with a watched rollout that is taken back when a container dies,
    in manifests by editing only the lines that have to change. Puts Pod
    Security labels on namespaces after naming all that they would refuse.
  caveats: |
    krew installs one executable. For completion, kubectl and your shell need
    more files, which this command writes:

      kubectl caps completion install

    Flags stand after the plugin's name: kubectl caps inspect -n NAMESPACE
  platforms:
"""

_ROW = """\
  - selector:
      matchLabels:
        os: {system}
        arch: {cpu}
    {source}
    files:
    - from: "*"
      to: "."
    bin: kubectl-caps
"""


def manifest(version: str, archives: Iterable[Path], comment: str = "") -> str:
    """The manifest of a release for the platforms that have an archive. `version` begins with a v.

    Raises ValueError for an archive of another platform.
    """
    names = {name_of(*platform): platform for platform in PLATFORMS}
    given = {archive.name: archive for archive in archives}
    if strange := given.keys() - names.keys():
        raise ValueError(f"{', '.join(sorted(strange))}: no archive of a release, which are {', '.join(names)}")
    rows = [
        _row(platform, f"uri: {_uri(version, name)}\n    sha256: {sha256_of(given[name])}")
        for name, platform in names.items()
        if name in given
    ]
    return comment + _HEAD.format(version=version, home=HOME) + "".join(rows)


def template() -> str:
    """The text of .krew.yaml: the manifest for krew-release-bot, which adds the address and checksum of each archive.

    https://github.com/rajatjindal/krew-release-bot#basic-template
    """
    tag = "{{ .TagName }}"
    uris = {platform: _uri(tag, name_of(*platform)) for platform in PLATFORMS}
    rows = [_row(platform, f'{{{{addURIAndSha "{uri}" .TagName }}}}') for platform, uri in uris.items()]
    return _HEAD.format(version=tag, home=HOME) + "".join(rows)


def platform_here() -> tuple[str, str]:
    """The system and processor of this machine, such as linux and amd64. Exits if nothing is published for them."""
    system, cpu = SYSTEMS.get(sys.platform), CPUS.get(machine())
    if not system or not cpu:
        sys.exit(f"error: no archive is made for {sys.platform}/{machine()}, only for linux and darwin")
    return system, cpu


def name_of(system: str, cpu: str) -> str:
    """The name of a platform's archive."""
    return f"kubectl-caps_{system}_{cpu}.tar.gz"


def _row(platform: tuple[str, str], source: str) -> str:
    return _ROW.format(system=platform[0], cpu=platform[1], source=source)


def _uri(version: str, name: str) -> str:
    return f"{HOME}/releases/download/{version}/{name}"


def sha256_of(file: Path) -> str:
    """The checksum of a file in lower case, because krew compares it as text."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main(arguments: list[str]) -> None:
    """Print the template or the manifest.

    Exits if a platform has no archive, because a release is for all platforms.
    """
    if arguments == ["template"]:
        print(template(), end="")
        return
    version, archives = arguments[0], [Path(argument) for argument in arguments[1:]]
    given = {archive.name for archive in archives}
    if absent := [name_of(*platform) for platform in PLATFORMS if name_of(*platform) not in given]:
        sys.exit(f"error: a release has archives for all platforms; missing: {', '.join(absent)}")
    print(manifest(version, archives), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
