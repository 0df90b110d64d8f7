"""The command ``trust``: it lets a ``kfnb.toml`` that came with notebooks name servers and credentials."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from kfnb.cli.command_helpers import FAILED, OK, as_json, cluster_errors, emit, refuse

if TYPE_CHECKING:
    from kfnb.engines.cluster.trust.trust_proposals import Proposal
    from kfnb.engines.cluster.trust.trusted_files import TrustStore


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False, metavar="[FILE|NOTEBOOK]")
@click.option(
    "--list", "listing", is_flag=True, help="List what you have trusted, and whether it still is what it was."
)
@click.option("--remove", is_flag=True, help="Trust it no longer.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask in a terminal.")
@as_json
def trust(path: Path | None, listing: bool, remove: bool, yes: bool, as_json: bool) -> None:
    """Trust FILE, a kfnb.toml, or those that NOTEBOOK (or this folder) would use, after showing what they would do.

    A file in your own configuration folder needs no trust. One that came with a notebook says what steps are, but not
    whom to talk to and with which credentials, until you have looked at it. When it changes, you are asked again.
    """
    from kfnb.engines.cluster.trust.trusted_files import TrustStore

    store = TrustStore()
    with cluster_errors(as_json):
        if listing:
            list_trusted(store, as_json)
        if remove and path is not None and not path.exists():
            remove_trust([path.parent.resolve() / path.name], store, as_json)
        waiting = proposals_at(path, store, as_json)
        if remove:
            remove_trust([p.file.path for p in waiting], store, as_json)
        trust_shown(waiting, store, yes, as_json)


def proposals_at(path: Path | None, store: TrustStore, as_json: bool) -> list[Proposal]:
    """The files that the command line is about."""
    from kfnb.engines.cluster.targets.config_files import NAME, own_paths
    from kfnb.engines.cluster.trust.trust_proposals import proposal_at, proposals

    if path is None or path.is_dir():
        path = (path or Path()) / "notebook.ipynb"  # no notebook in particular: what one there would use
    elif not path.exists():
        refuse(f"there is no {path}", as_json)
    elif path.suffix == ".toml":
        if path.name != NAME:
            refuse(f"{path} is not read by kfnb: only {NAME} is", as_json)
        if path.resolve() in {p.resolve() for p in own_paths()}:
            refuse(f"{path} is your own configuration: it needs no trust", as_json)
        return [proposal_at(path, store)]
    waiting = proposals(path, store)
    if not waiting:
        refuse(f"no {NAME} beside {path.parent.absolute()} or above it asks for anything that needs trust", as_json)
    return waiting


def trust_shown(waiting: list[Proposal], store: TrustStore, yes: bool, as_json: bool) -> NoReturn:
    """Show what each file would do, and trust it."""
    accepted: list[Proposal] = []
    for proposal in waiting:
        if not as_json:
            show(proposal)
        if proposal.trusted or not proposal.asks:
            continue
        if not as_json and not yes and sys.stdin.isatty() and not click.confirm("Trust it?"):
            continue
        proposal.accept(store)
        accepted.append(proposal)
        if not as_json:
            click.echo(f"trusted: {proposal.file.path}")
    if as_json:
        emit({"trusted": [p.to_json() | {"trusted": True} for p in accepted]})
    sys.exit(OK if all(p.trusted or not p.asks or p in accepted for p in waiting) else FAILED)


def show(proposal: Proposal) -> None:
    """What a file would do, target by target."""
    state = " (you trust it already)" if proposal.trusted else ""
    click.echo(f"{proposal.file.path}{state}")
    if not proposal.asks:
        click.echo("  says only what concerns steps, which needs no trust")
    last = None
    for ask in proposal.asks:
        if ask.target != last:
            last = ask.target
            click.echo(f"  target {ask.target}")
        click.echo(f"    {ask.text}")
    for path in proposal.files:
        click.echo(f"  trusted with it, as it is now: {path}")


def remove_trust(files: list[Path], store: TrustStore, as_json: bool) -> NoReturn:
    removed = [str(f) for f in files if store.remove(f)]
    if as_json:
        emit({"removed": removed})
    for path in removed if not as_json else ():
        click.echo(f"no longer trusted: {path}")
    if not removed and not as_json:
        click.echo("it was not trusted")
    sys.exit(OK)


def list_trusted(store: TrustStore, as_json: bool) -> NoReturn:
    from kfnb.engines.cluster.clients.cluster_errors import BadTarget
    from kfnb.engines.cluster.targets.config_files import config_file

    entries = []
    for entry in store.all():
        try:
            state = "trusted" if store.of(config_file(Path(entry.path))) is not None else "changed since"
        except BadTarget:
            state = "gone"
        entries.append({"path": entry.path, "state": state, "time": entry.time})
        if not as_json:
            since = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.time))
            click.echo(f"{state:13}  {since}  {entry.path}")
    if as_json:
        emit(entries)
    elif not entries:
        click.echo("you have trusted no file yet")
    sys.exit(OK)
