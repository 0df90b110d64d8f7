"""Parses the options in the line of a magic."""

from __future__ import annotations

#: Programs that have a magic of their own.
PROGRAMS = ("sh", "bash", "perl", "ruby", "python", "python2", "python3", "pypy")
OUTPUTS = ("--out", "--err", "--proc")  #: of a script's line, each with a name


def options_of(line: str, known: str) -> tuple[dict[str, str], str]:
    """The options of a line by their letter, and the rest of it exactly as written.

    Parameters
    ----------
    known
        The letters that are options; those with a colon take a value, beside them or after a space.
    """
    found: dict[str, str] = {}
    rest = line.strip()
    while rest.startswith("-") and rest[1:2].strip() and known.find(rest[1]) >= 0:
        word, _, after = rest.partition(" ")
        letters, after = word[1:], after.lstrip()
        while letters:
            letter, letters = letters[0], letters[1:]
            if known.find(letter) < 0:
                return found, rest
            if known[known.find(letter) + 1 :][:1] != ":":
                found[letter] = ""
                continue
            if not letters:
                letters, _, after = after.partition(" ")
            found[letter], letters = letters.strip("'\""), ""
        rest = after.lstrip()
        if word == "--":
            break
    return found, rest[3:] if rest.startswith("-- ") else rest


class ScriptOptions:
    """The options of ``%%bash`` and similar magics: names for the output, and the program's own arguments."""

    def __init__(self, line: str) -> None:
        import shlex

        words = shlex.split(line)
        self.names: dict[str, str] = {}
        self.background, self.checked = False, True
        self.words: list[str] = []
        while words:
            word, equals, value = words.pop(0).partition("=")
            if word in OUTPUTS:
                self.names[word] = value if equals or not words else words.pop(0)
            elif word in ("--bg", "--raise-error", "--no-raise-error"):
                self.background = self.background or word == "--bg"
                self.checked = self.checked and word != "--no-raise-error"
            else:
                self.words.append(word + equals + value)
