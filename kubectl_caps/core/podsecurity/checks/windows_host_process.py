"""Windows HostProcess containers are forbidden.

Fields:
    spec.securityContext.windowsOptions.hostProcess
    spec.containers[*].securityContext.windowsOptions.hostProcess
    spec.initContainers[*].securityContext.windowsOptions.hostProcess
    spec.ephemeralContainers[*].securityContext.windowsOptions.hostProcess

Allowed:
    unset, false

Passes:
    spec:
      securityContext:
        windowsOptions:
          hostProcess: false
      containers:
      - name: web

Fails:
    spec:
      securityContext:
        windowsOptions:
          hostProcess: true
      containers:
      - name: web
"""

from kubectl_caps.core.kubernetes.container import WindowsOptions
from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import (
    Check,
    Finding,
    Revision,
    finding,
    offenders_in_words,
    offending_containers,
    on_pod,
)

_FIELD = ("securityContext", "windowsOptions", "hostProcess")


def windows_host_process_1_0(template: PodTemplate) -> Finding | None:
    """Judges the pod and every container."""
    offenders = on_pod(_FIELD, _is_host_process(template.spec.security.windows_options))
    offenders += offending_containers(
        template, _FIELD, lambda container: _is_host_process(container.security.windows_options)
    )
    if not offenders:
        return None
    detail = f"{offenders_in_words(offenders)} must not set securityContext.windowsOptions.hostProcess=true"
    return finding("hostProcess", detail, offenders)


def _is_host_process(options: WindowsOptions | None) -> bool:
    return options is not None and bool(options.host_process)


CHECK = Check("windowsHostProcess", "baseline", (Revision(0, windows_host_process_1_0),))
