"""Proposals to trust a file beside notebooks: the user sees the access that the file requests, and may accept it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.targets.config_files import ConfigFile, config_file, config_files
from kfnb.engines.cluster.trust.requested_access import RequestedAccess, access_of_file, hashes_beside
from kfnb.engines.cluster.trust.trusted_files import TrustStore


@dataclass(frozen=True)
class Proposal:
    """A file that the user may trust, and the access that it would get.

    Parameters
    ----------
    files
        The SHA-256 of the files beside it that it names, by their paths.
    trusted
        Whether the user has trusted the file with its current content.
    """

    file: ConfigFile
    files: dict[str, str]
    asks: tuple[RequestedAccess, ...]
    trusted: bool

    @property
    def fingerprint(self) -> str:
        """A hash of everything that the user was shown. It changes when the content of a file changes."""
        parts = [str(self.file.path), self.file.sha256, sorted(self.files.items())]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def accept(self, store: TrustStore) -> None:
        """Trust the file with the content that the user was shown."""
        store.add(self.file, self.files)

    def to_json(self) -> dict[str, Any]:
        return {
            "path": str(self.file.path), "fingerprint": self.fingerprint, "trusted": self.trusted,
            "asks": [asdict(a) for a in self.asks],
        }  # fmt: skip


def proposals(notebook: Path | None, store: TrustStore) -> list[Proposal]:
    """The files beside a notebook and above it that request access, the nearest first. Raises `BadTarget`."""
    all_proposals = (proposal_of(f, store) for f in config_files(notebook) if not f.own)
    return [p for p in all_proposals if p.asks]


def proposal_at(path: Path, store: TrustStore) -> Proposal:
    """The proposal to trust one file. Raises `BadTarget` when it cannot be read."""
    return proposal_of(config_file(path), store)


def proposal_of(file: ConfigFile, store: TrustStore) -> Proposal:
    files = hashes_beside(file)
    return Proposal(file, files, tuple(access_of_file(file)), store.of(file) is not None)
