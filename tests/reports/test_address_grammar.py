"""The grammar that nothing of kfnb's needs is loaded by who uses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHECK = """
import sys
from kfnb.address_grammar import defer_address_grammar
defer_address_grammar()
import jsonschema
from rfc3987_syntax import is_valid_syntax
assert "lark" not in sys.modules
assert is_valid_syntax("iri", "http://example.org/") and not is_valid_syntax("iri", "no address")
assert "lark" in sys.modules
from rfc3987_syntax import is_valid_syntax_iri
"""


def test_the_grammar_of_addresses_is_built_by_who_checks_one() -> None:
    pytest.importorskip("jsonschema")
    done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
