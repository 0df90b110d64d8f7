"""Requirements and package sources as marks and targets write them: what they may be, and that no password stands in them."""

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
AT = re.compile(rf"(?P<name>{NAME})\s*(?:\[[\w\s,.-]*\])?\s*@\s*(?P<url>\S+)\s*(?:;.+)?")
REPOSITORY = re.compile(r"(git|hg|svn|bzr)\+[a-z]+://\S+")
ARCHIVES = (".whl", ".tar.gz", ".zip", ".tgz")
NAMED_SECRET = re.compile(r"\$\{([A-Za-z_]\w*)\}")


class BadSource(ValueError):
    """A requirement or source cannot be used; says why."""


@dataclass(frozen=True)
class Sources:
    """Where packages come from: the index in the place of the usual one, further ones, and folders or pages with archives.

    In those of a target ``${NAME}`` stands for an environment variable of the step: a user's name, a password or a token.
    """

    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()

    def over(self, base: Sources) -> Sources:
        """These, and behind them those of ``base``."""
        return Sources(
            self.index_url or base.index_url,
            tuple(dict.fromkeys((*self.extra_index_urls, *base.extra_index_urls))),
            tuple(dict.fromkeys((*self.find_links, *base.find_links))),
        )

    def told(self) -> dict[str, object]:
        """For the runtime."""
        found = {"index": self.index_url, "extra": list(self.extra_index_urls), "links": list(self.find_links)}
        return {k: v for k, v in found.items() if v}


USUAL = Sources()


def check_url(text: str, named_secrets: bool = False) -> str:
    """An address of packages without a password in it. ``named_secrets``: variables may stand for one.

    Raises
    ------
    BadSource
        In words for the user.
    """
    try:
        parts = urlsplit(re.sub(r"^(git|hg|svn|bzr)\+", "", text))
    except ValueError as error:
        raise BadSource(f"`{text}` is no address: {error}") from None
    if parts.scheme not in ("https", "http", "ssh", "file") or not (parts.netloc or parts.scheme == "file"):
        raise BadSource(f"`{text}` should be an address such as https://pypi.example.org/simple")
    user, at, _ = parts.netloc.rpartition("@")
    left = NAMED_SECRET.sub("", user) if named_secrets else user
    if at and left.strip(":") and not (left == "git" and parts.scheme == "ssh"):
        shown = text.replace(f"{user}@", "…@")
        hint = "write `${NAME}` for a variable that a secret sets, in a target of kfnb.toml of your own"
        raise BadSource(f"`{shown}` has a user or password in it: {hint}")
    if not named_secrets and NAMED_SECRET.search(text):
        raise BadSource(
            f"`{text}` names a credential, and a notebook may not: put the source into a target of kfnb.toml"
        )
    return text


def check_requirement(text: str) -> str:
    """A requirement as pip takes it: a name with versions, ``name @ URL``, ``git+https://…@ref``, an archive beside the notebook.

    Raises
    ------
    BadSource
        In words for the user.
    """
    text = text.strip()
    at = AT.fullmatch(text)
    if at is not None:
        check_url(at["url"])
        return text
    if REPOSITORY.fullmatch(text) or text.startswith(("https://", "http://")):
        return check_url(text)
    if is_local(text):
        if PurePosixPath(text).is_absolute() or ".." in PurePosixPath(text).parts:
            raise BadSource(f"`{text}` is not beside the notebook: only files in its folder travel with a step")
        return "./" + PurePosixPath(text).as_posix()
    if not NAMED.fullmatch(text):
        raise BadSource(
            f"`{text}` is not a requirement, such as `pandas>=2`, `git+https://host/it.git@v1`, `name @ https://host/it.whl` "
            "or `./dist/it.whl`"
        )
    return text


def is_local(requirement: str) -> bool:
    """Whether it is an archive beside the notebook."""
    return "://" not in requirement and requirement.endswith(ARCHIVES)


def requirement_name(requirement: str) -> str:
    """The distribution that a requirement is of, as far as the text tells: in lower case, with ``-``."""
    at = AT.fullmatch(requirement)
    if at is not None:
        name = at["name"]
    elif "#egg=" in requirement:
        name = re.split(r"[&\[]", requirement.partition("#egg=")[2])[0]
    elif "://" in requirement or is_local(requirement):
        path = urlsplit(re.sub(r"^\w+\+", "", requirement)).path if "://" in requirement else requirement
        last = PurePosixPath(path.partition("@")[0]).name.removesuffix(".git")
        name = re.split(r"-\d", last)[0] if last.endswith(ARCHIVES) else last
    else:
        found = re.match(NAME, requirement)
        name = found[0] if found else requirement
    return re.sub(r"[-_.]+", "-", name).lower()
