"""What Kubernetes, the container runtime and security modules say of a container that does not run.

Texts: k8s.io/kubernetes pkg/kubelet, pkg/scheduler and plugin/pkg/admission, runc, crun, CRI-O and moby; those of
Kubernetes 1.37 with containerd 2.2.5 and runc 1.1.5 were seen on a real node.
"""

from kubectl_caps.core.linux.symptoms import DESCRIBE, EPERM, INSPECT, LOGS, MOUNTS, Symptom, elsewhere

_USER = "kubectl caps harden WORKLOAD -n NAMESPACE --profile restricted --run-as-user UID"
_QUOTA = "kubectl describe quota,limitrange -n NAMESPACE"
_ESCALATION = "kubectl caps harden WORKLOAD -n NAMESPACE --allow-privilege-escalation=keep"
_SECCOMP = "kubectl get pod POD -n NAMESPACE -o jsonpath='{..seccompProfile}'"

# fmt: off
PLATFORM: tuple[Symptom, ...] = (
    # settings of the pod
    elsewhere("setting", "runAsNonRoot", r"container has runAsNonRoot and image will run as root",
              "the image's user is root: name another one in runAsUser", _USER),
    elsewhere("setting", "runAsNonRoot", r"container has runAsNonRoot and image has non-numeric user",
              "the image names its user: give that user's number in runAsUser", _USER),
    elsewhere("setting", "runAsNonRoot", r"container's runAsUser breaks non-root policy",
              "runAsUser is 0: name another user", _USER),
    elsewhere("setting", "Pod Security", r"violates PodSecurity \"",
              "the namespace enforces a level that this pod violates", INSPECT),
    elsewhere("setting", "OpenShift",
              r"unable to validate against any (?:security context constraint|pod security policy)",
              "no policy that this service account may use allows the pod", DESCRIBE),
    elsewhere("setting", "capabilities", r"(?:unknown|invalid) capability:? [\"`]?(?i:CAP_)",
              "a name in capabilities is misspelt; this runtime refuses it", INSPECT),
    elsewhere("setting", "capabilities", rf"unable to apply caps: {EPERM}|capability not supported by your kernel",
              "the node itself lacks a capability that the container asks for", INSPECT),
    elsewhere("setting", "privileged", r"no privileged container allowed in sandbox",
              "its pod was made without privileged containers", INSPECT),
    elsewhere("setting", "allowPrivilegeEscalation", r"cannot set `allowPrivilegeEscalation` to false and ",
              "privileged and CAP_SYS_ADMIN do not go with allowPrivilegeEscalation: false", INSPECT),
    # what the container needs and does not get
    elsewhere("other", "image", r"ErrImage(?:Never)?Pull|ImagePullBackOff|Failed to pull image|InvalidImageName",
              "the image cannot be pulled", DESCRIBE),
    elsewhere("other", "quota", r"ed quota: ", "the namespace's ResourceQuota refuses it", _QUOTA),
    elsewhere("other", "limits", r"(?:minimum|maximum) (?:cpu|memory|ephemeral-storage) usage per (?:Container|Pod) is",
              "the namespace's LimitRange refuses it", _QUOTA),
    elsewhere("other", "scheduler", r"\d{1,6}/\d{1,6} nodes are available: ", "no node takes the pod", DESCRIBE),
    elsewhere("other", "memory", r"OOMKilled|OOM-killed", "it used more memory than its limit",
              "kubectl set resources WORKLOAD -n NAMESPACE -c CONTAINER --limits=memory=SIZE"),
    elsewhere("other", "node", r"node was low on resource|Evicted\b", "the node ran out of a resource",
              DESCRIBE),
    elsewhere("other", "configuration", r"(?:configmap|secret|persistentvolumeclaim) \"[^\"]{1,253}\" not found",
              "a volume or a variable of the container needs it",
              "kubectl get configmap,secret,persistentvolumeclaim -n NAMESPACE"),
    elsewhere("other", "volumes",
              r"MountVolume\.\S{1,40} failed for volume|Unable to attach or mount volumes|FailedAttachVolume|"
              r"mount\.nfs: access denied by server",
              "a volume cannot be mounted", DESCRIBE),
    elsewhere("other", "admission", r"admission webhook \"[^\"]{1,253}\" denied the request",
              "a policy of the cluster refuses it", DESCRIBE),
    elsewhere("other", "RBAC", r" is forbidden: User \"", "Kubernetes refused it: a Role or RoleBinding is missing",
              "kubectl auth can-i --list -n NAMESPACE --as USER"),
    # programs that are not there, and containers that end or do not answer
    elsewhere("other", "command",
              r"executable file not found in \$PATH|exec: \"[^\"]{1,255}\": stat [^\n]{1,255}: no such file",
              "the program is not in the image",
              "kubectl get pod POD -n NAMESPACE -o jsonpath='{.spec.containers[*].command}'"),
    elsewhere("other", "probe", r" probe (?:failed|errored)",
              "its probe gets no good answer: it does not listen there, or not yet", LOGS, "likely"),
    elsewhere("setting", "seccomp", r"exited with code 159\b|\(SIGSYS\)",
              "the seccomp profile killed it (SIGSYS)", _SECCOMP, "likely"),
    elsewhere("other", "command", r"exited with code 127\b", "a program is not in the image", LOGS, "likely"),
    elsewhere("other", "command", r"exited with code 126\b",
              "a program may not be executed: its mode, a volume without exec, or file capabilities that it lacks",
              LOGS,
              "likely"),
    elsewhere("other", "crash", r"exited with code 139\b", "it crashed (SIGSEGV)", LOGS, "likely"),
)

SETTINGS: tuple[Symptom, ...] = (
    elsewhere("setting", "sudo", r"sudo: The \"no new privileges\" flag is set",
              "allowPrivilegeEscalation=false keeps sudo from becoming root", _ESCALATION),
    elsewhere("setting", "sudo, su", r"sudo: effective uid is not 0|must be suid to work properly",
              "allowPrivilegeEscalation=false keeps setuid programs from becoming root", _ESCALATION),
    elsewhere("other", "sysctl", r"sysctl: [^\n]{1,200}: Read-only file system",
              "/proc/sys is read-only in a container: use securityContext.sysctls of the pod",
              "kubectl explain pod.spec.securityContext.sysctls"),
    elsewhere("setting", "files", r"[Rr]ead-only file system(?!\?)",
              "readOnlyRootFilesystem, or a volume that is mounted read-only: give it a writable volume there", MOUNTS,
              "likely"),
    # security modules
    elsewhere("setting", "AppArmor", r"apparmor=\"DENIED\"",
              "the AppArmor profile refused it, not a missing capability",
              "kubectl get pod POD -n NAMESPACE -o jsonpath='{..appArmorProfile}'"),
    elsewhere("setting", "SELinux", r"avc:  ?denied  ?\{", "SELinux refused it, not a missing capability",
              "kubectl get pod POD -n NAMESPACE -o jsonpath='{..seLinuxOptions}'"),
    elsewhere("setting", "seccomp", r"type=1326 |type=SECCOMP |Bad system call", "the seccomp profile refused it",
              _SECCOMP),
    # what is not there
    elsewhere("other", "exec", r"exec format error", "the program is built for another processor architecture",
              DESCRIBE),
    elsewhere("other", "exec", r"(?<![\w/])exec:? [^\n:]{1,120}:? no such file or directory",
              "the program, or the interpreter of its first line, is not in the image", DESCRIBE, "likely"),
    elsewhere("other", "devices", r"/dev/net/tun: No such file|fuse: device not found|/dev/kvm: No such file",
              "the container does not have this device: it needs a device plugin, not a capability", DESCRIBE),
    elsewhere("other", "modules", r"FATAL: Module \S{1,80} not found|Table does not exist \(do you need to insmod\?\)",
              "the node's kernel lacks a module: load it on the node", "kubectl get nodes -o wide", "likely"),
    elsewhere("setting", "user namespace", r"(?:chown|chgrp|lchown)[^\n]{1,300}: [Ii]nvalid argument",
              "with hostUsers: false only ids below 65536 exist in the pod",
              "kubectl get pod POD -n NAMESPACE -o jsonpath='{.spec.hostUsers}'", "likely"),
    elsewhere("other", "disk", r"o space left on device|isk quota exceeded", "the disk or volume is full",
              DESCRIBE),
)
# fmt: on
