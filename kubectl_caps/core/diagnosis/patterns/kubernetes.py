"""Messages of Kubernetes, container runtimes and security modules about a container that does not run.

Texts: k8s.io/kubernetes pkg/kubelet, pkg/scheduler and plugin/pkg/admission, runc, crun, CRI-O and moby. The texts of
Kubernetes 1.37 with containerd 2.2.5 and runc 1.1.5 were seen on a real node.
"""

from kubectl_caps.core.diagnosis.patterns.pattern import (
    DESCRIBE,
    EPERM,
    INSPECT,
    LOGS,
    MOUNTS,
    SECCOMP,
    LogPattern,
    not_a_capability,
)

_USER = "kubectl caps harden WORKLOAD -n NAMESPACE --profile restricted --run-as-user UID"
_QUOTA = "kubectl describe quota,limitrange -n NAMESPACE"
_ESCALATION = "kubectl caps harden WORKLOAD -n NAMESPACE --allow-privilege-escalation=keep"

# fmt: off
PLATFORM: tuple[LogPattern, ...] = (
    # settings of the pod
    not_a_capability("setting", "runAsNonRoot", r"container has runAsNonRoot and image will run as root",
              "the image's user is root: name another one in runAsUser", _USER,
              setting="runAsUser"),
    not_a_capability("setting", "runAsNonRoot", r"container has runAsNonRoot and image has non-numeric user",
              "the image names its user: give that user's number in runAsUser", _USER,
              setting="runAsUser"),
    not_a_capability("setting", "runAsNonRoot", r"container's runAsUser breaks non-root policy",
              "runAsUser is 0: name another user", _USER),
    not_a_capability("setting", "Pod Security", r"violates PodSecurity \"",
              "the namespace enforces a level that this pod violates", INSPECT),
    not_a_capability("setting", "OpenShift",
              r"unable to validate against any (?:security context constraint|pod security policy)",
              "no policy that this service account may use allows the pod", DESCRIBE),
    not_a_capability("setting", "capabilities", r"(?:unknown|invalid) capability:? [\"`]?(?i:CAP_)",
              "a name in capabilities is misspelt; this runtime refuses it", INSPECT),
    not_a_capability("setting", "capabilities",
              rf"unable to apply caps: {EPERM}|capability not supported by your kernel",
              "the node itself lacks a capability that the container asks for", INSPECT),
    not_a_capability("setting", "privileged", r"no privileged container allowed in sandbox",
              "the pod was created without privileged containers", INSPECT),
    not_a_capability("setting", "allowPrivilegeEscalation", r"cannot set `allowPrivilegeEscalation` to false and ",
              "allowPrivilegeEscalation: false is not allowed beside privileged or CAP_SYS_ADMIN", INSPECT),
    # images, quotas, nodes, volumes, permissions of the API
    not_a_capability("other", "image", r"ErrImage(?:Never)?Pull|ImagePullBackOff|Failed to pull image|InvalidImageName",
              "the image cannot be pulled", DESCRIBE),
    not_a_capability("other", "quota", r"ed quota: ", "the namespace's ResourceQuota refuses the pod", _QUOTA),
    not_a_capability("other", "limits",
              r"(?:minimum|maximum) (?:cpu|memory|ephemeral-storage) usage per (?:Container|Pod) is",
              "the namespace's LimitRange refuses the pod", _QUOTA),
    not_a_capability("other", "scheduler", r"\d{1,6}/\d{1,6} nodes are available: ", "no node can run the pod",
              DESCRIBE),
    not_a_capability("other", "memory", r"OOMKilled|OOM-killed", "the container used more memory than its limit",
              "kubectl set resources WORKLOAD -n NAMESPACE -c CONTAINER --limits=memory=SIZE"),
    not_a_capability("other", "node", r"node was low on resource|Evicted\b", "the node ran out of a resource",
              DESCRIBE),
    not_a_capability("other", "configuration", r"(?:configmap|secret|persistentvolumeclaim) \"[^\"]{1,253}\" not found",
              "a volume or an environment variable of the container needs the object",
              "kubectl get configmap,secret,persistentvolumeclaim -n NAMESPACE"),
    not_a_capability("other", "volumes",
              r"MountVolume\.\S{1,40} failed for volume|Unable to attach or mount volumes|FailedAttachVolume|"
              r"mount\.nfs: access denied by server",
              "a volume cannot be mounted", DESCRIBE),
    not_a_capability("other", "admission", r"admission webhook \"[^\"]{1,253}\" denied the request",
              "an admission webhook of the cluster refuses the pod", DESCRIBE),
    not_a_capability("other", "RBAC", r" is forbidden: User \"",
              "the API server refused the request: a Role or RoleBinding is missing",
              "kubectl auth can-i --list -n NAMESPACE --as USER"),
    # missing programs, and containers that exit or do not answer
    not_a_capability("other", "command",
              r"executable file not found in \$PATH|exec: \"[^\"]{1,255}\": stat [^\n]{1,255}: no such file",
              "the program is not in the image",
              "kubectl get WORKLOAD -n NAMESPACE -o jsonpath='{..command}'"),
    not_a_capability("other", "probe", r" probe (?:failed|errored)",
              "the probe fails: the program does not listen there, or does not listen yet", LOGS, "likely", vague=True),
    not_a_capability("setting", "seccomp", r"exited with code 159\b|\(SIGSYS\)",
              "the seccomp profile killed the program (SIGSYS)", SECCOMP, "likely", setting="seccompProfile"),
    not_a_capability("other", "status", r"exited with code 127\b",
              "a shell exits with 127 if it does not find a program; setpriv exits with 127 after any failure", LOGS,
              "likely", vague=True),
    not_a_capability("other", "status", r"exited with code 126\b",
              "a program may not be executed: its mode, a volume without exec, or file capabilities that it lacks",
              LOGS, "likely", vague=True),
    not_a_capability("other", "crash", r"exited with code 139\b", "the program crashed (SIGSEGV)", LOGS, "likely",
              vague=True),
)

SETTINGS: tuple[LogPattern, ...] = (
    not_a_capability("setting", "sudo", r"sudo: The \"no new privileges\" flag is set",
              "allowPrivilegeEscalation=false keeps sudo from becoming root", _ESCALATION,
              setting="allowPrivilegeEscalation"),
    not_a_capability("setting", "sudo, su", r"sudo: effective uid is not 0|must be suid to work properly",
              "allowPrivilegeEscalation=false keeps setuid programs from becoming root", _ESCALATION,
              setting="allowPrivilegeEscalation"),
    not_a_capability("other", "sysctl", r"sysctl: [^\n]{1,200}: Read-only file system",
              "/proc/sys is read-only in a container: use securityContext.sysctls of the pod",
              "kubectl explain pod.spec.securityContext.sysctls"),
    not_a_capability("setting", "files", r"[Rr]ead-only file system(?!\?)",
              "readOnlyRootFilesystem, or a volume that is mounted read-only: mount a writable volume there", MOUNTS,
              "likely"),
    # security modules
    not_a_capability("setting", "AppArmor", r"apparmor=\"DENIED\"",
              "the AppArmor profile refused the operation; no capability is missing",
              "kubectl get WORKLOAD -n NAMESPACE -o jsonpath='{..appArmorProfile}'"),
    not_a_capability("setting", "SELinux", r"avc:  ?denied  ?\{",
              "SELinux refused the operation; no capability is missing",
              "kubectl get WORKLOAD -n NAMESPACE -o jsonpath='{..seLinuxOptions}'"),
    not_a_capability("setting", "seccomp", r"type=1326 |type=SECCOMP |Bad system call",
              "the seccomp profile refused the system call",
              SECCOMP, setting="seccompProfile"),
    # missing programs, devices, kernel modules, user ids and space
    not_a_capability("other", "exec", r"exec format error", "the program is built for another processor architecture",
              DESCRIBE),
    not_a_capability("other", "exec", r"(?<![\w/])exec:? [^\n:]{1,120}:? no such file or directory",
              "the program, or the interpreter of its first line, is not in the image", DESCRIBE, "likely"),
    not_a_capability("other", "devices", r"/dev/net/tun: No such file|fuse: device not found|/dev/kvm: No such file",
              "the container does not have this device: it needs a device plugin, not a capability", DESCRIBE),
    not_a_capability("other", "modules",
              r"FATAL: Module \S{1,80} not found|Table does not exist \(do you need to insmod\?\)",
              "the node's kernel lacks a module: load it on the node", "kubectl get nodes -o wide", "likely"),
    not_a_capability("setting", "user namespace", r"(?:chown|chgrp|lchown)[^\n]{1,300}: [Ii]nvalid argument",
              "with hostUsers: false only ids below 65536 exist in the pod",
              "kubectl get WORKLOAD -n NAMESPACE -o jsonpath='{..hostUsers}'", "likely"),
    not_a_capability("other", "disk", r"o space left on device|isk quota exceeded", "the disk or volume is full",
              DESCRIBE),
)
# fmt: on
