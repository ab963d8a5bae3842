"""Bad YAML, as tables: what stands in the file, where the error points, its rule, what it says.

Every row is read by libyaml and by PyYAML's own parser, which stands in where libyaml is missing. The bombs take less
than a second of libyaml (a slow machine is given two).
"""

# ruff: noqa: E501  (a row of the table is one line)
from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mou_policies import nodes
from mou_policies.errors import AgreementError
from mou_policies.language import load_agreement
from mou_policies.nodes import Node, parse_yaml, read_yaml

PARSERS = [name for name in ("CLoader", "Loader") if hasattr(yaml, name)]

# what stands in the file               place    rule       words of the error
TABLE = [
    # -- the text cannot be read ------------------------------------------------------------------------------
    (b"title: caf\xe9\n",               "1:11",  "YML-001", "a byte here is not UTF-8"),
    (b"\xef\xbb\xbfa: \xc3\xa9\xe9\n",  "1:5",   "YML-001", "a byte here is not UTF-8"),
    ("a: 1\n".encode("utf-16"),         "1:1",   "YML-001", "a byte here is not UTF-8"),
    ("a: 1\n".encode("utf-16-be"),      "1:1",   "YML-001", "found the invisible character U+0000"),
    ("a: \x00\n",                       "1:4",   "YML-001", "found the invisible character U+0000"),
    ("a: 1\nb: \x1b[2J\n",              "2:4",   "YML-001", "found the invisible character U+001B"),
    ("a: \x85b\n",                      "1:4",   "YML-001", "found the invisible character U+0085"),
    ("a: 1 # so\rb: 2\n",               "1:10",  "YML-001", "found the invisible character U+000D"),
    ('a: "x\u2028y"\n',                 "1:6",   "YML-001", "found the invisible character U+2028"),
    ('a: "\u202egnihtoN"\n',            "1:5",   "YML-001", "found the invisible character U+202E"),
    ("\ufeff\ufeffa: 1\n",              "1:1",   "YML-001", "found the invisible character U+FEFF"),
    ("ss\u200bn: 1\n",                  "1:3",   "YML-001", "found the invisible character U+200B"),
    ("a:\n\tb: 1\n",                    "2:1",   "YML-001", "found a tab character; indent with spaces"),
    ("a: 1 \t# so\n",                   "1:6",   "YML-001", "found a tab character"),
    ("",                                "1:1",   "YML-001", "found no YAML document"),
    ("# nothing said\n",                "1:1",   "YML-001", "found no YAML document"),
    ("a: 1\n---\nb: 2\n",               "2:1",   "YML-001", "found a second YAML document; keep exactly one"),
    ("a: [1, 2\nb: 3\n",                "2:2",   "YML-001", "that begins at 1:4); mend the YAML at this place"),
    ("a: b: c\n",                       "1:5",   "YML-001", "this is not YAML: mapping values are not allowed"),
    ("a: 'b\n",                         "2:1",   "YML-001", "that begins at 1:4)"),
    ("a: 1\n b: 2\n",                   "2:3",   "YML-001", "this is not YAML"),
    ("- a\nb: 1\n",                     "2:1",   "YML-001", "this is not YAML"),
    ("a: @b\n",                         "1:4",   "YML-001", "this is not YAML"),
    ("a: }\n",                          "1:4",   "YML-001", "this is not YAML"),
    # -- what is signed must stand where it applies -----------------------------------------------------------
    ("a: &b c\n",                       "1:4",   "YML-002", "anchors and aliases are not allowed"),
    ("&a b: c\n",                       "1:1",   "YML-002", "anchors and aliases are not allowed"),
    ("a:\n  b: *c\n",                   "2:6",   "YML-002", "anchors and aliases are not allowed"),
    ("*a : b\n",                        "1:1",   "YML-002", "anchors and aliases are not allowed"),
    ("a: !!str b\n",                    "1:4",   "YML-002", "YAML tags are not allowed"),
    ("a: ! b\n",                        "1:4",   "YML-002", "YAML tags are not allowed"),
    ("--- !!map\na: b\n",               "1:5",   "YML-002", "YAML tags are not allowed"),
    ("!!str a: b\n",                    "1:1",   "YML-002", "YAML tags are not allowed"),
    ("a: !!python/object:os.system x",  "1:4",   "YML-002", "YAML tags are not allowed"),
    ("%YAML 1.1\n---\na: 1\n",          "1:1",   "YML-002", "YAML directives are not allowed"),
    ("%TAG ! !x\n---\na: 1\n",          "1:1",   "YML-002", "YAML directives are not allowed"),
    ("a:\n  <<: {b: c}\n",              "2:3",   "YML-002", "merge keys are not allowed"),
    ('a:\n  "<<": {b: c}\n',            "2:3",   "YML-002", "merge keys are not allowed"),
    ("a: " + "[" * 12 + "]" * 12,       "1:15",  "YML-002", "nested deeper than 12 levels"),
    ("- " * 13 + "a\n",                 "1:25",  "YML-002", "nested deeper than 12 levels"),
    # -- two readers, two readings ----------------------------------------------------------------------------
    ("a: 1\nb: 2\n'a': 3\n",            "3:1",   "FLD-012", "key 'a' stands twice (first on line 1)"),
    ("[{a: 1, a: 1}]\n",                "1:9",   "FLD-012", "key 'a' stands twice (first on line 1)"),
    ("a: {b: no}\n",                    "1:8",   "FLD-012", "unquoted 'no' means true or false to some readers"),
    ("- no\n",                          "1:3",   "FLD-012", "unquoted 'no' means true or false to some readers"),
    ("no\n",                            "1:1",   "FLD-012", "unquoted 'no' means true or false to some readers"),
    ("no: a\n",                         "1:1",   "FLD-012", "unquoted 'no' means true or false to some readers"),
    ("true: a\n",                       "1:1",   "FLD-012", "unquoted 'true' is no text to some readers"),
    ("~: a\n",                          "1:1",   "FLD-012", "unquoted '~' is no text to some readers"),
    ("012: a\n",                        "1:1",   "FLD-012", "unquoted '012' is not the same number"),
    # -- the wrong shape --------------------------------------------------------------------------------------
    ("? [a]\n: b\n",                    "1:3",   "STR-001", "a key must be a word"),
    ("{a: b}: c\n",                     "1:1",   "STR-001", "a key must be a word"),
    ("a: 1\n'': b\n",                   "2:1",   "STR-001", "a key must be a word"),
    ("- a\n- b\n",                      "1:1",   "STR-001", "found a list where 'key: value' lines are expected"),
    ("a\n",                             "1:1",   "STR-001", "found a single value where 'key: value' lines are"),
    ("---\n",                           "",      "STR-001", "found a single value where 'key: value' lines are"),
]  # fmt: skip

MOST = 1_900_000
LAUGHS = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9) if n else 'lol'}]\n" for n in range(10))
BOMBS = {
    # bomb               what stands in the file                              rule       words of the error
    "lists":            ("[" * 100_000,                                       "YML-002", "nested deeper than 12 levels"),
    "more lists":       ("- " * (MOST // 2),                                  "YML-002", "nested deeper than 12 levels"),
    "tables":           ("{a: " * (MOST // 4),                                "YML-002", "nested deeper than 12 levels"),
    "keys":             ("{" * MOST,                                          "STR-001", "a key must be a word"),
    "asked keys":       ("? " * (MOST // 2),                                  "STR-001", "a key must be a word"),
    "billion laughs":   (LAUGHS,                                              "YML-002", "anchors and aliases"),
    "anchors":          ("&a " * (MOST // 3),                                 "YML-002", "anchors and aliases"),
    "tags":             ("!" * MOST,                                          "YML-002", "YAML tags"),
    "values":           ("a: [" + "[]," * (MOST // 3) + "]",                  "YML-001", "found more than 200,000 values"),
    "documents":        ("---\n" * (MOST // 4),                               "YML-001", "second YAML document"),
    "a line":           ("a: " + "x" * MOST,                                  "FLD-012", "unknown key 'a'"),
    "a key":            ("? " + "x" * MOST + "\n: 1\n",                       "FLD-012", "unknown key 'xxx"),
    "a number":         ("a: " + "1" * MOST,                                  "FLD-012", "is not the same number"),
    "a longer number":  ("a: " + "1_" * (MOST // 2),                          "FLD-012", "is not the same number"),
    "an open quote":    ('a: "' + "x" * MOST,                                 "YML-001", "that begins at 1:4"),
    "blank lines":      ("\n" * MOST,                                         "YML-001", "found no YAML document"),
    "lines of a quote": ('"' + "a\n" * (MOST // 2) + '": 1\n',                "YML-001", "this is not YAML"),
}  # fmt: skip


def refused(read: Callable[[], object]) -> AgreementError:
    """Return the error of reading, which is one printable line of bearable length with a remedy."""
    with pytest.raises(AgreementError) as caught:
        read()
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 2_000
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("row", TABLE, ids=[repr(row[0])[:40] for row in TABLE])
def test_bad_yaml_gets_one_line_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: tuple[str | bytes, str, str, str], parser: str
) -> None:
    monkeypatch.setattr(nodes, "_Loader", getattr(yaml, parser))
    text, place, rule, words = row
    file = tmp_path / "clinic.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    error = refused(lambda: list(read_yaml(file).entries()))
    assert str(error).startswith(f"clinic.yaml:{place}")
    assert error.rule == rule
    assert words in str(error)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_at_once(tmp_path: Path, bomb: str) -> None:
    text, rule, words = BOMBS[bomb]
    file = tmp_path / "clinic.yaml"
    file.write_text(text, encoding="utf-8")
    started = time.process_time()
    error = refused(lambda: load_agreement(file))
    assert time.process_time() - started < (2 if "CLoader" in PARSERS else 60)
    assert error.rule == rule
    assert words in str(error)


def test_a_big_file_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clinic.yaml"
    with file.open("wb") as handle:
        handle.truncate(10_000_000)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("the file was read"))
    error = refused(lambda: read_yaml(file))
    assert str(error) == (
        "clinic.yaml:1:1: YML-001 the file is 10,000,000 bytes, more than 2,000,000; split the agreement"
    )


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "endless.yaml").symlink_to("/dev/zero")
    for name, words in (("folder.yaml", "no file"), ("endless.yaml", "no file"), ("nowhere.yaml", "cannot be read")):
        error = refused(lambda name=name: read_yaml(tmp_path / name))  # type: ignore[misc]
        assert (error.rule, error.line, error.column) == ("YML-001", 1, 1)
        assert words in error.what


TRAPS = """
    y Y n N yes Yes NO on On OFF True TRUE False
    012 -012 00 007.5 0o7 0O7 0x1F 0b1 1_000 1_000.5 1_ 1:30 -1:30 1:30:00 1:30.5 +1 +1.5 1e3 1E3 1.5e3 1e+3 1. .5 .5e1 ._0 -_0
    .inf -.inf +.Inf .nan .NaN 1234567890123456 0.1234567890123456
    2025-1-1 2025-01-1 2025-01-01T10:00:00 2025-01-01T10:00:00Z 2025-1-1T1:00:00.5-05:00
"""
SAFE = """
    norway none yesterday true false null Null ~ onus o
    0 -0 1 -1 10 1.5 -0.5 123456789012345 1.2.3 1.x 0-3 1st K-12 12:ab e3 . + 1,000 +a 0x 0xg 2025 2025-26 2025-01
    2025-01-01 2025-01-01x 2025-01-01T 123-45-6789 .info -.inf. nan inf Infinity
"""


@pytest.mark.parametrize("word", [*TRAPS.split(), "2025-01-01 10:00:00", "2025-1-1 1:00:00 +5"])
def test_an_unquoted_word_with_two_readings_is_refused_and_a_quoted_one_is_text(word: str) -> None:
    error = refused(lambda: parse_yaml(Path("clinic.yaml"), f"a: {word}\n"))
    assert (error.line, error.column, error.rule) == (1, 4, "FLD-012")
    assert f"unquoted {word!r}" in error.what
    assert f'"{word}"' in error.remedy
    if word != "on":
        assert refused(lambda: parse_yaml(Path("clinic.yaml"), f"{word}: a\n")).rule == "FLD-012"
    assert value(f'"{word}"').text() == word
    assert parse_yaml(Path("clinic.yaml"), f"'{word}': a\n").plain_value() == {word: "a"}
    assert value(f"|-\n  {word}").text() == word


@pytest.mark.parametrize("word", SAFE.split())
def test_an_unquoted_word_with_one_reading_is_taken(word: str) -> None:
    assert value(word).raw == word


def test_on_is_a_key_of_the_language_and_no_value() -> None:
    root = parse_yaml(Path("clinic.yaml"), "expect: [{on: 2026-09-01}]\n")
    assert root.plain_value() == {"expect": [{"on": "2026-09-01"}]}
    assert refused(lambda: parse_yaml(Path("clinic.yaml"), "a: on\n")).rule == "FLD-012"


def value(written: str) -> Node:
    return parse_yaml(Path("clinic.yaml"), f"a: {written}\n").keys_of(["a"])["a"]
