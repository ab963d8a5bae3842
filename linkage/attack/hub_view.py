"""What somebody with the hub's own keys sees: every record's source and child, beside the store.

This is not the thief of a disk but the hub's operator, or a thief of disk and keys. Without K1 the tokens still say
nothing about names, but who belongs together does tell children apart: a child that alone has records at three given
agencies is singled out by whoever knows which child that is. It is shown so that nobody takes the thief's figures for
the operator's.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linkage.attack.structure import Exposure, refine
from linkage.attack.tables import TokenTable, graph


def hub_tables(record_child: pa.Table) -> tuple[tuple[str, ...], pa.Table]:
    """Return the sources, and a table of tokens, one row a record: `source` and `child`, numbered without meaning.

    `record_child` has `source` and `child_id`, as `linkage.ledger.Ledger.record_child` returns them.
    """
    source, child = (
        pc.cast(record_child.column(name), pa.string()).combine_chunks().dictionary_encode()
        for name in ("source", "child_id")
    )
    return tuple(source.dictionary.to_pylist()), pa.table({"source": source.indices, "child": child.indices})


def measure_hub_view(record_child: pa.Table) -> dict[str, Any]:
    """Return the exposure by the sources that children have: `sources` (each within the whole), and `all`."""
    names, tokens = hub_tables(record_child)
    sizes = refine(graph(tokens.num_rows, [TokenTable.of(tokens)])).sizes
    source = tokens.column("source").to_numpy()
    return {
        "sources": {name: Exposure.of(sizes[source == number]).to_json() for number, name in enumerate(names)},
        "all": Exposure.of(sizes).to_json(),
    }
