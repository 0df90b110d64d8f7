"""The values of secrets are hidden wherever a step may show them, in the forms in which programs write them."""

from __future__ import annotations

import base64
import io
import json
from html import escape
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfnb.runs.attempt_logs import LogWriter, read_log
from kfnb.runtime.secret_mask import HIDDEN, SecretMask, mask_of

VALUE = "s3cr&t/“pass”+word"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n"


def test_a_value_is_hidden_in_every_usual_form() -> None:
    mask = SecretMask([VALUE])
    data = VALUE.encode()
    forms = [VALUE, repr(VALUE), json.dumps(VALUE), quote(VALUE), quote(VALUE, safe=""), escape(VALUE)]
    assert [mask.text(f"a {form} b") for form in forms[:1]] == ["a *** b"]
    for form in forms:
        assert HIDDEN in mask.text(form) and "pass" not in mask.text(form), form
        assert mask.data(form.encode()).decode() == mask.text(form)
    assert mask.parts({"a": [VALUE, 1], VALUE: None}) == {"a": [HIDDEN, 1], HIDDEN: None}
    for before in (b"", b"u:", b"user:", b"xyz"):
        for code in (base64.b64encode(before + data + b"@x"), base64.urlsafe_b64encode(before + data)):
            assert HIDDEN in mask.text(code.decode()), (before, code)


@given(st.text(min_size=4, max_size=40), st.binary(max_size=5), st.binary(max_size=5))
def test_base64_of_anything_around_a_value_does_not_hold_it(value: str, before: bytes, after: bytes) -> None:
    try:
        data = value.encode()
    except UnicodeEncodeError:
        return
    if len(value.strip()) < 8:
        return
    code = base64.b64encode(before + data + after).decode()
    assert HIDDEN in SecretMask([value]).text(code)


def test_the_lines_of_a_value_of_several_lines_are_hidden() -> None:
    text = SecretMask([KEY]).text(f"one\n{KEY}two\nAQEFAASCBKcwggSjAgEAAoIB\n{KEY!r}")
    assert "MII" not in text and "AQEF" not in text and text.startswith("one\n") and "two" in text


def test_the_rest_of_a_value_in_a_shortened_text_is_hidden() -> None:
    assert SecretMask(["0123456789"]).text("token 012345…") == "token ***…"
    assert SecretMask(["0123456789"]).text("token 01…") == "token 01…"


def test_short_and_missing_values_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFNB_TEST_FLAG", "on")
    assert mask_of(["KFNB_TEST_FLAG", "KFNB_TEST_NOT_THERE"]) is None
    monkeypatch.setenv("KFNB_TEST_FLAG", "sesame")
    mask = mask_of(["KFNB_TEST_FLAG"])
    assert mask is not None and mask.text("open sesame") == "open ***"


@pytest.mark.parametrize("seed", range(20))
def test_a_log_hides_values_that_arrive_in_pieces(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    data = f"begin {VALUE}\r{VALUE}\n{KEY}x={VALUE}".encode().replace(b"=", b"\x1em 2\x1e=")
    middle = len(data) - len(VALUE.encode()) // 2
    data = data[:middle] + b"\x1em 3\x1e" + data[middle:]  # half of it is printed by the next cell
    writer = LogWriter(tmp_path / "log", "m", mask=SecretMask([VALUE, KEY]))
    while data:
        size = random.randint(1, 9)
        writer.feed(data[:size])
        data = data[size:]
    writer.close()
    lines = [line.text for line, _ in read_log(tmp_path / "log")]
    assert lines == ["begin ***\r***", "***", "***", "***", "***", "x=***"]


def test_a_value_on_the_border_of_an_endless_line_is_hidden(tmp_path: Path) -> None:
    for before in (999_995, 1_000_000, 1_000_001):
        path = tmp_path / f"log-{before}"
        writer = LogWriter(path, mask=SecretMask(["abcdefghij"]))
        for piece in (b"." * before + b"abcde", b"fghij", b"." * 50):
            writer.feed(piece)
        writer.close()
        assert not set("abcdefghij") & set(path.read_text("ascii"))
        assert HIDDEN in path.read_text("ascii")


def test_a_stream_of_a_pod_hides_values_and_loses_nothing() -> None:
    for seed in range(50):
        random = Random(seed)
        file = io.StringIO()
        SecretMask([VALUE]).hide_in(file)
        text = f"s3cr {VALUE}s3cr&t{VALUE} end s3"
        while text:
            size = random.randint(1, 7)
            file.write(text[:size])
            text = text[size:]
        file.flush()
        assert file.getvalue() == "s3cr ***s3cr&t*** end s3"
