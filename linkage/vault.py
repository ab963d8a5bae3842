"""The token vault: what later nights need to link a record, and nothing a thief of the disk can use.

A folder: ``anchors.rows`` is the encrypted multimap (`linkage.multimap`), one entry for each tag and anchor of each
record; ``records.rows`` has one row a record (`linkage.vault_records`); ``incoming/`` holds what waits for tonight's
linking (`linkage.incoming`). Every row has one shape; nothing orders or dates the rows. Which record is which child is
not here, and linking does not belong here: see `linkage.run`.
"""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from linkage.batch import TokenBatch
from linkage.cores import on_all_cores
from linkage.errors import VaultError
from linkage.incoming import Incoming
from linkage.keys import KeyRing
from linkage.multimap import FIRST_WINDOW, SLOTS, Entries, Multimap
from linkage.prf import BLOCK, Aes, OneWay
from linkage.records import find_keys, key_matrix, key_order
from linkage.rules import ANCHORS, HANDLES, ROUND, TAGS, layout
from linkage.vault_records import Fresh, RecordRows

_ASKING: Final = len(TAGS) + len(ANCHORS)


@dataclass(frozen=True)
class Stored:
    """Some records of the vault: `source` int16 (n,) into `Vault.names`, and `keys` uint8 (n, 16)."""

    source: np.ndarray
    keys: np.ndarray


@dataclass(frozen=True)
class Waiting:
    """What waits for linking: the batch of all new and changed records, their sources, and who is gone.

    `source` int16 (n,) into `Vault.names`; `gone` uint8 (g, 16) record keys withdrawn; `stale` int64: positions of
    record rows that are gone or replaced.
    """

    source: np.ndarray
    batch: TokenBatch
    gone: np.ndarray
    stale: np.ndarray

    def __bool__(self) -> bool:
        return bool(len(self.batch) or len(self.gone))


class Vault:
    """The tokens of all sources in one folder, which is created at the first write."""

    def __init__(self, path: Path, ring: KeyRing):
        self._path = path
        self._ring = ring
        self._about = path / "about.json"
        self._incoming = Incoming(path / "incoming", ring.derive("store.incoming"))

    @cached_property
    def names(self) -> list[str]:
        """The sources that ever had records; a source's number is its place here."""
        if not self._about.exists():
            return []
        about = json.loads(self._about.read_text(encoding="utf-8"))
        if about.get("layout") != layout():
            raise VaultError(
                f"{self._path}: the vault holds tokens of another layout than this version's; "
                "move it away and load every source again: child IDs are in the ledger and survive"
            )
        if about.get("check") != self._check():
            raise VaultError(
                f"{self._path}: the vault was written under another K2 than this key ring's; "
                "restore that k2.key, or finish the rotation with `cradlepath keys rotate k2`"
            )
        return list(about["sources"])

    @cached_property
    def map(self) -> Multimap:
        """The encrypted multimap."""
        return Multimap(self._path / "anchors.rows", self._ring)

    @cached_property
    def rows(self) -> RecordRows:
        """The record rows."""
        return RecordRows(self._path / "records.rows", self._ring)

    def upsert(self, source: str, batch: TokenBatch) -> int:
        """Let the new and changed records of `batch` wait for linking; return how many they are.

        Of two rows of one record the later counts. A night that brings nothing new leaves no file changed.
        """
        if batch.tags.shape[1:] != (len(TAGS), BLOCK) or batch.features.shape[1] != len(ROUND.features):
            raise VaultError(f"source {source}: tokens of another layout than this version's; make them again")
        if not len(batch):
            return 0
        number, last = self._number(source), _last_of_each(batch.keys)
        last = last[self.changed(source, batch.keys[last], batch.digests[last])]
        if len(last):
            self._incoming.add(number, batch.take(last))
        return len(last)

    def changed(self, source: str, keys: np.ndarray, digests: np.ndarray) -> np.ndarray:
        """Return which records are new or not as they are stored, bool (n,); only their tokens need be made.

        `keys` and `digests` uint8 (n, 16), as in a batch (`linkage.tokens.digests`).
        """
        if source not in self.names:
            return np.ones(len(keys), bool)
        number = self.names.index(source)
        at = self.rows.find(self._record_numbers(keys, number)[:, 0])
        changed = at < 0
        changed[~changed] = self.rows.digests(at[~changed]) != self.rows.digest_of(digests[~changed])
        for waiting in (self._incoming.gone(), self._incoming.keys(number)):
            changed |= find_keys(waiting, keys) >= 0
        return np.asarray(changed)

    def remove(self, source: str, record_keys: pa.Array) -> int:
        """Take records of `source` out, for good at tonight's linking; return how many were there."""
        return self._withdraw(source, find_keys(key_matrix(record_keys), self.keys(source)) >= 0)

    def keep_only(self, source: str, record_keys: pa.Array) -> int:
        """Take out every record of `source` whose key is not given; return how many."""
        return self._withdraw(source, find_keys(key_matrix(record_keys), self.keys(source)) < 0)

    def keys(self, source: str) -> np.ndarray:
        """Return the record keys of `source`, uint8 (n, 16), in the order of `linkage.records.key_order`."""
        if source not in self.names:
            return np.empty((0, BLOCK), np.uint8)
        number = self.names.index(source)
        stored = self.stored(np.flatnonzero(self.rows.sources == number)).keys
        waiting = self._incoming.keys(number)
        away = np.concatenate([self._incoming.gone(), waiting])
        kept = np.concatenate([stored[find_keys(away, stored) < 0], waiting])
        return np.asarray(kept[key_order(kept)])

    def counts(self) -> dict[str, int]:
        """Return how many records each source has, of sources that have any."""
        stored = np.bincount(self.rows.sources, minlength=len(self.names)) if self.names else np.empty(0, np.int64)
        counts = {name: len(self.keys(name)) if self.waits else int(stored[n]) for n, name in enumerate(self.names)}
        return {source: count for source, count in sorted(counts.items()) if count}

    def count(self, source: str | None = None) -> int:
        """Return how many records `source`, or all sources together, have."""
        return sum(self.counts().values()) if source is None else len(self.keys(source))

    def sources(self) -> list[str]:
        """Return the sources that have records, sorted."""
        return sorted(self.counts())

    @property
    def waits(self) -> bool:
        """Whether anything waits for linking."""
        return bool(self._incoming)

    def waiting(self) -> Waiting:
        """Return everything that waits for linking, sources by name and records by key."""
        held = {number: self._incoming.keys(number) for number in np.argsort(self.names).tolist()}
        source = np.repeat(np.array([*held], np.int16), [len(keys) for keys in held.values()])
        gone, batch, at = self._incoming.gone(), TokenBatch.empty(len(source)), 0
        for number, keys in held.items():
            batch.put(slice(at, at + len(keys)), self._incoming.batch(number))
            at += len(keys)
        stale = [self._at(keys, number) for number, keys in held.items()]
        stale += [self._at(gone, number) for number in held]
        return Waiting(source, batch, gone, np.unique(np.concatenate([np.empty(0, np.int64), *stale])))

    def stored(self, at: np.ndarray) -> Stored:
        """Return whose record rows lie at the given positions."""
        source, numbers = self.rows.sources[at], self.rows.numbers(at)
        keys = np.empty((len(at), BLOCK), np.uint8)
        for number in np.unique(source):
            mine = source == number
            keys[mine] = self._permutation(int(number)).back(numbers[mine])
        return Stored(source, keys)

    def secrets(self, tokens: np.ndarray, column: int) -> np.ndarray:
        """Return the hub's form of tokens, uint8 (..., 16), as column `column` of them holds it: what entries are of.

        Those who ask are found among themselves: the same token is another secret in a column of asking.
        """
        key = self._ring.derive("store.token") if column < _ASKING else self._ring.derive("store.asking")
        return Aes(key)(tokens)

    def entries_of(self, at: np.ndarray) -> np.ndarray:
        """Return the positions of the entries of the records at `at`."""
        found = self.map.at(self.rows.labels(at).ravel())
        return np.asarray(found[found >= 0])

    def commit(self, waiting: Waiting, slots: np.ndarray) -> None:
        """Store what was waiting, with the slot of each of its entries, uint32 (n, HANDLES); forget the rest.

        The entries are in place before the records, and the waiting tokens are forgotten last, so that a night that is
        interrupted finds them again; entries that lead to no record are found and left out.
        """
        batch = waiting.batch
        numbers = np.empty((len(batch), 2), np.uint64)
        for number in np.unique(waiting.source):
            mine = waiting.source == number
            numbers[mine] = self._record_numbers(batch.keys[mine], int(number))
        entries = self._entries(waiting, slots, numbers[:, 0])
        labels = entries.label[: numbers.size // 2 * HANDLES].reshape(HANDLES, -1)

        def opened(at: np.ndarray) -> Iterator[tuple[OneWay, np.ndarray]]:
            tokens, places = batch.anchors[at], slots[at]
            for anchor in range(len(ANCHORS)):
                column = len(TAGS) + anchor
                yield self.map.hashed(self.secrets(tokens[:, anchor], column)), places[:, column]

        fresh = Fresh(batch, waiting.source, numbers, labels, opened)
        with ThreadPoolExecutor(1) as beside:
            written = beside.submit(self.map.rewrite, self.entries_of(waiting.stale), entries)
            self.rows.rewrite(waiting.stale, fresh, written.result)
        self._incoming.clear()
        self._forget()

    def _entries(self, waiting: Waiting, slots: np.ndarray, numbers: np.ndarray) -> Entries:
        """Return the entries of what was waiting, column after column, and the markers they need."""
        n, beyond = len(numbers), int(np.count_nonzero((slots >= FIRST_WINDOW) & (slots < SLOTS)))
        made = Entries(*(np.empty(n * HANDLES + beyond, np.uint64) for _ in range(3)))

        def of_column(column: int) -> Entries:
            secrets = self.secrets(waiting.batch.column(column), column)
            made.put(column * n, self.map.entries(secrets, slots[:, column], numbers))
            return self.map.markers(secrets, slots[:, column])

        end = n * HANDLES
        for markers in on_all_cores(of_column, range(HANDLES)):
            made.put(end, markers)
            end += len(markers.label)
        return Entries(made.label[:end], made.check[:end], made.pointer[:end])

    def rekey(self, old: KeyRing, new: KeyRing) -> None:
        """Replace K2: everything at rest comes under the new one, nothing is linked again."""
        if self.waits:
            raise VaultError(f"{self._path}: tokens wait for linking; run the night first, then rotate K2")
        entries = self.map.rekeyed(old, new)
        self.rows.rekey(new, lambda labels: entries.label[self.map.at(labels)])
        self.map.rewrite(np.arange(len(self.map)), entries)
        names, self._ring = self.names, new
        self._write_about(names)
        self._forget()

    def tables(self) -> dict[str, pa.Table]:
        """Return what a thief of the disk sees, as columns of tokens: the entries, and the record rows."""
        entries = {name: np.asarray(self.map.column(name)) for name in ("label", "check", "pointer")}
        return {"anchors": pa.table(entries), "records": pa.table(self.rows.columns())}

    def files(self) -> dict[str, dict[str, np.ndarray]]:
        """Return the same as it is mapped: whole columns, the body as bytes, (rows, BODY_BYTES)."""
        return {"anchors": dict(self.map.columns()), "records": dict(self.rows.mapped())}

    def sources_of(self, at: np.ndarray) -> np.ndarray:
        """Return the numbers of the sources of the record rows at some positions, int16."""
        return np.asarray(self.rows.sources[at])

    def held(self) -> "Vault":
        """Return this vault as its files are now: they stay readable after a commit, and take no room once let go."""
        kept = Vault(self._path, self._ring)
        kept.__dict__ |= {"names": list(self.names), "map": self.map, "rows": self.rows}
        return kept

    def _withdraw(self, source: str, of: np.ndarray) -> int:
        gone = self.keys(source)[of]
        if len(gone):
            number = self.names.index(source)
            self._incoming.drop(number, gone)
            stored = self.rows.find(self._record_numbers(gone, number)[:, 0]) >= 0
            self._incoming.withdraw(gone[stored])
        return len(gone)

    def _at(self, keys: np.ndarray, number: int) -> np.ndarray:
        at = self.rows.find(self._record_numbers(keys, number)[:, 0])
        return at[at >= 0]

    def _record_numbers(self, keys: np.ndarray, number: int) -> np.ndarray:
        """Return the numbers of records in the vault, uint64 (n, 2): unlike their keys in any other store."""
        return np.ascontiguousarray(self._permutation(number)(keys)).view("<u8").reshape(-1, 2)

    def _permutation(self, number: int) -> Aes:
        return Aes(self._ring.derive(f"store.record.{self.names[number]}"))

    def _number(self, source: str) -> int:
        if source not in self.names:
            self._write_about([*self.names, source])
        return self.names.index(source)

    def _write_about(self, sources: Iterable[str]) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        about = {"layout": layout(), "check": self._check(), "sources": list(sources)}
        fresh = self._about.with_suffix(".new")
        fresh.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        fresh.replace(self._about)
        self.__dict__.pop("names", None)

    def _check(self) -> str:
        """Return what names this city's K2 and reveals nothing of it."""
        return self._ring.derive("rekey.check", 8).hex()

    def _forget(self) -> None:
        for name in ("map", "rows"):
            self.__dict__.pop(name, None)


def _last_of_each(keys: np.ndarray) -> np.ndarray:
    """Return the position of the last row of every distinct key."""
    order = key_order(keys)
    is_last = np.ones(len(order), bool)
    is_last[:-1] = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
    return order[is_last]
