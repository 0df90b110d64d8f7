"""What tests do that use a `kfnb.toml` beside their notebook."""

from __future__ import annotations

from pathlib import Path

from kfnb.engines.cluster.trust.trust_proposals import proposal_at
from kfnb.engines.cluster.trust.trusted_files import TrustStore


def trust(folder: Path, home: Path | None = None) -> None:
    """Trust the file in a folder, as `kfnb trust` does; ``home``: where the record of runs is, else where the environment says."""
    store = TrustStore(home / "trust" if home is not None else None)
    proposal_at(folder / "kfnb.toml", store).accept(store)
