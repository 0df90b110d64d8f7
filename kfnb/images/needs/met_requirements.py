"""Whether what is installed somewhere fulfils a requirement."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.requirements import InvalidRequirement, Requirement

from kfnb.images.needs.installed_packages import normalized


def is_met(text: str, versions: Mapping[str, str]) -> bool:
    """Whether the installed ``versions``, by normalized names, fulfil a requirement. One with an address asks for just that file."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return False
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    version = versions.get(normalized(requirement.name))
    return requirement.url is None and version is not None and requirement.specifier.contains(version, prereleases=True)
