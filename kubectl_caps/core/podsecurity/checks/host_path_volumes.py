"""hostPath volumes are forbidden.

Fields:
    spec.volumes[*].hostPath

Allowed:
    unset

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
        hostPath:
          path: /
      containers:
      - name: web
"""

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import Check, Finding, Revision, quoted
from kubectl_caps.core.text import plural


def host_path_volumes_1_0(template: PodTemplate) -> Finding | None:
    """Restricted overrides this check: restrictedVolumes forbids more."""
    found = [
        (index, volume) for index, volume in enumerate(template.spec.volumes or ()) if volume.host_path is not None
    ]
    if not found:
        return None
    detail = f"{plural('volume', len(found))} {quoted(volume.name for _, volume in found)}"
    return Finding(
        "hostPath volumes", detail, fields=tuple(("spec", "volumes", index, "hostPath") for index, _ in found)
    )


CHECK = Check("hostPathVolumes", "baseline", (Revision(0, host_path_volumes_1_0),))
