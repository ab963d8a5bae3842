"""What a whole token file shows to whoever opens it: all tokens of one source, whatever the rounds would send.

A file is sealed to the hub, so that this is no thief's view but that of somebody with the hub's private key: in
agency-tokenised mode the agency sends all rounds at once and the hub opens what collides.
"""

import numpy as np
import pyarrow as pa

from linkage.attack.structure import Exposure, exposure
from linkage.attack.tables import TokenTable
from linkage.attack.words import scramble
from linkage.batch import TokenBatch
from linkage.rules import ANCHORS, ASKED, ROUND, TAGS


def batch_table(batch: TokenBatch) -> TokenTable:
    """Return all tokens of a batch as one table: tags, anchors, asked anchors, and features, each under its anchor."""
    names = [*(tag.id for tag in TAGS), *(a.id for a in ANCHORS), *(f"{ANCHORS[n].id}_asked" for n in ASKED)]
    columns = {name: pa.array(batch.words(number)) for number, name in enumerate(names)}
    for number, span in enumerate(ROUND.spans):
        anchor = batch.words(len(TAGS) + number)
        for place in range(span.start, span.stop):
            under = scramble(anchor) ^ batch.features[:, place].astype(np.uint64)
            columns[ROUND.features[place]] = pa.array(under)
    asked = [(ANCHORS[n].id, f"{ANCHORS[n].id}_asked") for n in ASKED]
    return TokenTable(np.arange(len(batch)), columns, (*ROUND.comparable(), *asked))


def measure_file(batch: TokenBatch) -> Exposure:
    """Return what the whole batch shows of its records."""
    return exposure(len(batch), [batch_table(batch)])
