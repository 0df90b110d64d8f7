"""Reads the code blocks of a documentation page, and runs them in the order in which they stand.

A Python, TOML or other block with a title is a file, which is written into the folder, or into the user's configuration where the title
begins with `~/.config`. A `console` block has commands after `$ `, and what they print; `…` stands for any text. A Python block
without a title is executed; from the first one with a magic on, in a kernel. `<!-- output -->` before a block says that it is what the
Python block above it shows, `<!-- cluster -->` that its commands need a cluster, `<!-- not run -->` that they change the machine.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from kfnb.cli import cli
from tests.docs.clusters import Clusters
from tests.kernel.live import Live

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BLOCK = re.compile(
    r"(?:<!-- (?P<note>[a-z ]+) -->\n)?^```(?P<language>\w*)(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.M | re.S
)
TITLE = re.compile(r'title="([^"]+)"')
STATUS = re.compile(r"\s+# exit status (\d+)$")

Shell = Callable[[list[str]], tuple[int, str]]


@dataclass(frozen=True)
class Block:
    language: str
    title: str
    body: str
    note: str = ""


def blocks(text: str) -> list[Block]:
    """The code blocks of a page."""
    found = []
    for match in BLOCK.finditer(text):
        title = TITLE.search(match["info"])
        found.append(Block(match["language"], title[1] if title else "", match["body"], match["note"] or ""))
    return found


def has_magic(code: str) -> bool:
    """Whether a line of a cell is a magic; the line `# %%` begins a cell."""
    return re.search(r"^\s*%", code, re.M) is not None


def commands(body: str) -> Iterator[tuple[list[str], int, list[str]]]:
    """The commands of a console block: words, exit status, lines printed."""
    for part in re.split(r"^\$ ", body, flags=re.M)[1:]:
        line, *printed = part.rstrip("\n").split("\n")
        status = STATUS.search(line)
        yield shlex.split(STATUS.sub("", line)), int(status[1]) if status else 0, printed


def in_process(words: list[str]) -> tuple[int, str]:
    """Run a command of kfnb in this process."""
    done = CliRunner().invoke(cli, words[1:])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


RUNNING = re.compile(r"▶ \S+ running\s*")


def matches(printed: list[str], output: str) -> bool:
    """Whether the output is what a page shows, where `…` stands for any text.

    That a step is running is left out: of a short step, a cluster may show nothing but the end.
    """
    lines = [line.rstrip() for line in output.strip().split("\n")]
    if any(map(RUNNING.fullmatch, printed)):
        printed, lines = ([line for line in text if not RUNNING.fullmatch(line)] for text in (printed, lines))
    shown = "\n".join(printed).strip()
    pattern = "".join(".*" if part == "…" else re.escape(part) for part in re.split("(…)", shown))
    return re.fullmatch(pattern, "\n".join(lines), re.S) is not None


@dataclass
class Page:
    """A page whose blocks are run in a folder."""

    folder: Path
    shell: Shell = in_process
    names: dict[str, Any] = field(default_factory=dict)
    unused: set[str] = field(default_factory=set)  #: notebooks that no command has named
    clusters: Clusters | None = None
    kernel: Live | None = None
    shown: str = ""  #: by the newest cell of the kernel

    def run(self, block: Block) -> None:
        if block.title:
            self.write(block)
        elif block.note == "output":
            assert matches(block.body.split("\n"), self.shown), self.shown
        elif block.language == "python" and (self.kernel or has_magic(block.body)):
            self.execute_cell(block.body)
        elif block.language == "python":
            exec(compile(block.body, "page", "exec"), self.names)
        elif block.language in ("toml", "yaml"):
            parsed(block)
        elif block.language == "console":
            for words, status, printed in commands(block.body):
                self.command(words, status, printed, block.note)

    def write(self, block: Block) -> None:
        path, text = self.folder / block.title, block.body
        if block.title.startswith("~/.config/"):
            path = self.folder.parent / "config" / block.title.removeprefix("~/.config/")
            path.parent.mkdir(parents=True, exist_ok=True)
        if block.language == "toml":
            parsed(block)
            text = self.clusters.configuration(text) if self.clusters else text
        elif re.search(r"^# %%", text, re.M):
            self.unused.add(block.title)
        path.write_text(text, encoding="utf-8")

    def execute_cell(self, code: str) -> None:
        """Run a cell in the page's kernel, which has nothing of kfnb before the page loads it."""
        self.kernel = self.kernel or Live(kfnb=False)
        self.shown = self.kernel.run(code.rstrip("\n"))
        assert "Traceback (most recent call last)" not in self.shown, self.shown

    def close(self) -> None:
        if self.kernel is not None:
            self.kernel.close()
        if self.clusters is not None:
            self.clusters.close()

    def check_unused(self) -> None:
        """Check the notebooks that a page only shows."""
        for name in sorted(self.unused):
            code, output = self.shell(["kfnb", "check", name])
            assert code == 0, output

    def command(self, words: list[str], status: int, printed: list[str], note: str) -> None:
        if note == "not run":
            assert words[0] in ("pip", "git", "make", "cd", "jupyter", "kfnb"), words
        else:
            assert words[0] == "kfnb", words
            self.unused -= set(words)
            code, output = self.shell(words)
            assert code == status, f"{shlex.join(words)}: exit status {code}\n{output}"
            assert not printed or matches(printed, output), f"{shlex.join(words)} printed\n{output}"


def parsed(block: Block) -> None:
    """Check a block of configuration as kfnb does."""
    if block.language == "yaml":
        assert list(yaml.safe_load_all(block.body))
        return
    from kfnb.engines.cluster.targets.target_settings import settings_error

    data = tomllib.loads(block.body)
    if block.title == "pyproject.toml":
        return  # of a package of the reader's, which kfnb does not read
    assert set(data) <= {"targets", "record"}
    assert [
        wrong for name, settings in data.get("targets", {}).items() if (wrong := settings_error(name, settings))
    ] == []
