"""Who takes part in one night's linking: the new records, and whoever in the vault or the ledger they meet.

Built once a night from the vault's waiting tokens, the entries they find, the ledger and the reviewers' decisions;
everything in it is numbers. How the rounds use it is `linkage.run`.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from linkage.batch import TokenBatch
from linkage.cores import on_all_cores
from linkage.decisions import Decisions
from linkage.ledger import LedgerState
from linkage.meeting import Met, asks, meet, new_slots
from linkage.records import find_keys
from linkage.rounds import Held, Nodes
from linkage.rules import ASKED, HANDLES, TAGS
from linkage.vault import Vault, Waiting

NOBODY: Final = LedgerState((), np.empty(0, np.int16), np.empty((0, 16), np.uint8), np.empty(0, np.int64))
"""The ledger of a first night."""


@dataclass(frozen=True)
class Universe:
    """The records of tonight, and the nodes they are grouped into.

    The n records: first the `fresh` ones, then stored ones they meet, then members of children to be taken apart.
    `source` int64 (n,) into `names`, of which those in `one_record` promise one record a child; `keys` uint8 (n, 16);
    `node` int64 (n,); `at` int64 (n,) the position in the vault (-1 where it is not needed). `values` uint64 (HANDLES,
    fresh) are the tokens of the new records, `slots` uint32 (fresh, HANDLES) where their entries will go, `met` what
    they found; `asking` bool (asked anchors, n) says who asks. `member_keys` uint8 (m, 16) are in the order of
    `nodes.member_node`: every record whose child may change tonight. `must` and `cannot` int64 (k, 2) are nodes.
    `population` counts the records of the whole city.
    """

    names: tuple[str, ...]
    one_record: np.ndarray
    batch: TokenBatch
    source: np.ndarray
    keys: np.ndarray
    node: np.ndarray
    at: np.ndarray
    values: np.ndarray
    slots: np.ndarray
    met: Met
    asking: np.ndarray
    nodes: Nodes
    member_keys: np.ndarray
    must: np.ndarray
    cannot: np.ndarray
    population: int

    @property
    def fresh(self) -> int:
        """How many records are new."""
        return len(self.batch)

    def holding(self, column: int, among: np.ndarray | None = None) -> Held:
        """Return who holds the tokens of a column: new records (all, or those `among`), and those they met."""
        chosen = np.ones(self.fresh, bool)
        if among is not None:
            chosen = np.zeros(self.fresh, bool)
            chosen[among] = True
        new = np.flatnonzero(chosen)
        found = np.flatnonzero(self.met.column == column)
        found = found[chosen[self.met.probe[found]]]
        values = self.values[column]
        both = np.stack([values[self.met.probe[found]], self.met.record[found].astype(np.uint64)], axis=1)
        both = np.unique(both, axis=0) if len(both) else both
        record = np.concatenate([new, both[:, 1].astype(np.int64)])
        return Held(np.concatenate([values[new], both[:, 0]]), record, self.node[record], self.source[record])


def build_universe(
    vault: Vault,
    waiting: Waiting,
    ledger: LedgerState,
    one_record: set[str],
    decisions: Decisions,
    staying: bool = False,
) -> Universe:
    """Return tonight's records; `one_record` names the sources that promise one record a child.

    `staying`: a record that comes again stays with its child, because its tokens are of another K1 than those of the
    records it belongs with and cannot meet them.
    """
    batch = waiting.batch
    values = np.stack(on_all_cores(batch.words, range(HANDLES)))
    asking = asks(values)
    met, taken = meet(vault, batch, asking, waiting.stale)
    slots = np.stack(on_all_cores(lambda c: new_slots(values[c], taken[c], batch.keys), range(HANDLES)), axis=1)
    at = np.unique(met.record)
    met = replace(met, record=np.searchsorted(at, met.record) + len(batch))
    stored = vault.stored(at)
    names = (*vault.names, *(name for name in ledger.sources if name not in vault.names))
    known = _Known(names, batch, waiting, ledger, decisions, staying)
    extra = known.taken_apart(np.concatenate([batch.keys, stored.keys]))
    source = np.concatenate([waiting.source, stored.source, known.source_of(extra)]).astype(np.int64)
    keys = np.concatenate([batch.keys, stored.keys, ledger.keys[extra]])
    node = known.nodes_of(keys)
    owners, member_keys, member_source = known.members(source, keys, node)
    promised = np.array([name in one_record for name in names], bool)
    return Universe(
        names=names,
        one_record=promised,
        batch=batch,
        source=source,
        keys=keys,
        node=node,
        at=np.concatenate([np.full(len(batch), -1), at, np.full(len(extra), -1)]),
        values=values,
        slots=slots,
        met=met,
        asking=_asking(asking, met, len(keys)),
        nodes=Nodes.of(known.count, owners, member_source, promised),
        member_keys=member_keys,
        must=known.decided(decisions.must, keys, node),
        cannot=known.decided(decisions.cannot, keys, node),
        population=len(ledger.keys) + int((ledger.find(batch.keys) < 0).sum()),
    )


def _asking(fresh: np.ndarray, met: Met, n: int) -> np.ndarray:
    """Return who of n records asks under which asked anchor, bool (asked, n)."""
    asking = np.zeros((len(ASKED), n), bool)
    asking[:, : fresh.shape[1]] = fresh
    for place, number in enumerate(ASKED):
        asking[place, met.record[met.asking & (met.column == len(TAGS) + number)]] = True
    return asking


class _Known:
    """What the ledger says of the records of tonight. A node is a new record or a child of the ledger.

    The members of a child that a reviewer has called two children are nodes of their own: it is taken apart.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        batch: TokenBatch,
        waiting: Waiting,
        ledger: LedgerState,
        decisions: Decisions,
        staying: bool,
    ):
        self._ledger = ledger
        self._gone = waiting.gone if staying else np.concatenate([batch.keys, waiting.gone])
        self._number = np.array([names.index(name) for name in ledger.sources], np.int64)
        both = self._counters(decisions.cannot.reshape(-1, 16)).reshape(-1, 2)
        self._apart = np.unique(both[(both[:, 0] == both[:, 1]) & (both[:, 0] >= 0), 0])
        named = self._counters(np.concatenate([decisions.must, decisions.cannot]).reshape(-1, 16))
        self._named = np.setdiff1d(named[named >= 0], self._apart)
        self._children = np.empty(0, np.int64)
        self.count = 0

    def taken_apart(self, here: np.ndarray) -> np.ndarray:
        """Return the ledger's rows of children that are taken apart, but for those that are `here`, keys (k, 16)."""
        rows = self._current(self._ledger.rows_of(self._apart))
        return rows[find_keys(here, self._ledger.keys[rows]) < 0]

    def source_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of the source of some rows of the ledger."""
        return self._number[self._ledger.source[rows]] if len(rows) else np.empty(0, np.int64)

    def nodes_of(self, keys: np.ndarray) -> np.ndarray:
        """Return the node of every record of tonight, given the keys of all."""
        counters = self._counters(keys)
        alone = (counters < 0) | np.isin(counters, self._apart)
        self._children = np.unique(np.concatenate([counters[~alone], self._named]))
        self.count = int(alone.sum()) + len(self._children)
        node = np.empty(len(keys), np.int64)
        node[alone] = np.arange(int(alone.sum()))
        node[~alone] = int(alone.sum()) + np.searchsorted(self._children, counters[~alone])
        return node

    def members(
        self, source: np.ndarray, keys: np.ndarray, node: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return node, key and source of every record of every node."""
        first = self.count - len(self._children)
        lone = np.flatnonzero(node < first)
        rows = self._current(self._ledger.rows_of(self._children))
        child = first + np.searchsorted(self._children, self._ledger.counter[rows]) if len(rows) else rows
        return (
            np.concatenate([node[lone], child]),
            np.concatenate([keys[lone], self._ledger.keys[rows]]),
            np.concatenate([source[lone], self.source_of(rows)]),
        )

    def decided(self, pairs: np.ndarray, keys: np.ndarray, node: np.ndarray) -> np.ndarray:
        """Return reviewed pairs of record keys (k, 2, 16) as pairs of nodes, those that still exist."""
        flat = pairs.reshape(-1, 16)
        here = find_keys(keys, flat)
        counters = self._counters(flat)
        child = self.count - len(self._children) + np.searchsorted(self._children, counters)
        inside = np.isin(counters, self._children)
        nodes = np.where(here >= 0, node[here] if len(node) else -1, np.where(inside, child, -1)).reshape(-1, 2)
        return np.asarray(nodes[(nodes >= 0).all(axis=1) & (nodes[:, 0] != nodes[:, 1])])

    def _counters(self, keys: np.ndarray) -> np.ndarray:
        rows = self._ledger.find(keys)
        if not len(self._ledger.counter):
            return np.full(len(keys), -1, np.int64)
        gone = find_keys(self._gone, keys) >= 0
        return np.where((rows >= 0) & ~gone, self._ledger.counter[rows], -1)

    def _current(self, rows: np.ndarray) -> np.ndarray:
        return rows[find_keys(self._gone, self._ledger.keys[rows]) < 0]
