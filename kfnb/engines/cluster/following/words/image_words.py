"""Why an image cannot be pulled. The words of the kubelet come from the container runtime and from the registry, and differ by both."""

from __future__ import annotations

import re

#: The reasons of a waiting container that concern its image (kubernetes `pkg/kubelet/images/types.go`).
IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
DENIED = re.compile(
    r"401|403|unauthori[sz]ed|authentication required|no basic auth|forbidden|access denied|denied:", re.I
)
ABSENT = re.compile(r"not found|manifest unknown|name unknown|does not exist|no such manifest|404", re.I)
UNREACHABLE = re.compile(
    r"no such host|connection refused|i/o timeout|TLS handshake|x509|server misbehaving|unreachable|deadline exceeded"
    r"|Temporary failure|connection reset|http: server gave HTTP",
    re.I,
)
LAYERS = re.compile(r"^(?:rpc error: code = \w+ desc = |failed to pull and unpack image \"[^\"]*\": |failed to resolve reference \"[^\"]*\": |Failed to pull image \"[^\"]*\": |Back-off pulling image \"[^\"]*\": |ErrImagePull: |ImagePullBackOff: )+")  # fmt: skip
MOST = 300  #: characters of somebody else's words in a message


def image_words(image: str, reason: str, message: str) -> str:
    """Why the image of a container is not there, and what to do.

    Parameters
    ----------
    reason, message
        The state of the container, or an event of its pod.
    """
    cause = own_words(LAYERS.sub("", message))
    name = f"`{image}`" if image else "its image"
    if reason == "InvalidImageName":
        return f"{name} is not the name of an image: correct the mark `image` or `image` in the target"
    if reason == "ErrImageNeverPull":
        return f"the image {name} is not on the node, and the pod may not pull it"
    said = f" ({cause})" if cause else ""
    if UNREACHABLE.search(cause):
        return f"the image {name} cannot be pulled, because the node does not reach its registry{said}"
    if DENIED.search(cause):
        secret = "name a secret with `pull_secrets` in the target, or check the image's name"
        return f"the image {name} cannot be pulled, because its registry refuses it without credentials{said}: {secret}"
    if ABSENT.search(cause):
        return f"the image {name} does not exist{said}: correct the mark `image` or `image` in the target"
    return f"the image {name} cannot be pulled{said}"


def own_words(text: str) -> str:
    """Somebody else's words, in one line and not too long."""
    line = " ".join(text.split())
    return line if len(line) <= MOST else f"{line[: MOST - 1]}…"
