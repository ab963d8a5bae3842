"""The canonical form: the same bytes for the same meaning, today and after every change of the reader.

The digests here were taken before the reader was replaced: a signature given then must still be one of the same words.
"""

from __future__ import annotations

from pathlib import Path

from support.mou import SMALL, edited

from mou_policies.canonical import canonical_json, clauses, digest_of
from mou_policies.nodes import parse_yaml

EVERYTHING = r"""agreement: odd-2025
numbers: [1, -0, -12, 1.50, -0.0, 0.1, 100000.0, 123456789012345, 0.00001]
words: [true, false, "true", "1", 'x''y', ~, null, "", plain words, 2025-07-01, 1.2.3]
unicode: "Zoë – “naïve” \U0001F600 \t\n\\ / \x07"
block: |
  two
    lines

empty: {}
none: []
zeta: {b: 1, a: {d: [[], {}], c: x}, "é": 2, Z: 3}
sources:
  s:
    title: T
    b: 1
    tables:
      t:
        key: [x]
        fields:
          x: {class: a, use: b}
          "quoted field": [{class: a}, {class: b}]
      u: {fields: []}
      v: plain
      w: {a: 1}
  r: just text
"""

CLAUSES = {
    # clause                                    line  the first digits of its digest
    "agreement":                                (1,  "81ab748b9efa38b0"),
    "numbers":                                  (2,  "bcea80d2312320b3"),
    "words":                                    (3,  "c58bd0e555767085"),
    "unicode":                                  (4,  "6057823c2a31ab7c"),
    "block":                                    (5,  "ad8cd0b28985f948"),
    "empty":                                    (9,  "44136fa355b3678a"),
    "none":                                     (10, "4f53cda18c2baa0c"),
    "zeta":                                     (11, "c5b4afb8a3f69f3c"),
    "sources.s":                                (13, "603d81b9464c19f7"),
    "sources.s.tables.t":                       (17, "db897c8372629d90"),
    "sources.s.tables.t.fields.x":              (20, "b56f14c9be557be5"),
    "sources.s.tables.t.fields.quoted field":   (21, "b900bdf74a0a9450"),
    "sources.s.tables.u":                       (22, "44136fa355b3678a"),
    "sources.s.tables.u.fields":                (22, "4f53cda18c2baa0c"),
    "sources.s.tables.v":                       (23, "945603a8f587786b"),
    "sources.s.tables.w":                       (24, "015abd7f5cc57a2d"),
    "sources.r":                                (25, "2d97799dd0b1f372"),
}  # fmt: skip


def read(text: str) -> tuple[dict[str, str], dict[str, int]]:
    return clauses(parse_yaml(Path("clinic.yaml"), text))


def test_every_clause_has_the_digest_it_always_had() -> None:
    digests, lines = read(EVERYTHING)
    assert {path: (lines[path], digest[:16]) for path, digest in digests.items()} == CLAUSES
    assert digest_of(digests) == "9063abbb716c51a804b1101a505a7a0c351b08310f3fb14ae1ea11c5ebbaeff2"


def test_an_agreement_has_the_digest_it_always_had() -> None:
    digests, _ = read(SMALL)
    assert digest_of(digests) == "24e20f4ae0cf59966dbe0fde85249ebcdfe774486cdb5f8807b4feb7462c4f86"
    assert digest_of(read(edited("top_code: 20", "top_code: 21"))[0]) != digest_of(digests)


def test_the_bytes_that_are_signed_can_be_made_by_hand() -> None:
    value = parse_yaml(Path("clinic.yaml"), EVERYTHING).plain_value()
    assert canonical_json(value["numbers"]) == b"[1,0,-12,1.5,-0.0,0.1,100000.0,123456789012345,1e-05]"
    assert canonical_json(value["words"]) == (
        b'[true,false,"true","1","x\'y","~","null","","plain words","2025-07-01","1.2.3"]'
    )
    assert canonical_json(value["zeta"]) == '{"Z":3,"a":{"c":"x","d":[[],{}]},"b":1,"é":2}'.encode()


def test_folding_is_layout() -> None:
    """How a paragraph is broken into lines with `>` is no meaning; what it says is."""
    written = [
        "a: >-\n  one two\n  three\n",
        "a: >-\n  one\n  two three\n",
        "a: one two\n  three\n",
        "a: one two three\n",
    ]
    assert len({digest_of(read(text)[0]) for text in written}) == 1
