"""Keys and certificates for one cluster, by openssl: an authority, the server, the administrator, the tokens' key."""

import subprocess
from pathlib import Path

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
_DAYS = ["-days", "30"]
# `localhost` is what the node is called, so that exec and logs stay on loopback; the rest is what pods use.
_NAMES = "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.0.0.1"


def make(folder: Path, gateway: str) -> None:
    """Fills `folder` with {ca,server,admin}.{key,crt} and sa.key. Pods may reach the server at `gateway`."""
    folder.mkdir(parents=True, mode=0o700)
    _openssl(folder, "req", "-x509", *_KEY, *_DAYS, "-subj", "/CN=test-ca", "-keyout", "ca.key", "-out", "ca.crt")
    _openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sa.key")
    _sign(folder, "server", "/CN=kube-apiserver", f"subjectAltName={_NAMES},IP:{gateway}")
    _sign(folder, "admin", "/O=system:masters/CN=admin")


def _sign(folder: Path, name: str, subject: str, extension: str = "") -> None:
    _openssl(folder, "req", *_KEY, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
    Path(folder, f"{name}.ext").write_text(f"extendedKeyUsage=serverAuth,clientAuth\n{extension}\n")
    authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"]
    files = ["-in", f"{name}.csr", "-out", f"{name}.crt", "-extfile", f"{name}.ext"]
    _openssl(folder, "x509", "-req", *authority, *_DAYS, *files)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
