"""One TLS context for all connections to a server, loaded once; it verifies as Go does."""

import ssl
from typing import Any

from kubectl_caps.errors import ConfigError


def tls_context(configuration: Any, user: str) -> ssl.SSLContext:
    """The context for a kubernetes client's Configuration: its authorities (or the system's), its client certificate.

    Raises ConfigError where one of the files cannot be used.
    """
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if configuration.verify_ssl else ssl.CERT_NONE)
    # To Go every listed certificate is an anchor, also one without key identifiers, as many clusters' own authorities
    # are. Python 3.13 would refuse those (kubernetes-client/python issue 2394).
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        if configuration.ssl_ca_cert:
            context.load_verify_locations(configuration.ssl_ca_cert)
        elif configuration.verify_ssl:
            context.load_default_certs()
    except ssl.SSLError as error:
        raise ConfigError("unable to load root certificates: unable to parse bytes as PEM block") from error
    try:
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(f"tls: the client certificate and key of {user} cannot be used: {_plain(error)}") from error
    return context


def _no_password() -> str:
    """Else OpenSSL would ask on the terminal."""
    raise ValueError("the key is encrypted, which kubectl does not support either")


def _plain(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return " ".join(str(error).split())
