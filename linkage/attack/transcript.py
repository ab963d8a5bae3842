"""What one night's linking showed to whoever watched it: each agency's tokens in transit, and all of them together.

Every round of a night is about the same records, so that all rounds are one graph. Nothing is kept but counts and
shares.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from linkage.attack.frequency import frequency
from linkage.attack.known_pairs import known_pairs
from linkage.attack.structure import Exposure, exposure, refine
from linkage.attack.tables import TokenTable, graph
from linkage.transcript import Sent, Transcript


def measure_transcript(transcript: Transcript) -> dict[str, Any]:
    """Return the exposure of one night: `sources` (each alone, in transit), `all` tokens together, and the rest.

    `all_with_sources` is for a watcher who also knows which agency each record came from; `frequency` and `known_pairs`
    are of all tokens. A record counts where any round sent a token of it.
    """
    tables = transcript_tables(transcript)
    sources = {}
    for number, name in enumerate(transcript.sources):
        count, own = only(tables, transcript.source == number)
        if count:
            sources[name] = exposure(count, own).to_json()
    count, whole = only(tables, np.ones(len(transcript.source), bool))
    tokens = graph(count, whole)
    colours = refine(tokens)
    return {
        "sources": sources,
        "all": Exposure.of(colours.sizes).to_json(),
        "all_with_sources": exposure(count, [*whole, _senders(transcript, tables)]).to_json(),
        "frequency": frequency(tokens, colours),
        "known_pairs": known_pairs(tokens),
    }


def transcript_tables(transcript: Transcript) -> list[TokenTable]:
    """Return one table a round; a column of one round is another column than that of another round."""
    return [_table(sent) for sent in transcript.sent]


def sent_by(tables: list[TokenTable], records: int) -> np.ndarray:
    """Return the records that any of the tables is about, int64, in order."""
    of = np.zeros(records, bool)
    for table in tables:
        of[table.record] = True
    return np.flatnonzero(of)


def only(tables: list[TokenTable], chosen: np.ndarray) -> tuple[int, list[TokenTable]]:
    """Return how many of the `chosen` records, bool (n,), any table is about, and the tables of those alone."""
    number = np.full(len(chosen), -1)
    of = sent_by(tables, len(chosen))
    of = of[chosen[of]]
    number[of] = np.arange(len(of))
    return len(of), [table.renumbered(number) for table in tables]


def _senders(transcript: Transcript, tables: list[TokenTable]) -> TokenTable:
    """Return which source each record of the whole transcript is of, as one more column of tokens."""
    source = transcript.source[sent_by(tables, len(transcript.source))].astype(np.int64)
    return TokenTable(np.arange(len(source)), {"source": pa.array(source)})


def _table(sent: Sent) -> TokenTable:
    names = [f"{sent.round_id}.{column}" for column in sent.columns]
    columns = {
        name: pa.array(np.ascontiguousarray(sent.tokens[number]), mask=~sent.present[number])
        for number, name in enumerate(names)
    }
    return TokenTable(sent.record, columns, tuple(tuple(names[n] for n in group) for group in sent.comparable))
