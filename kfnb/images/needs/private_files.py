"""The private files beside a notebook, which stay on this machine: links out of its folder, hidden files, files that git ignores, and keys."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

IGNORE = ".gitignore"
#: Names, in lower case, under which people and tools keep keys and passwords. What is secret in a hidden file stays here anyway.
SECRET_NAMES = (
    "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.ppk", "*.kdbx", "*.tfstate", "*.tfvars", "id_rsa", "id_dsa", "id_ecdsa",
    "id_ed25519", "htpasswd", "kubeconfig", "*.kubeconfig", "secret.*", "secrets.*", "credentials", "credentials.*", "client_secret*.json",
    "service[-_]account*.json",
)  # fmt: skip


class Privacy:
    """Decides which files may leave the folder of a notebook.

    Parameters
    ----------
    folder
        The folder of the notebook.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = folder.resolve()
        self._rules: dict[Path, Any] = {}

    def reason(self, name: str) -> str:
        """Why a file in the folder stays here, as the end of a sentence. It is empty when the file may travel."""
        hidden = next((part for part in PurePosixPath(name).parts if part.startswith(".")), None)
        if hidden is not None:
            return f"`{hidden}` is hidden"
        outside = self.outside(name)
        if outside is not None:
            return f"it is a link to {outside}, outside of the notebook's folder"
        if looks_secret(name):
            return "files with such names mostly hold keys or passwords"
        return f"{IGNORE} lists it" if self._is_ignored(name) else ""

    def reasons(self, names: Iterable[str]) -> dict[str, str]:
        """The files that stay here, each with the reason."""
        reasons = {name: self.reason(name) for name in sorted(names)}
        return {name: reason for name, reason in reasons.items() if reason}

    def outside(self, name: str) -> Path | None:
        """The file that a link leads to, when that file is outside of the notebook's folder."""
        target = (self._folder / name).resolve()
        return None if target.is_relative_to(self._root) else target

    def _is_ignored(self, name: str) -> bool:
        """Whether git ignores a file, or a folder that contains it.

        As in git, the last pattern that matches decides, and no pattern can include a file of an ignored folder again. Patterns that
        ignore the notebook's own folder do not count, because they say nothing about the files in it.
        """
        file = self._root / name
        places = [p for p in (*reversed(file.parents), file) if p.is_relative_to(self._root) and p != self._root]
        return any(self._matches(p, p != file) for p in places)

    def _matches(self, path: Path, is_folder: bool) -> bool:
        ignored = False
        for folder in reversed(path.parents):
            if not folder.is_relative_to(self._top):
                continue
            text = path.relative_to(folder).as_posix() + ("/" if is_folder else "")
            decided = self._spec(folder).check_file(text).include
            ignored = ignored if decided is None else decided
        return ignored

    def _spec(self, folder: Path) -> Any:
        """The patterns that git reads in a folder: from its ``.gitignore``, and from ``.git/info/exclude`` when it is the repository's folder."""
        if folder not in self._rules:
            from pathspec import GitIgnoreSpec

            files = [folder / ".git" / "info" / "exclude", folder / IGNORE]
            patterns = [p for f in files for p in _patterns(f)]
            if folder != self._root and self._root.is_relative_to(folder):
                # A pattern that ignores the notebook's folder says nothing about the files in it.
                own = self._root.relative_to(folder).as_posix() + "/"
                patterns = [p for p in patterns if p.include is None or p.match_file(own) is None]
            self._rules[folder] = GitIgnoreSpec(patterns)
        return self._rules[folder]

    @cached_property
    def _top(self) -> Path:
        """The folder of the repository. Without a repository, the highest folder below the home folder that has a ``.gitignore``."""
        above = (self._root, *self._root.parents)
        for folder in above:
            if (folder / ".git").exists():
                return folder
        home = Path.home().resolve()
        candidates = [f for f in above if f != home and not home.is_relative_to(f) and f.parent != f]
        return next((f for f in reversed(candidates) if (f / IGNORE).is_file()), self._root)


def looks_secret(name: str) -> bool:
    """Whether a file has a name under which keys and passwords are kept. Code has not: a module may be named ``secrets.py``."""
    file = PurePosixPath(name).name.lower()
    return not file.endswith(".py") and any(fnmatchcase(file, pattern) for pattern in SECRET_NAMES)


def _patterns(file: Path) -> Iterator[Any]:
    """The patterns of a file. Each line is parsed alone, because git continues after a pattern that it cannot read."""
    from pathspec import GitIgnoreSpec

    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        with warnings.catch_warnings(), suppress(ValueError, re.error):
            warnings.simplefilter("ignore")  # Python warns about nested brackets, which git reads as plain characters
            yield from GitIgnoreSpec.from_lines([line]).patterns
