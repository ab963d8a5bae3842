"""What the CLK peer needs from ours: the values it hashes, and the structure attack on the filters it made."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.data.folder import Folder
from benchmarks.peers import trained
from benchmarks.peers.outcome import Laps, arguments, write_exposure
from linkage.attack.structure import Exposure, refine
from linkage.attack.tables import Edges, Graph


def write_values(data: Folder) -> float:
    """Write ``values.parquet`` beside the data set; return the seconds that takes."""
    laps = Laps()
    atoms = trained.atoms_of(data)
    values = {
        "source": pa.array(data.source_of()),
        "given": pc.coalesce(atoms["given_canonical"], atoms["given"]),
        "surname": atoms["surname_1"],
        "birth_date": atoms["birth_date"],
        "sex": atoms["sex"],
    }
    pq.write_table(pa.table(values), data.path / "values.parquet")
    laps.lap("encode")
    return laps.seconds["encode"]


def singled_out(filters: np.ndarray) -> float:
    """Return the share of records that the bits of packed filters, uint8 (n, bytes), single out.

    Who has which bit is the graph; which bit stands for what is under the key.
    """
    bits = np.unpackbits(filters, axis=1)
    record, token = np.nonzero(bits)
    graph = Graph(
        records=len(filters),
        columns=("bit",),
        edges=(Edges(0, record, token, once=False),),
        domain=np.zeros(bits.shape[1], np.uint64),
        alone=np.zeros(len(filters), np.uint64),
    )
    return Exposure.of(refine(graph, rounds=3).sizes).singled_out


def main() -> None:
    """Attack the filters that `benchmarks.peers.clk` left in OUT."""
    args = arguments()
    data = Folder(args.data)
    filters, source = np.load(args.out / "filters.npy"), data.source_of()
    sources = {name: singled_out(filters[source == n]) for n, name in enumerate(data.sources)}
    whole = singled_out(filters)
    write_exposure(args.out, at_rest=whole, in_transit=max(sources.values()), whole=whole, sources=sources)


if __name__ == "__main__":
    main()
