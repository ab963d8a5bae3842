"""Which records are protected now: sealed adoptions, void certificates, confidential addresses, by record key.

`state/protected.sealed` lists the records whose agency flagged them, so that nobody is told the child ID that such a
record had before. It is written as deliveries are loaded and read when the ledger's past is asked about
(`linkage.lineage`). Why a record is protected, and since when, is not kept.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from linkage.keys import KeyRing
from linkage.records import RECORD_KEY_TYPE, find_keys, key_matrix, key_order
from linkage.sealing import SealedTables

_NONE: Final = pa.table({"record_key": pa.array([], RECORD_KEY_TYPE)})


class Protected:
    """The protected records of all sources in one sealed file, created at the first of them."""

    def __init__(self, path: Path, ring: KeyRing):
        self._file = SealedTables(path, ring.derive("protected.seal"))

    def keys(self, source: str) -> np.ndarray:
        """Return the record keys of `source` that are protected, uint8 (n, 16), ordered."""
        return key_matrix(self._file.read().get(source, _NONE).column("record_key"))

    def holds(self, source: str, record_key: bytes) -> bool:
        """Return whether one record is protected."""
        return bool((self.keys(source) == np.frombuffer(record_key, np.uint8)).all(axis=1).any())

    def update(self, source: str, flagged: pa.Array, present: pa.Array) -> int:
        """Protect the `flagged` records of `source`, and no longer those that are `present` without a flag.

        Both are record keys. A record that is neither, because the agency does not send it any more, stays as it was.
        Returns how many are protected now; nothing changed, nothing is written.
        """
        tables = self._file.read()
        before, now = key_matrix(tables.get(source, _NONE).column("record_key")), key_matrix(flagged.unique())
        if not len(before) and not len(now):
            return 0
        away = find_keys(np.concatenate([now, key_matrix(present)]), before) >= 0
        after = np.concatenate([before[~away], now])
        after = after[key_order(after)]
        if not np.array_equal(before, after):
            kept = {name: table for name, table in tables.items() if name != source}
            if len(after):
                flat = np.ascontiguousarray(after)
                keys = pa.Array.from_buffers(RECORD_KEY_TYPE, len(flat), [None, pa.py_buffer(flat)])
                kept[source] = pa.table({"record_key": keys})
            self._file.write(dict(sorted(kept.items())))
        return len(after)
