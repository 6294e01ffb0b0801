"""What krew reads about the plugin: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/"""

import hashlib
from importlib.metadata import version
from pathlib import Path

HOME = "https://github.com/kubectl-caps/kubectl-caps"

_TEMPLATE = """\
# Written by `make dist` from the archive that it built.
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
    krew installs one executable. For completion of `kubectl caps` put a
    second one on your PATH:

      kubectl caps completion kubectl > ~/.krew/bin/kubectl_complete-caps
      chmod +x ~/.krew/bin/kubectl_complete-caps

    Flags stand after the plugin's name: kubectl caps inspect -n NAMESPACE
  platforms:
    - selector:
        matchLabels:
          os: linux
          arch: amd64
      uri: {home}/releases/download/{version}/kubectl-caps_linux_amd64.tar.gz
      sha256: {sha256}
      files:
        - from: "*"
          to: "."
      bin: kubectl-caps
"""


def manifest(sha256: str) -> str:
    """The text of krew-manifest.yaml for an archive with this checksum."""
    return _TEMPLATE.format(version=f"v{version('kubectl-caps')}", home=HOME, sha256=sha256)


def sha256_of(file: Path) -> str:
    """In lower case: krew compares it as text."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
