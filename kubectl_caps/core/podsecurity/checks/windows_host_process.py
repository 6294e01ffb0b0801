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

from kubectl_caps.core.pod import PodTemplate, WindowsOptions
from kubectl_caps.core.podsecurity.standard import Check, Finding, Since, each, finding, on_pod, who

_FIELD = ("securityContext", "windowsOptions", "hostProcess")


def windows_host_process_1_0(template: PodTemplate) -> Finding | None:
    """On the pod or any container."""
    setters = on_pod(_FIELD, _is_host_process(template.spec.security.windows_options))
    setters += each(template, _FIELD, lambda container: _is_host_process(container.security.windows_options))
    if not setters:
        return None
    detail = f"{who(setters)} must not set securityContext.windowsOptions.hostProcess=true"
    return finding("hostProcess", detail, setters)


def _is_host_process(options: WindowsOptions | None) -> bool:
    return options is not None and bool(options.host_process)


CHECK = Check("windowsHostProcess", "baseline", (Since(0, windows_host_process_1_0),))
