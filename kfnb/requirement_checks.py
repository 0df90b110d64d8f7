"""Checks of the requirements and package sources in marks and targets: their syntax, and that they contain no password."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
SPECIFIER = r"(?:===|~=|==|!=|<=|>=|<|>)\s*[\w.*+!{}-]+"
NAMED = re.compile(
    rf"(?P<name>{NAME})\s*(?:\[[\w\s,.-]*\])?\s*(?:\(?\s*{SPECIFIER}(?:\s*,\s*{SPECIFIER})*\s*\)?)?\s*(?:;.+)?"
)
DIRECT_REFERENCE = re.compile(rf"(?P<name>{NAME})\s*(?:\[[\w\s,.-]*\])?\s*@\s*(?P<url>\S+)\s*(?:;.+)?")
REPOSITORY = re.compile(r"(git|hg|svn|bzr)\+[a-z]+://\S+")
TRAVEL_LIMIT = 256 * 1024  #: bytes of one package that travel with a step
ARCHIVES = (".whl", ".tar.gz", ".zip", ".tgz")
NAMED_SECRET = re.compile(r"\$\{([A-Za-z_]\w*)\}")


class BadSource(ValueError):
    """A requirement or package source cannot be used. The message is for the user."""


@dataclass(frozen=True)
class PackageSources:
    """Where packages are installed from: an index instead of the default one, further indexes, and folders or pages with archives.

    In the sources of a target, ``${NAME}`` is an environment variable of the step with a user name, a password or a token.
    """

    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()

    def over(self, base: PackageSources) -> PackageSources:
        """These sources, followed by those of ``base``."""
        return PackageSources(
            self.index_url or base.index_url,
            tuple(dict.fromkeys((*self.extra_index_urls, *base.extra_index_urls))),
            tuple(dict.fromkeys((*self.find_links, *base.find_links))),
        )

    def to_json(self) -> dict[str, object]:
        """The sources as the runtime reads them."""
        sources = {"index": self.index_url, "extra": list(self.extra_index_urls), "links": list(self.find_links)}
        return {k: v for k, v in sources.items() if v}


DEFAULT_SOURCES = PackageSources()


def check_url(text: str, named_secrets: bool = False) -> str:
    """The address of a package source, which must not contain a password.

    Parameters
    ----------
    named_secrets
        Whether the address may contain ``${NAME}`` in place of a user name or password.

    Raises
    ------
    BadSource
        When the address cannot be used.
    """
    try:
        parts = urlsplit(re.sub(r"^(git|hg|svn|bzr)\+", "", text))
    except ValueError as error:
        raise BadSource(f"`{text}` is not an address: {error}") from None
    if parts.scheme not in ("https", "http", "ssh", "file") or not (parts.netloc or parts.scheme == "file"):
        raise BadSource(f"`{text}` should be an address such as `https://pypi.example.org/simple`")
    user, at, _ = parts.netloc.rpartition("@")
    remaining = NAMED_SECRET.sub("", user) if named_secrets else user
    if at and remaining.strip(":") and not (remaining == "git" and parts.scheme == "ssh"):
        hidden = text.replace(f"{user}@", "…@")
        hint = "use a target of your own kfnb.toml instead, and write `${NAME}` for a variable that a secret sets"
        raise BadSource(f"`{hidden}` contains a user name or password: {hint}")
    if not named_secrets and NAMED_SECRET.search(text):
        raise BadSource(
            f"`{text}` names a credential, which a notebook may not do: put the source into a target of kfnb.toml"
        )
    return text


def check_requirement(text: str) -> str:
    """A requirement that pip accepts: a name with versions, ``name @ URL``, ``git+https://…@ref``, or an archive beside the notebook.

    Raises
    ------
    BadSource
        When the requirement cannot be used.
    """
    text = text.strip()
    direct = DIRECT_REFERENCE.fullmatch(text)
    if direct is not None:
        check_url(direct["url"])
        return text
    if REPOSITORY.fullmatch(text) or text.startswith(("https://", "http://")):
        return check_url(text)
    if is_local(text):
        if PurePosixPath(text).is_absolute() or ".." in PurePosixPath(text).parts:
            raise BadSource(
                f"`{text}` is not in the notebook's folder: only files in that folder can be sent with a step"
            )
        return "./" + PurePosixPath(text).as_posix()
    if not NAMED.fullmatch(text):
        raise BadSource(
            f"`{text}` is not a requirement, such as `pandas>=2`, `git+https://host/it.git@v1`, `name @ https://host/it.whl` "
            "or `./dist/it.whl`"
        )
    return text


def is_local(requirement: str) -> bool:
    """Whether a requirement is an archive beside the notebook."""
    return "://" not in requirement and requirement.endswith(ARCHIVES)


def requirement_name(requirement: str) -> str:
    """The normalized name of the distribution of a requirement, as far as its text shows it: lower case, with ``-``."""
    direct = DIRECT_REFERENCE.fullmatch(requirement)
    if direct is not None:
        name = direct["name"]
    elif "#egg=" in requirement:
        name = re.split(r"[&\[]", requirement.partition("#egg=")[2])[0]
    elif "://" in requirement or is_local(requirement):
        path = urlsplit(re.sub(r"^\w+\+", "", requirement)).path if "://" in requirement else requirement
        last = PurePosixPath(path.partition("@")[0]).name.removesuffix(".git")
        name = re.split(r"-\d", last)[0] if last.endswith(ARCHIVES) else last
    else:
        match = re.match(NAME, requirement)
        name = match[0] if match else requirement
    return re.sub(r"[-_.]+", "-", name).lower()
