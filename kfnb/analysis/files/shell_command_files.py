"""The files that a shell command reads, writes or updates."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from kfnb.analysis.files.file_call_tables import LOOK, READ, UPDATE, WRITE
from kfnb.analysis.files.path_patterns import hole

Use = tuple[str, str]

EVERYTHING = "*"  #: all files of the working folder
LOOKING = frozenset(
    "cat head tail less more wc grep egrep fgrep zgrep zcat sort uniq cut awk diff cmp md5sum sha1sum sha256sum stat file test [ "
    "jq column tac nl od xxd hexdump strings readlink realpath bc paste join comm tr".split()
)
LISTING = frozenset("ls find du tree dir".split())
WRITING = frozenset("rm rmdir touch mkdir truncate chmod chown tee shred".split())
COPYING = frozenset("cp ln rsync install".split())
COMPRESSING = {
    "gzip": ".gz",
    "gunzip": ".gz",
    "bzip2": ".bz2",
    "bunzip2": ".bz2",
    "xz": ".xz",
    "unxz": ".xz",
    "zstd": ".zst",
}
SILENT = frozenset(
    "echo printf true false pwd date whoami which type nvidia-smi pip pip3 conda mamba uv apt apt-get sudo export env uname df free top ps "
    "hostname set cd sleep nproc kill lscpu id seq yes basename dirname ping printenv exit wait ulimit nvcc".split()
)
#: Programs that may use files which no word of the command line names.
PROGRAMS = re.compile(r"(python[\d.]*|bash|sh|zsh|make|Rscript|java|node|npm|npx|cargo|go|perl|ruby|julia|jupyter|papermill|kaggle|gdown|"
                      r"gsutil|aws|gcloud|dvc|ffmpeg|docker|ipython|poetry|ninja|cmake|tox|pytest|source|\.)|.*\.(sh|py|exe)|\./.*")  # fmt: skip
BEFORE = frozenset("time nohup sudo exec xargs command nice env stdbuf".split())
OPERATORS = frozenset(("|", "||", "&&", ";", "&", "(", ")", ";;", "|&"))
REDIRECTIONS = {">": WRITE, ">>": UPDATE, ">|": WRITE, "&>": WRITE, ">&": WRITE, "<": LOOK}
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*")
LIKE_A_PATH = re.compile(r".*/.*|.*\.[A-Za-z]\w{0,9}|.*\x00.*")


def uses_of_script(text: str) -> Iterator[Use]:
    """The files that each line of a script uses."""
    for line in text.replace("\\\n", " ").split("\n"):
        yield from uses_of_line(line)


def uses_of_line(line: str) -> Iterator[Use]:
    """The files that one line of the shell uses."""
    words: list[str] = []
    opened = 0
    for word in [*_split(line), ";"]:
        opened += word.count("(")
        if word == ")" and opened == 0:
            words = []  # a pattern of `case`, which names no file
        elif word in OPERATORS:
            opened -= word == ")"
            yield from uses_of_words(words)
            words = []
        else:
            words.append(word)


def _split(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        return list(lexer)
    except ValueError:
        return line.split()


def uses_of_words(words: list[str]) -> Iterator[Use]:
    """The files that one command uses, its redirections included."""
    plain: list[str] = []
    at = 0
    while at < len(words):
        kind = REDIRECTIONS.get(words[at])
        if kind is not None and at + 1 < len(words):
            if plain and plain[-1] in ("1", "2"):
                plain.pop()
            if _is_file(words[at + 1]):
                yield words[at + 1], kind
            at += 2
        else:
            plain.append(words[at])
            at += 1
    while plain and (plain[0] in BEFORE or ASSIGNMENT.fullmatch(plain[0])):
        del plain[0]
    if plain:
        yield from _command(plain[0].rpartition("/")[2] if plain[0].startswith("/") else plain[0], plain[1:])


def _is_file(word: str) -> bool:
    return bool(word) and "://" not in word and not word.startswith(("-", "/dev/", "&")) and not word.isdigit()


def _command(name: str, args: list[str]) -> Iterator[Use]:
    files = [a for a in args if _is_file(a)]
    if name in SILENT:
        return
    if name in LISTING:
        yield from ((f, LOOK) for f in files or [EVERYTHING])
    elif name in LOOKING:
        yield from ((f, LOOK) for f in files)
    elif name == "sed":
        yield from ((f, UPDATE if any(a.startswith("-i") for a in args) else LOOK) for f in files[1:])
    elif name in WRITING:
        yield from ((f, UPDATE if name == "tee" and "-a" in args else WRITE) for f in files if not f.isdigit())
    elif name in COPYING or name == "mv":
        yield from _copied(files, UPDATE if name == "mv" else LOOK)
    elif name in COMPRESSING:
        for file in files:
            yield file, UPDATE
            yield (
                file.removesuffix(COMPRESSING[name]) if file.endswith(COMPRESSING[name]) else file + COMPRESSING[name],
                WRITE,
            )
    elif name in _OTHERS:
        yield from _OTHERS[name](args, files)
    else:
        yield from _unknown(name, args)


def _copied(files: list[str], how: str) -> Iterator[Use]:
    for source in files[:-1]:
        yield source, how
    if len(files) > 1:
        yield files[-1], WRITE


def _fetched(args: list[str], files: list[str]) -> Iterator[Use]:
    """The file that wget or curl writes: the one that an option names, or the last part of the address."""
    output = _option(args, "-O", "-o", "--output", "--output-document")
    folder = _option(args, "-P", "--directory-prefix", "--output-dir")
    if output is not None and _is_file(output):
        yield output, WRITE
        return
    for address in args:
        if address.startswith(("http:", "https:", "ftp:")) or "\x00" in address:
            last = address.split("?")[0].rstrip("/").rpartition("/")[2]
            yield f"{folder}/{last}" if folder else last, WRITE


def _curl(args: list[str], files: list[str]) -> Iterator[Use]:
    by_address = any(re.fullmatch(r"-[A-Za-z]*[OJ][A-Za-z]*|--remote-name", a) for a in args)
    together = next((args[i + 1] for i, a in enumerate(args[:-1]) if re.fullmatch(r"-[A-Za-z]*o", a)), None)
    if by_address:
        yield from _fetched([a for a in args if a.startswith(("http:", "https:", "ftp:"))], files)
    elif together or _option(args, "-o", "--output"):
        yield from _fetched(["-o", together] if together else args, files)


def _option(args: list[str], *names: str) -> str | None:
    for at, word in enumerate(args):
        if word in names and at + 1 < len(args):
            return args[at + 1]
        for name in names:
            if name.startswith("--") and word.startswith(name + "="):
                return word[len(name) + 1 :]
            if len(name) == 2 and word.startswith(name) and len(word) > 2:
                return word[2:]
    return None


def _unzip(args: list[str], files: list[str]) -> Iterator[Use]:
    folder = _option(args, "-d")
    yield from ((f, READ) for f in files[:1])
    if not any(a in ("-l", "-t", "-v", "-p") for a in args):
        yield folder or EVERYTHING, WRITE


def _tar(args: list[str], files: list[str]) -> Iterator[Use]:
    flags = "".join(a.lstrip("-") for a in args[:1]) + "".join(a for a in args[1:] if re.fullmatch(r"-[a-zA-Z]+", a))
    folder = _option(args, "-C", "--directory")
    archive = _option(args, "-f", "--file") or next((f for f in files if ".t" in f), None)
    if archive is None:
        return
    if "c" in flags or "--create" in args:
        yield archive, WRITE
        yield from ((f, LOOK) for f in files if f not in (archive, folder) and f != args[0])
    else:
        yield archive, READ
        if "x" in flags or "--extract" in args:
            yield folder or EVERYTHING, WRITE


def _zip(args: list[str], files: list[str]) -> Iterator[Use]:
    if files:
        first = files[0] if "." in files[0] else files[0] + ".zip"
        yield first, UPDATE
        yield from ((f, LOOK) for f in files[1:])


def _git(args: list[str], files: list[str]) -> Iterator[Use]:
    if args[:1] == ["clone"]:
        places = [a for a in args[1:] if not a.startswith("-")]
        if places:
            last = places[-1].rstrip("/").rpartition("/")[2].removesuffix(".git")
            yield (places[-1] if len(places) > 1 and "://" not in places[-1] else last), WRITE
    elif args and args[0] in ("checkout", "pull", "reset", "stash", "apply", "restore"):
        yield EVERYTHING, WRITE


def _sqlite(args: list[str], files: list[str]) -> Iterator[Use]:
    yield from ((f, UPDATE) for f in files[:1])


_OTHERS = {
    "wget": _fetched, "curl": _curl, "unzip": _unzip, "tar": _tar, "zip": _zip, "git": _git, "sqlite3": _sqlite,
}  # fmt: skip


def _unknown(name: str, args: list[str]) -> Iterator[Use]:
    """Assume that any other program reads or writes the files that its words name, and some use files that no word names."""
    words = [a.partition("=")[2] if a.startswith("-") and "=" in a else a for a in args]
    runs = PROGRAMS.fullmatch(name) is not None
    if runs and args and all(a in ("--version", "-V", "--help", "-h") for a in args) or args[:2] == ["-m", "pip"]:
        return
    if LIKE_A_PATH.fullmatch(name) and _is_file(name):
        yield name, READ
    for at, word in enumerate(words):
        if _is_file(word) and LIKE_A_PATH.fullmatch(word):
            yield word, READ if runs and at == 0 else UPDATE
    if runs:
        yield hole(" ".join([name, *args])), UPDATE
