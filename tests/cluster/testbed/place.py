"""Where one cluster lives: its folder, its ports, and the few paths in it that others need."""

import json
from dataclasses import dataclass
from pathlib import Path

from testbed.ports import subnet_of


@dataclass(frozen=True)
class Place:
    """A cluster's folder and the first of its four ports."""

    folder: Path
    port: int

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def gateway(self) -> str:
        """This machine's address as the pods see it: what the bridge plugin takes, the first of the subnet."""
        return str(subnet_of(self.port)[1])

    @property
    def etcd(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def etcd_peers(self) -> str:
        return f"http://127.0.0.1:{self.port + 2}"

    @property
    def kubelet_port(self) -> int:
        return self.port + 3

    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    @property
    def kubeconfig(self) -> Path:
        """For the administrator."""
        return self.folder / "admin.conf"

    @property
    def containerd(self) -> Path:
        """containerd's socket."""
        return self.folder / "containerd.sock"

    def write_kubeconfig(self) -> None:
        """Writes `kubeconfig`. JSON is YAML, too."""
        pki = self.pki
        user = {"client-certificate": f"{pki}/admin.crt", "client-key": f"{pki}/admin.key"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "test", "cluster": {"server": self.server, "certificate-authority": f"{pki}/ca.crt"}}
            ],
            "users": [{"name": "admin", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }
        self.kubeconfig.write_text(json.dumps(config, indent=2))
