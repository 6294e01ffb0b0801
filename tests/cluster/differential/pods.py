"""Random pods, biased to what Pod Security reads.

A pod is made of features (capabilities, host ports, AppArmor, ...). In most pods most features are within what
restricted allows, in one of its many ways; the pod's few *hot* features take values that some check may refuse. So
a pod violates none, one, several or many checks. Whatever the API's validation is known to refuse is left out.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from differential import volumes

Json = dict[str, Any]

FEATURES = (
    "appArmor", "appArmorAnnotations", "capabilities", "escalation", "hostNamespaces", "hostPorts", "hostProcess",
    "hosts", "nonRoot", "privileged", "procMount", "seccomp", "seccompAnnotations", "seLinux", "sysctls", "user",
    "volumes",
)  # fmt: skip
_HOT = (0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 5, 9, len(FEATURES))
"""How many features of a pod are hot; each is as likely as the next."""

_CAPABILITIES = (
    "ALL", "AUDIT_WRITE", "BPF", "CAP_CHOWN", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_ADMIN",
    "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_CHROOT", "SYS_PTRACE",
    "SYS_TIME", "all", "chown", "net_bind_service", 'quo"ted', "Ünicode", "back\\slash",
)  # fmt: skip
_SYSCTLS = (
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem", "net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat", "kernel.msgmax",
    "net.core.somaxconn", "fs.mqueue.msg_max", "net/ipv4/tcp_mem",
)  # fmt: skip
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t", 'a"b')
_HOSTS = ("", "127.0.0.1", "localhost", "::1", "example.com", "10.0.0.1", "Zed")
_APP_ARMOR = {"RuntimeDefault": "runtime/default", "Unconfined": "unconfined", "Localhost": "localhost/x"}
_GOOD_APP_ARMOR = ("runtime/default", "localhost/x", "localhost/")
_SECCOMP = {
    "RuntimeDefault": ("runtime/default", "docker/default"),
    "Unconfined": ("unconfined",),
    "Localhost": ("localhost/x",),
}
_GOOD_SECCOMP = ("runtime/default", "docker/default", "localhost/x")
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_APP_ARMOR_PREFIX = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_PREFIX = "container.seccomp.security.alpha.kubernetes.io/"

# What the API refuses in a pod for the other operating system (validateWindows and validateLinux).
_NOT_ON_WINDOWS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "sysctls", "capabilities", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "readOnlyRootFilesystem",
)  # fmt: skip
# With the host's namespace the API refuses that namespace's sysctls.
_SYSCTLS_OF_THE_HOST = (
    ("hostNetwork", "net"), ("hostIPC", "kernel.shm"), ("hostIPC", "kernel.msg"), ("hostIPC", "fs.mqueue"),
)  # fmt: skip


class Maker:
    """Makes one pod."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.hot = set(random.sample(FEATURES, random.choice(_HOT)))
        self.os = random.choice((None, None, None, None, None, "linux", "windows"))
        self.host_process = "hostProcess" in self.hot and self.os != "linux"
        self.host_users = random.choice((None, None, None, True, False))
        if "procMount" in self.hot and random.random() < 0.7:
            self.host_users = False  # or the API refuses it
        if self.host_process:
            self.host_users = None
        self.ports = random.sample(range(1, 65536), 40)
        self.pod_wide = random.random() < 0.7
        """Whether the pod sets what its containers then need not."""

    @classmethod
    def of_guest(cls, random: Random, pod: Json) -> "Maker":
        """A maker of ephemeral containers that go with a pod."""
        maker, spec = cls(random), pod["spec"]
        maker.os = spec.get("os", {}).get("name")
        maker.host_users = spec.get("hostUsers")
        maker.host_process = bool(spec["securityContext"].get("windowsOptions", {}).get("hostProcess"))
        return maker

    def pod(self) -> Json:
        """A pod with a name."""
        names = self.random.sample(("web", "log", "a", "b", "zed", "proxy", "m-1", "x9"), 8)
        count = self.random.choice((1, 1, 2, 3))
        main = [self.container(name) for name in names[:count]]
        init = [self.init_container(name) for name in names[count : count + self.random.choice((0, 0, 1, 2))]]
        spec: Json = {"containers": main, "securityContext": self.pod_security(), **self.host(), **self.volumes()}
        if init:
            spec["initContainers"] = init
        if self.os:
            spec["os"] = {"name": self.os}
        if self.random.random() < 0.3:
            spec["automountServiceAccountToken"] = False
        metadata = {"name": f"p{self.random.randrange(10**9)}", "labels": {"app": "x"}}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        metadata["annotations"] = self.annotations(pod)
        return _possible(pod)

    def ephemeral(self) -> list[Json]:
        """One or two ephemeral containers."""
        names = self.random.sample(("debug", "aa", "zz"), self.random.choice((1, 1, 2)))
        made = [_consistent({"name": name, "image": "x", "securityContext": self.security()}) for name in names]
        if self.os == "windows":
            _without(made, _NOT_ON_WINDOWS)
        return made

    def container(self, name: str) -> Json:
        """A container with everything that one may have."""
        return {
            "name": name,
            "image": "x",
            "securityContext": self.security(),
            "ports": self.container_ports(),
            **self.handlers(),
        }

    def init_container(self, name: str) -> Json:
        """An init container, or a sidecar."""
        if self.random.random() < 0.5:
            return {**self.container(name), "restartPolicy": "Always"}
        container = self.container(name)
        return {key: container[key] for key in ("name", "image", "securityContext", "ports")}

    def is_hot(self, feature: str) -> bool:
        """Whether a hot feature takes a forbidden value here."""
        return feature in self.hot and self.random.random() < 0.6

    def security(self) -> Json:
        """A container's security context; empty at times, absent fields left out."""
        pick = self.random.choice
        context = {
            "allowPrivilegeEscalation": pick((None, True)) if self.is_hot("escalation") else False,
            "privileged": pick((True, True, False)) if self.is_hot("privileged") else pick((None, False)),
            "capabilities": self.capabilities(),
            "procMount": self.proc_mount(),
            "seccompProfile": self.profile("seccomp", pod=False),
            "appArmorProfile": self.profile("appArmor", pod=False),
            "seLinuxOptions": self.se_linux(),
            "runAsUser": 0 if self.is_hot("user") else pick((None, 1, 1000)),
            "runAsNonRoot": self.non_root(pod=False),
            "windowsOptions": self.windows_options(pod=False),
            "readOnlyRootFilesystem": pick((None, True, False)),
        }
        return {key: value for key, value in context.items() if value is not None}

    def pod_security(self) -> Json:
        """A pod's security context."""
        pick = self.random.choice
        context = {
            "seccompProfile": self.profile("seccomp", pod=True),
            "appArmorProfile": self.profile("appArmor", pod=True),
            "seLinuxOptions": self.se_linux(),
            "runAsUser": 0 if self.is_hot("user") else pick((None, 1000)),
            "runAsNonRoot": self.non_root(pod=True),
            "windowsOptions": self.windows_options(pod=True),
            "sysctls": self.sysctls(),
            "fsGroup": pick((None, None, 0)) if self.os != "windows" else None,
        }
        return {key: value for key, value in context.items() if value is not None}

    def capabilities(self) -> Json | None:
        """`drop` and `add` of a container."""
        pick, sample = self.random.choice, self.random.sample
        if not self.is_hot("capabilities"):
            return {"drop": pick((["ALL"], ["KILL", "ALL"])), **pick(({}, {"add": []}, {"add": ["NET_BIND_SERVICE"]}))}
        drop: Json = pick(({}, {"drop": ["ALL"]}, {"drop": ["ALL"]}, {"drop": ["all"]}, {"drop": ["NET_RAW", "KILL"]}))
        return pick((None, {**drop, "add": sample(_CAPABILITIES, pick((0, 1, 1, 2, 5)))}))

    def proc_mount(self) -> str | None:
        """Unmasked only where the API accepts it."""
        if self.host_users is False and self.is_hot("procMount"):
            return "Unmasked"
        return self.random.choice((None, None, "Default"))

    def profile(self, feature: str, *, pod: bool) -> Json | None:
        """A seccomp or an AppArmor profile."""
        local = {"type": "Localhost", "localhostProfile": "x"}
        good = self.random.choice(({"type": "RuntimeDefault"}, {"type": "RuntimeDefault"}, local))
        if self.is_hot(feature):
            return self.random.choice(({"type": "Unconfined"}, {"type": "Unconfined"}, None))
        needed = feature == "seccomp" and pod == self.pod_wide
        return good if needed or self.random.random() < 0.2 else None

    def se_linux(self) -> Json | None:
        """SELinux options."""
        pick = self.random.choice
        if not self.is_hot("seLinux"):
            return pick((None, None, None, {}, {"level": "s0:c1"}, {"type": pick(_SELINUX_TYPES[:4])}))
        options = {"type": pick(_SELINUX_TYPES)}
        for field in ("user", "role"):
            if self.random.random() < 0.3:
                options[field] = pick(("", "u"))
        return options

    def non_root(self, *, pod: bool) -> bool | None:
        """runAsNonRoot."""
        if self.is_hot("nonRoot"):
            return self.random.choice((None, False))
        return True if pod == self.pod_wide or self.random.random() < 0.2 else None

    def windows_options(self, *, pod: bool) -> Json | None:
        """HostProcess is a matter of the whole pod: the API refuses a mixture."""
        if self.os == "linux":
            return None
        if self.host_process:
            return {"hostProcess": True} if pod else self.random.choice((None, None, {"hostProcess": True}))
        return self.random.choice((None, None, None, {}, {"hostProcess": False}, {"runAsUserName": "x"}))

    def sysctls(self) -> list[Json] | None:
        """Safe ones of all versions; hot, any."""
        names = _SYSCTLS if self.is_hot("sysctls") else _SYSCTLS[:5]
        counts = (1, 2, 4, 6) if names is _SYSCTLS else (0, 0, 1, 2)
        chosen = self.random.sample(names, self.random.choice(counts))
        return [{"name": name, "value": "1"} for name in chosen] or None

    def host(self) -> Json:
        """The namespaces that the pod shares with the host."""
        flags: Json = {"hostUsers": self.host_users}
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            flags[name] = self.is_hot("hostNamespaces") or self.random.choice((None, False))
        if self.host_users is False:
            flags.update(hostNetwork=None, hostPID=False, hostIPC=None)
        if self.host_process:
            flags["hostNetwork"] = True
        return {name: value for name, value in flags.items() if value is not None}

    def container_ports(self) -> list[Json]:
        """Ports; those on the host are all different, or the API refuses the pod."""
        ports = []
        for _ in range(self.random.choice((0, 0, 1, 2))):
            port: Json = {"containerPort": self.ports.pop()}
            if self.is_hot("hostPorts"):
                port["hostPort"] = port["containerPort"]
            elif self.random.random() < 0.2:
                port["hostPort"] = 0
            ports.append(port)
        return ports

    def handlers(self) -> Json:
        """Probes and lifecycle handlers."""
        found: Json = {}
        often = 0.5 if "hosts" in self.hot else 0.15
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            if self.random.random() < often:
                found[probe] = self.handler()
        lifecycle = {name: self.handler() for name in ("postStart", "preStop") if self.random.random() < often}
        if lifecycle:
            found["lifecycle"] = lifecycle
        return found

    def handler(self) -> Json:
        """One action."""
        host = {"host": self.random.choice(_HOSTS)} if self.is_hot("hosts") else {}
        return self.random.choice(
            ({"httpGet": {"port": 80, **host}}, {"tcpSocket": {"port": 80, **host}}, {"exec": {"command": ["x"]}})
        )

    def volumes(self) -> Json:
        """Volumes of any type, at times of none."""
        made: list[Json] = []
        counts = (1, 2, 3) if "volumes" in self.hot else (0, 0, 1, 2)
        for name in self.random.sample(("data", "v-a", "v-b", "zz"), self.random.choice(counts)):
            table = volumes.FORBIDDEN if self.is_hot("volumes") else volumes.ALLOWED
            source = "hostPath" if self.random.random() < 0.3 else self.random.choice(list(table))
            source = source if source in table else "emptyDir"
            made.append({"name": name} if self.random.random() < 0.1 else {"name": name, source: table[source]})
        return {"volumes": made} if made else {}

    def annotations(self, pod: Json) -> dict[str, str]:
        """AppArmor and seccomp annotations of containers that exist, and which do not contradict their fields."""
        found = {_SECCOMP_POD: self.seccomp_annotation(pod["spec"])}
        for container in _containers(pod):
            found[_APP_ARMOR_PREFIX + container["name"]] = self.app_armor_annotation(container)
            found[_SECCOMP_PREFIX + container["name"]] = self.seccomp_annotation(container)
        return {key: value for key, value in found.items() if value is not None}

    def app_armor_annotation(self, container: Json) -> str | None:
        """A value, or none."""
        if own := container["securityContext"].get("appArmorProfile"):
            wanted = _APP_ARMOR[own["type"]]
        else:
            wanted = "unconfined" if self.is_hot("appArmorAnnotations") else self.random.choice(_GOOD_APP_ARMOR)
        return wanted if "appArmorAnnotations" in self.hot or self.random.random() < 0.1 else None

    def seccomp_annotation(self, holder: Json) -> str | None:
        """A value, or none."""
        if own := holder["securityContext"].get("seccompProfile"):
            wanted = self.random.choice(_SECCOMP[own["type"]])
        else:
            wanted = "unconfined" if self.is_hot("seccompAnnotations") else self.random.choice(_GOOD_SECCOMP)
        return wanted if "seccompAnnotations" in self.hot or self.random.random() < 0.1 else None


def _containers(pod: Json) -> Sequence[Json]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def _possible(pod: Json) -> Json:
    """Without the combinations of fields that the API's validation refuses."""
    spec = pod["spec"]
    for container in _containers(pod):
        _consistent(container)
        if spec.get("hostNetwork"):
            for port in container["ports"]:
                port.pop("hostPort", None)
    if spec.get("os") == {"name": "windows"}:
        _without([spec, *_containers(pod)], _NOT_ON_WINDOWS)
        for field in ("hostPID", "hostIPC", "hostUsers"):
            spec.pop(field, None)
    theirs = [prefix for flag, prefix in _SYSCTLS_OF_THE_HOST if spec.get(flag)]
    security = spec["securityContext"]
    if "sysctls" in security:
        security["sysctls"] = [item for item in security["sysctls"] if not item["name"].startswith(tuple(theirs))]
    return pod


def _consistent(container: Json) -> Json:
    """A privileged container may escalate, or says nothing of it."""
    context = container["securityContext"]
    if context.get("privileged") and context.get("allowPrivilegeEscalation") is False:
        del context["allowPrivilegeEscalation"]
    return container


def _without(holders: Sequence[Json], fields: Sequence[str]) -> None:
    for holder in holders:
        for field in fields:
            holder["securityContext"].pop(field, None)
