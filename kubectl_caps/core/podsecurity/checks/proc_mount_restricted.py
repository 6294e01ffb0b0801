"""/proc must be masked as usual, in a user namespace too.

Fields:
    spec.containers[*].securityContext.procMount
    spec.initContainers[*].securityContext.procMount
    spec.ephemeralContainers[*].securityContext.procMount

Allowed:
    unset, Default (from v1.35)

Passes:
    spec:
      containers:
      - name: web
        securityContext:
          procMount: Default

Fails:
    spec:
      hostUsers: false
      containers:
      - name: web
        securityContext:
          procMount: Unmasked
"""

from kubectl_caps.core.podsecurity.checks.check import Check, Revision
from kubectl_caps.core.podsecurity.checks.proc_mount import proc_mount_1_0

CHECK = Check("procMount_restricted", "restricted", (Revision(35, proc_mount_1_0, ("procMount",)),))
