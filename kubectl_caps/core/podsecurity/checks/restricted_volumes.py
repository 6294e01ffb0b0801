"""Only volumes of the allowed types may be used.

Fields:
    spec.volumes[*]

Allowed:
    configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected, secret

Passes:
    spec:
      volumes:
      - name: data
        emptyDir: {}
      containers:
      - name: web

Fails:
    spec:
      volumes:
      - name: data
        nfs:
          server: files
          path: /
      containers:
      - name: web
"""

from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.pod import PodTemplate, Volume
from kubectl_caps.core.podsecurity.checks.check import Check, Finding, Revision, go_sorted, quoted
from kubectl_caps.core.text import plural

_ALLOWED = (
    "config_map",
    "csi",
    "downward_api",
    "empty_dir",
    "ephemeral",
    "image",
    "persistent_volume_claim",
    "projected",
    "secret",
)
# The field of core/v1 VolumeSource and the name of its attribute, in upstream's order.
_FORBIDDEN = {
    "hostPath": "host_path",
    "gcePersistentDisk": "gce_persistent_disk",
    "awsElasticBlockStore": "aws_elastic_block_store",
    "gitRepo": "git_repo",
    "nfs": "nfs",
    "iscsi": "iscsi",
    "glusterfs": "glusterfs",
    "rbd": "rbd",
    "flexVolume": "flex_volume",
    "cinder": "cinder",
    "cephfs": "cephfs",
    "flocker": "flocker",
    "fc": "fc",
    "azureFile": "azure_file",
    "vsphereVolume": "vsphere_volume",
    "quobyte": "quobyte",
    "azureDisk": "azure_disk",
    "photonPersistentDisk": "photon_persistent_disk",
    "portworxVolume": "portworx_volume",
    "scaleIO": "scale_io",
    "storageos": "storageos",
}


def restricted_volumes_1_0(template: PodTemplate) -> Finding | None:
    """A volume passes if any allowed source is set."""
    found = [
        (index, volume.name, restricted_source(volume) or "unknown")
        for index, volume in enumerate(template.spec.volumes or ())
        if all(getattr(volume, source) is None for source in _ALLOWED)
    ]
    if not found:
        return None
    types = go_sorted(kind for _, _, kind in found)
    detail = (
        f"{plural('volume', len(found))} {quoted(name for _, name, _ in found)} "
        f"{'uses' if len(found) == 1 else 'use'} restricted volume {plural('type', len(types))} {quoted(types)}"
    )
    fields = tuple(_path(index, kind) for index, _, kind in found)
    return Finding("restricted volume types", detail, fields=fields)


def _path(index: int, kind: str) -> Path:
    return ("spec", "volumes", index) if kind == "unknown" else ("spec", "volumes", index, kind)


def restricted_source(volume: Volume) -> str | None:
    """The first refused source that is set, in upstream's order."""
    return next((field for field, name in _FORBIDDEN.items() if getattr(volume, name) is not None), None)


CHECK = Check("restrictedVolumes", "restricted", (Revision(0, restricted_volumes_1_0, ("hostPathVolumes",)),))
