"""How a registry is reached: its address, its certificates, and the files that hold credentials."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kfnb.images.registry.image_repository import RegistryError
from kfnb.images.registry.references import DOCKER_HUB

CERTIFICATE_FOLDERS = ("~/.config/containers/certs.d", "/etc/containers/certs.d", "/etc/docker/certs.d")


@dataclass(frozen=True)
class RegistryAccess:
    """What the user set for a registry, in addition to what Docker's and podman's own files say.

    Parameters
    ----------
    auth_file
        A file of credentials in the form of Docker's ``config.json``, such as a mounted pull secret. It counts before all others.
    ca_file
        Certificates of authorities to trust in addition to those of the system.
    client_certificate, client_key
        What identifies this machine to a registry that asks for it.
    allow_http
        Whether the registry may be talked to without encryption. A registry on this machine always may.
    """

    auth_file: str = ""
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""
    allow_http: bool = False


def api_host(registry: str) -> str:
    """The host of a registry's API. Only that of Docker Hub differs from its name."""
    return "registry-1.docker.io" if registry == DOCKER_HUB else registry


def is_loopback(registry: str) -> bool:
    """Whether a registry is on this machine, so that nobody can listen in between."""
    host = registry.rpartition(":")[0] if not registry.endswith("]") and ":" in registry else registry
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def tls_context(registry: str, access: RegistryAccess) -> ssl.SSLContext:
    """What is trusted, and shown, when talking to a registry. Raises `RegistryError`.

    The folders of certificates are those of Docker and podman. As there, the first one that knows the registry counts.
    """
    authorities = [Path(access.ca_file).expanduser()] if access.ca_file else []
    pairs = (
        [(access.client_certificate, access.client_key or access.client_certificate)]
        if access.client_certificate
        else []
    )
    folders = [Path(f).expanduser() / registry for f in CERTIFICATE_FOLDERS]
    for folder in [f for f in folders if f.is_dir()][:1]:
        authorities += sorted(folder.glob("*.crt"))
        pairs += [(str(c), str(c.with_suffix(".key"))) for c in sorted(folder.glob("*.cert"))]
    context = ssl.create_default_context()
    for file in authorities:
        with _naming(str(file)):
            context.load_verify_locations(cafile=str(file))
    for certificate, key in pairs[:1]:
        with _naming(certificate):
            context.load_cert_chain(os.path.expanduser(certificate), os.path.expanduser(key), "")
    return context


@contextmanager
def _naming(file: str) -> Iterator[None]:
    """Name the file in the error when a certificate cannot be used."""
    try:
        yield
    except FileNotFoundError:
        raise RegistryError("unreachable", f"the certificate {file} is not there, or its key is not") from None
    except ssl.SSLError:
        raise RegistryError("unreachable", f"the certificate {file} is none, or its key is another's") from None
    except OSError as error:
        raise RegistryError("unreachable", f"the certificate {file} cannot be read: {error.strerror}") from None
