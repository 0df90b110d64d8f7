"""Why a pod has ended, in the user's words. The messages are those of Argo's controller (`workflow/controller/operator.go`) and of the kubelet."""

from __future__ import annotations

import re

from kfnb.engines.cluster.following.words.image_words import own_words
from kfnb.engines.cluster.following.words.refusal_words import refusal_words

EXIT = re.compile(r"^(?:main: )?\w+ \(exit code (\d+)\)(?:: (.*))?$", re.DOTALL)
OTHER = re.compile(r"^(init|wait|supervisor): \w+ \(exit code \d+\)(?:: (.*))?$", re.DOTALL)
EXECUTOR_FAILED = "64"  #: the exit status of a container in which argoexec itself failed
TASK = re.compile(r"^task '[^']*' errored: ", re.DOTALL)
DEADLINES = ("longer than the specified deadline", "Step exceeded its deadline", "exceeded workflow deadline")
#: Argo's message for a pod that was deleted, as one is that waited for its image or for room when the run was stopped. It stays when the pod is
#: made again under the same name.
DELETED = "pod deleted"
SIGNALS = {137: "SIGKILL", 139: "SIGSEGV", 134: "SIGABRT", 143: "SIGTERM"}
LOST = re.compile(
    r"node .* (?:is )?(?:lost|unresponsive)|NodeLost|node status unknown|Node is not ready", re.IGNORECASE
)


def ending_words(message: str) -> str:
    """Why the pod of a step has ended."""
    text = TASK.sub("", message.strip())
    refused = refusal_words(text)
    if refused:
        return refused
    if "OOMKilled" in text:
        return "it used more memory than it may: give it more with the mark `memory`"
    if any(deadline in text for deadline in DEADLINES):
        return "it took longer than its timeout"
    if text.startswith("Pod ephemeral local storage usage exceeds"):
        return f"it wrote more files than it may, so its node evicted it: {own_words(text)}"
    if text.startswith("The node was low on resource") or text.startswith("Pod ephemeral") or "evicted" in text.lower():
        return f"its node evicted it: {own_words(text)}"
    if "imminent node shutdown" in text or "node shutdown" in text:
        return f"its node was shut down: {own_words(text)}"
    if text.startswith(DELETED):
        return "its pod was deleted, by somebody or because its node is gone"
    if LOST.search(text):
        return f"its node is gone: {own_words(text)}"
    found = EXIT.match(text)
    if found is not None and found[1] == EXECUTOR_FAILED and found[2]:
        return f"Argo's part of the pod failed: {own_words(found[2])}"
    if found is not None:
        return _exit_words(int(found[1]), found[2] or "")
    other = OTHER.match(text)
    if other is not None:
        return f"Argo's part of the pod failed: {own_words(other[2] or text)}"
    return own_words(text)


def _exit_words(status: int, message: str) -> str:
    signal = f" ({SIGNALS[status]})" if status in SIGNALS else ""
    said = f": {own_words(message)}" if message.strip() else ""
    return f"it ended with exit status {status}{signal}{said}"
