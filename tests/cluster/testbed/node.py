"""containerd, runc, the scheduler and a kubelet: the node tier. Root only.

containerd and kubelet run in a pid and a mount namespace of their own, with /run, /var/lib, /var/log and a few kernel
settings covered. So every container and every mount ends with the first process of that namespace, and nothing of this
machine is written outside the cluster's folder. What remains is a cgroup and a bridge with the cluster's port in their
names: `clean` takes them.
"""

import json
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from testbed import build, images, needs
from testbed.api import Api
from testbed.place import Place
from testbed.processes import Processes

NAME = "localhost"
"""The node. The API server reaches a kubelet by this name."""

PAUSE = "docker.io/local/pause:1"
_CGROUPS = Path("/sys/fs/cgroup")

_SYSCTLS = {
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxbytes": 25000000,
    "kernel/keys/root_maxkeys": 1000000,
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
}
"""What a kubelet sets on its machine (Kubernetes' pkg/util/sysctl). It shall find it done."""

_INIT = """
set -e
for folder in /run /var/lib /var/log; do mount -t tmpfs none $folder; done
(cd sysctl; find * -type f) | while read setting; do mount --bind sysctl/$setting /proc/sys/$setting; done
snapshots=containerd/root/io.containerd.snapshotter.v1.$SNAPSHOTTER
mkdir -p $snapshots; touch $snapshots/metadata.db /run/snapshots.db
mount --bind /run/snapshots.db $snapshots/metadata.db
containerd --config containerd.toml > log/containerd.log 2>&1 &
until [ -S containerd.sock ]; do sleep 0.05; done
kubelet --config kubelet.json --kubeconfig admin.conf --hostname-override localhost --root-dir "$PWD/kubelet" \
  > log/kubelet.log 2>&1 &
wait
"""


def start(place: Place, processes: Processes, subnet: str) -> None:
    """Starts the node beside a control plane that may still be coming up. `await_ready` is the other half."""
    _write_files(place, subnet)
    for folder in _cgroup_folders(place):
        folder.mkdir()
    path = f"{build.CONTAINERD.folder}:{build.KUBERNETES.folder}:{os.environ['PATH']}:/usr/sbin:/sbin"
    environment = {"PATH": path, "SNAPSHOTTER": needs.snapshotter(place.folder)}
    processes.start("node", [*needs.ISOLATED, "sh", "-c", _INIT], place.folder, environment)


def await_ready(place: Place, processes: Processes, api: Api) -> None:
    """Returns when the node is Ready and has the image that every pod needs."""
    scheduler = f"{build.KUBERNETES.folder}/kube-scheduler"
    arguments = [f"--kubeconfig={place.kubeconfig}", "--leader-elect=false", "--secure-port=0"]
    processes.start("kube-scheduler", [scheduler, *arguments], place.folder)
    processes.wait_until("containerd", place.containerd.exists)
    images.load(place, PAUSE, images.Image(command=("/bin/sleep", "2147483647")))
    processes.wait_until("the node", lambda: _is_ready(api.get(f"/api/v1/nodes/{NAME}")))


def clean(place: Place) -> None:
    """Removes what a namespace's end leaves behind: the bridge and the cgroups."""
    subprocess.run([needs.find("ip") or "ip", "link", "delete", _bridge(place)], capture_output=True)
    for _ in range(50):
        for folder in _cgroup_folders(place):
            for group, _, _ in os.walk(folder, topdown=False):
                with suppress(OSError):
                    Path(group).rmdir()
        if not any(folder.exists() for folder in _cgroup_folders(place)):
            return
        time.sleep(0.1)  # a killed process leaves its cgroup a moment later


def _is_ready(node: object) -> bool:
    conditions = node["status"].get("conditions", []) if isinstance(node, dict) else []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _bridge(place: Place) -> str:
    return f"caps{place.port}"


def _cgroup_folders(place: Place) -> list[Path]:
    """A cgroup root of its own, in every hierarchy of version 1: kubelets that share one end each other's pods."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS / _bridge(place)]
    return [mount / _bridge(place) for mount in _CGROUPS.iterdir() if mount.is_dir() and not mount.is_symlink()]


def _write_files(place: Place, subnet: str) -> None:
    for name, text in {
        "cni/10-bridge.conflist": json.dumps(_network(place, subnet)),
        "registries/_default/hosts.toml": _NO_REGISTRY,
        "containerd.toml": _CONTAINERD.format(
            folder=place.folder,
            pause=PAUSE,
            cni=needs.CNI_PLUGINS,
            snapshotter=needs.snapshotter(place.folder),
        ),
        "kubelet.json": json.dumps(_kubelet(place)),
        **{f"sysctl/{name}": f"{value}\n" for name, value in _SYSCTLS.items()},
    }.items():
        file = place.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _network(place: Place, subnet: str) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "dataDir": f"{place.folder}/addresses",
        "ranges": [[{"subnet": subnet}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": _bridge(place), "isGateway": True, "ipMasq": False, "ipam": addresses}
    return {"cniVersion": "1.0.0", "name": "bridge", "plugins": [bridge, {"type": "loopback"}]}


def _kubelet(place: Place) -> dict[str, object]:
    pki = place.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "port": place.kubelet_port,
        "healthzPort": 0,
        "tlsCertFile": f"{pki}/server.crt",
        "tlsPrivateKeyFile": f"{pki}/server.key",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{place.containerd}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{_bridge(place)}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": False,
        "maxPods": 250,  # all test files of a session share the node
        "evictionHard": {"memory.available": "1Mi", "nodefs.available": "1%"},
        "makeIPTablesUtilChains": False,
        "podLogsDir": f"{place.folder}/pods",
        "volumePluginDir": f"{place.folder}/volume-plugins",
        "resolvConf": "",
        "clusterDNS": ["10.0.0.10"],
    }


_NO_REGISTRY = """# Images are imported. One that is not there fails at once and is never looked for outside.
server = "http://127.0.0.1:9"
[host."http://127.0.0.1:9"]
capabilities = ["pull", "resolve"]
"""

# restrict_oom_score_adj: there may be no CAP_SYS_RESOURCE. no_sync, and the snapshotter's database in memory: nothing
# in them is worth a disk's patience, of which each container takes a lot.
_CONTAINERD = """version = 3
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
address = "{folder}/containerd.sock"
[plugins.'io.containerd.metadata.v1.bolt']
no_sync = true
[plugins.'io.containerd.internal.v1.opt']
path = "{folder}/containerd/opt"
[plugins.'io.containerd.cri.v1.images']
snapshotter = "{snapshotter}"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{pause}"
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = "{folder}/registries"
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["{cni}"]
conf_dir = "{folder}/cni"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
snapshotter = "{snapshotter}"
"""
