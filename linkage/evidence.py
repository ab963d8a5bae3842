"""Why records are linked: which tags joined them, what every scored pair agreed on. No token, no value.

Kept sealed, because what two records agree on tells records apart. `pairs` holds scored pairs from `KEEP_BITS` up,
`joins` the pairs that a tag joined in the first round (one chain a child, not all pairs). Explaining, reviewing and
estimating read it; only `linkage.run` writes it.
"""

from pathlib import Path
from typing import Final

import pyarrow as pa

from linkage.keys import KeyRing
from linkage.sealing import SealedTables

KEEP_BITS: Final = -10.0
"""Pairs below this weight are not kept: they are no link and no question to anybody."""

LINKED: Final = "linked"
REFUSED: Final = "refused"
TIED: Final = "tied"
MISSING: Final = 255
"""The level of a comparison that said nothing."""

_SIDES: Final = [
    ("left_source", pa.dictionary(pa.int16(), pa.string())),
    ("left_key", pa.binary(16)),
    ("right_source", pa.dictionary(pa.int16(), pa.string())),
    ("right_key", pa.binary(16)),
]
JOINS: Final = pa.schema([*_SIDES, ("tag", pa.dictionary(pa.int16(), pa.string()))])
"""`tag`: id of the tag of `linkage.rules.TAGS` (or `reviewed`) that both records share."""


def pairs_schema(comparisons: tuple[str, ...]) -> pa.Schema:
    """Return the schema of `pairs`: the two records, weight in bits, outcome, one level a comparison.

    ``level_<comparison>`` uint8 is the position of the level that held in the comparison's `levels`
    (`linkage.comparisons`), or `MISSING`. `outcome` is `LINKED` (one child now), `REFUSED` or `TIED`.
    """
    levels = [(f"level_{name}", pa.uint8()) for name in comparisons]
    return pa.schema([*_SIDES, ("weight", pa.float32()), ("outcome", pa.dictionary(pa.int16(), pa.string())), *levels])


def evidence_store(path: Path, ring: KeyRing) -> SealedTables:
    """Return the sealed file that holds the tables `pairs` and `joins`."""
    return SealedTables(path, ring.derive("evidence.seal"))
