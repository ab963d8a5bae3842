"""Attacks on Cradlepath's own tokens: what can be told of whom, without a key, from a store or a night's transcript.

`structure` colours records by who shares tokens with whom, `frequency` ranks tokens by how often they occur,
`known_pairs` starts from records that somebody knows already. They run on plain tables of tokens (`tables`); which
tables a disk or a night gives is `at_rest` and `transcript`. Nothing here needs a key, and nothing here is kept: what
comes out are counts and shares. Which shares are too many is `limits`.
"""

from linkage.attack.limits import Finding, Limit, Limits, findings
from linkage.attack.structure import Exposure, exposure, refine
from linkage.attack.tables import TokenTable
from linkage.attack.transcript import measure_transcript

__all__ = [
    "Exposure",
    "Finding",
    "Limit",
    "Limits",
    "TokenTable",
    "exposure",
    "findings",
    "measure_transcript",
    "refine",
]
