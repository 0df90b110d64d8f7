"""Files beside notebooks as they are put before the user, and trusted when the user says so."""

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
    """A file, and what trusting it would let it do.

    Parameters
    ----------
    files
        The SHA-256 of files beside it that it names, by their paths.
    trusted
        The user has trusted it as it is now.
    """

    file: ConfigFile
    files: dict[str, str]
    asks: tuple[RequestedAccess, ...]
    trusted: bool

    @property
    def fingerprint(self) -> str:
        """What was shown: with other content it is another."""
        parts = [str(self.file.path), self.file.sha256, sorted(self.files.items())]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def accept(self, store: TrustStore) -> None:
        """Trust it as it was shown."""
        store.add(self.file, self.files)

    def to_json(self) -> dict[str, Any]:
        return {
            "path": str(self.file.path), "fingerprint": self.fingerprint, "trusted": self.trusted,
            "asks": [asdict(a) for a in self.asks],
        }  # fmt: skip


def proposals(notebook: Path | None, store: TrustStore) -> list[Proposal]:
    """The files beside a notebook and above it that want something, the nearest first. Raises `BadTarget`."""
    all_proposals = (proposal_of(f, store) for f in config_files(notebook) if not f.own)
    return [p for p in all_proposals if p.asks]


def proposal_at(path: Path, store: TrustStore) -> Proposal:
    """One file. Raises `BadTarget`."""
    return proposal_of(config_file(path), store)


def proposal_of(file: ConfigFile, store: TrustStore) -> Proposal:
    files = hashes_beside(file)
    return Proposal(file, files, tuple(access_of_file(file)), store.of(file) is not None)
