"""etcd, kube-apiserver and kube-controller-manager: the API tier."""

from collections.abc import Sequence
from pathlib import Path

from testbed.api import Api
from testbed.place import Place
from testbed.processes import Processes


def start(place: Place, processes: Processes, folder: Path, flags: Sequence[str] = ()) -> Api:
    """Starts the programs in `folder`; returns when a namespace has its service account, so that pods are admitted."""
    _start_etcd(place, processes, folder)
    managed = (folder / "kube-controller-manager").exists()
    # Envtest's assets have no controller manager: nobody would make the account that this plugin asks for.
    extra = [] if managed else ["--disable-admission-plugins=ServiceAccount"]
    _start_apiserver(place, processes, folder, [*extra, *flags])
    api = Api(place)
    processes.wait_until("the API server", lambda: api.get("/readyz") is not None)
    if managed:
        _start_controller_manager(place, processes, folder)
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        processes.wait_until("the controller manager", lambda: api.get(account) is not None)
    return api


def _start_etcd(place: Place, processes: Processes, folder: Path) -> None:
    command = [
        f"{folder}/etcd",
        f"--data-dir={place.folder}/etcd",
        f"--listen-client-urls={place.etcd}",
        f"--advertise-client-urls={place.etcd}",
        f"--listen-peer-urls={place.etcd_peers}",
        # Nothing in it is worth a disk's patience.
        "--unsafe-no-fsync",
        "--log-level=error",
    ]
    processes.start("etcd", command, place.folder)


def _start_apiserver(place: Place, processes: Processes, folder: Path, extra: list[str]) -> None:
    pki = place.pki
    command = [
        f"{folder}/kube-apiserver",
        f"--etcd-servers={place.etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={place.port}",
        f"--cert-dir={pki}",
        f"--tls-cert-file={pki}/server.crt",
        f"--tls-private-key-file={pki}/server.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--service-account-key-file={pki}/sa.key",
        f"--service-account-signing-key-file={pki}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        # The node is called localhost: what the server asks of its kubelet stays on loopback.
        "--kubelet-preferred-address-types=Hostname",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/admin.crt",
        f"--kubelet-client-key={pki}/admin.key",
    ]
    processes.start("kube-apiserver", [*command, *extra], place.folder)


def _start_controller_manager(place: Place, processes: Processes, folder: Path) -> None:
    command = [
        f"{folder}/kube-controller-manager",
        f"--kubeconfig={place.kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        f"--service-account-private-key-file={place.pki}/sa.key",
        f"--root-ca-file={place.pki}/ca.crt",
        # All of it as the administrator: an account and a token for each controller cost three seconds.
        "--use-service-account-credentials=false",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]
    processes.start("kube-controller-manager", command, place.folder)
