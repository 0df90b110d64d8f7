"""The packages that each step installs: what the notebook's environment would have given it, in the same versions, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kfnb.images.needs.implied_modules import Need, implied_needs
from kfnb.images.needs.installed_packages import Distribution, InstalledPackages, normalized
from kfnb.images.needs.library_needs import COMPANIONS
from kfnb.images.needs.module_names import package_of_module
from kfnb.images.needs.project_code import project_code, travelling_code
from kfnb.images.needs.step_imports import (
    Reached,
    imports_of,
    reached_from,
    sources_of,
    unread_imports,
)
from kfnb.pipeline.model import Pipeline, Step
from kfnb.requirement_checks import TRAVEL_LIMIT, BadSource, requirement_name


@dataclass(frozen=True)
class StepPackages:
    """The packages of one step.

    Parameters
    ----------
    requirements
        What it installs when it starts, by the top-level module that needs it.
    pins
        What it installs when a module is imported after all, by the module: a value of another step may need it.
    constraints
        The versions of everything that these packages require.
    optional
        Imports that it repeats although it reads none of their names, each with the modules that it needs. The runtime leaves such an
        import out where a module is missing.
    local
        The files of modules beside the notebook, by path.
    reasons
        For each module that no import names, the code that needs it.
    left_out
        For each imported module that is not installed, why.
    files_of
        For each package that a file of the project names, the file and what it asks for.
    conflicts
        For each package of which such a file allows another version than the notebook's environment has, both.
    """

    requirements: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pins: dict[str, tuple[str, ...]] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    optional: dict[str, list[str]] = field(default_factory=dict)
    local: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    files_of: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Code:
    """The code that a step may run, and what its imports reach. ``spare`` are imports of which it reads no name."""

    step: Step
    sources: tuple[str, ...]
    reached: Reached
    spare: dict[str, Reached]


def packages_of(
    pipeline: Pipeline, folder: Path, installed: InstalledPackages, limit: int | None = TRAVEL_LIMIT
) -> dict[str, StepPackages]:
    """The packages of every step, by the step's name. ``limit`` is as for `project_code`."""
    codes = list(_codes(pipeline, folder, installed, limit))
    libraries = {top for code in codes for top in code.reached.tops}
    needs = {code.step.name: implied_needs(code.sources, libraries) for code in codes}
    libraries |= {m.partition(".")[0] for found in needs.values() for n in found for m in _chosen(n, installed)}
    found = [_of_step(code, implied_needs(code.sources, libraries), installed, limit) for code in codes]
    everything = {m: r for one in found for m, r in one.requirements.items()}
    distributions = {m: installed.provider(m) for m in everything}
    required = _required(everything, distributions, installed)
    steps = {}
    for code, one in zip(codes, found, strict=True):
        own = _with_companions(one.requirements, everything)
        given = _required(own, distributions, installed)
        later = {m: r for m, r in required.items() if m not in given}
        pins = {m: r for m, r in (later | everything).items() if m not in own} if code.step.inputs or own else {}
        pins = {
            m: tuple(dict.fromkeys(r for n in _with_companions({m: pins[m]}, pins).values() for r in n)) for m in pins
        }
        names = [d.name for m in (*own, *pins) if (d := distributions.get(m)) is not None]
        constraints = installed.constraints(names) if own or pins else []
        steps[code.step.name] = StepPackages(
            own, pins, tuple(constraints), one.optional, one.local, _reasons(one, own), one.left_out
        )
    return steps


def _reasons(one: StepPackages, own: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Why each module is needed that no import names: also those that change how a library works."""
    libraries = {m: library for library in own for m in COMPANIONS.get(library, ()) if m in own}
    return {m: library for m, library in libraries.items() if m not in one.requirements} | one.reasons


def _required(
    modules: Iterable[str], distributions: dict[str, Distribution | None], installed: InstalledPackages
) -> dict[str, tuple[str, ...]]:
    """The requirements for all modules that the packages of ``modules`` bring with them: a value may be of any of them."""
    names = [d.name for m in modules if (d := distributions[m]) is not None]
    found: dict[str, tuple[str, ...]] = {}
    for distribution in installed.with_required(names):
        try:
            requirement = distribution.requirement
        except BadSource:
            continue
        found.update((top, (requirement,)) for top in distribution.tops if top[0] != "_")
    return {m: found[m] for m in sorted(found)}


def _codes(pipeline: Pipeline, folder: Path, installed: InstalledPackages, limit: int | None) -> Iterator[_Code]:
    spare = unread_imports(pipeline)

    def elsewhere(module: str) -> tuple[dict[str, str], set[str]]:
        return travelling_code(module, installed, limit)

    for step in pipeline.steps():
        sources = [s for s in sources_of(step) if s not in spare[step.name]]
        reached = reached_from({m for s in sources for m in imports_of(s).modules}, folder, elsewhere)
        unread = {s: reached_from(imports_of(s).modules, folder, elsewhere) for s in spare[step.name]}
        code = (text for name, text in reached.files.items() if name.endswith(".py"))
        yield _Code(step, (*sources, *code), reached, unread)


def _of_step(code: _Code, needs: Iterable[Need], installed: InstalledPackages, limit: int | None) -> StepPackages:
    requirements: dict[str, tuple[str, ...]] = {}
    left_out: dict[str, str] = {}
    reasons: dict[str, str] = {}
    tentative = {m for s in code.sources for m in imports_of(s).tentative}
    for module in sorted(code.reached.outside):
        provider, top = installed.provider(module), module.partition(".")[0]
        if provider is None:
            if module not in tentative and not _is_cared_for(code.step, top):
                left_out[top] = "no package of this environment provides it"
            continue
        _add(requirements, left_out, top, provider, limit)
    for need in sorted(needs):
        for module in _chosen(need, installed):
            provider, top = installed.provider(module), module.partition(".")[0]
            if provider is not None and top not in requirements:
                _add(requirements, left_out, top, provider, limit)
                reasons[top] = need.why
    optional = {source: sorted(reached.tops - requirements.keys()) for source, reached in code.spare.items()}
    local = code.reached.files | {n: t for reached in code.spare.values() for n, t in reached.files.items()}
    return StepPackages(requirements, optional=optional, local=local, reasons=reasons, left_out=left_out)


def _add(
    requirements: dict[str, tuple[str, ...]],
    left_out: dict[str, str],
    top: str,
    provider: Distribution,
    limit: int | None,
) -> None:
    try:
        if provider.is_local:
            project_code(provider, top, limit)  # it would have travelled, so this says why it does not
        requirements[top] = tuple(dict.fromkeys((*requirements.get(top, ()), provider.requirement)))
    except BadSource as error:
        left_out[top] = str(error)


def _is_cared_for(step: Step, module: str) -> bool:
    """Whether the user has seen to a module: an image was chosen for the step, or a mark names a package like it."""
    named = {requirement_name(r) for r in step.settings.packages}
    return step.settings.image is not None or not named.isdisjoint((normalized(module), package_of_module(module)))


def _chosen(need: Need, installed: InstalledPackages) -> list[str]:
    """The modules of a need, and of alternatives the first that the environment has."""
    alternatives = [text.split("|") for text in need.modules.split()]
    found = [next((m for m in modules if installed.provider(m) is not None), None) for modules in alternatives]
    return [m for m in found if m is not None]


def _with_companions(
    own: dict[str, tuple[str, ...]], everything: dict[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """What a step installs, and what other steps install that changes how its libraries work."""
    added = {m for library in own for m in COMPANIONS.get(library, ()) if m in everything}
    return own | {m: everything[m] for m in sorted(added)}
