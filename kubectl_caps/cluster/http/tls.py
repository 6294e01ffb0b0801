"""Makes the TLS context for all connections to a server. The context verifies certificates as Go does."""

import os
import ssl
import tempfile
from pathlib import Path

from kubectl_caps.cluster.config.connection import Identity, Trust
from kubectl_caps.cluster.http.credentials import Credential
from kubectl_caps.cluster.http.request_limit import LimitedTLSSocket
from kubectl_caps.errors import ConfigError


def tls_context(trust: Trust, identity: Identity, credential: Credential) -> ssl.SSLContext:
    """The context with the kubeconfig's or the system's authorities, and the kubeconfig's or a plugin's certificate.

    Raises ConfigError for authorities, a client certificate or a key that cannot be used. The kubernetes client makes
    no context, because it would leave certificate and key in temporary files until the end of the process.
    """
    context = _new_context(trust.insecure)
    context.sslsocket_class = LimitedTLSSocket
    _settle_protocols(context)
    # Go trusts every listed certificate, also without key identifiers. The authorities of many clusters have none, and
    # Python 3.13 refuses them by default (kubernetes-client/python issue 2394).
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        _load_authorities(context, trust)
    except (OSError, ValueError) as error:
        raise ConfigError("unable to load root certificates: unable to parse bytes as PEM block") from error
    try:
        _load_client(context, identity, credential)
    except (OSError, ValueError) as error:
        words = f"the client certificate and key of {identity.user} cannot be used: {_plain(error)}"
        raise ConfigError(f"tls: {words}") from error
    return context


def _new_context(insecure: bool) -> ssl.SSLContext:
    """A context with the settings of urllib3's `create_urllib3_context`. Completion has no time to load urllib3."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    context.post_handshake_auth = True
    context.hostname_checks_common_name = False
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if key_log := os.environ.get("SSLKEYLOGFILE"):
        context.keylog_filename = os.path.expandvars(key_log)
    return context


def _settle_protocols(context: ssl.SSLContext) -> None:
    """Set the ALPN protocols once, and ignore every later call that sets them.

    urllib3 sets the protocols for every connection, which frees the old list. CPython releases the GIL in SSL_new, so
    another thread may copy the list at that moment. Its ClientHello then holds freed memory, and the server answers
    with "decode error" (9 in 178,000 handshakes of 8 threads, CPython 3.11).
    """
    context.set_alpn_protocols(["http/1.1"])
    context.set_alpn_protocols = lambda alpn_protocols: None  # type: ignore[method-assign]


def _load_authorities(context: ssl.SSLContext, trust: Trust) -> None:
    if trust.authority_data:
        context.load_verify_locations(cadata=trust.authority_data.decode("ascii", "ignore"))
    elif trust.authority:
        context.load_verify_locations(trust.authority)
    elif not trust.insecure:
        context.load_default_certs()


def _load_client(context: ssl.SSLContext, identity: Identity, credential: Credential) -> None:
    own = identity.has_certificate
    certificate, key = (
        (identity.certificate_data, identity.key_data) if own else (credential.certificate, credential.key)
    )
    if not own and not certificate:
        return
    # OpenSSL reads certificate and key only from files. These are private, and deleted before any request is sent.
    with tempfile.TemporaryDirectory(prefix="kubectl-caps-") as folder:
        paths = [Path(folder, "certificate"), Path(folder, "key")]
        for path, data in zip(paths, (certificate, key), strict=True):
            path.write_bytes(data)
        cert_file = paths[0] if certificate else identity.certificate
        key_file = paths[1] if key else identity.key
        context.load_cert_chain(cert_file, key_file, password=_no_password)


def _no_password() -> str:
    """Raise ValueError for an encrypted key. Without a callback OpenSSL would ask for the password on the terminal."""
    raise ValueError("the key is encrypted, which kubectl does not support either")


def _plain(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return " ".join(str(error).split())
