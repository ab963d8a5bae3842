"""A request for a return: the agency's own record ids, read in memory and hashed there.

What belongs here: reading the file and refusing what is not the agency's. What does not: who the records are (`made`).
The ids stay in memory; no error quotes a value of the file.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from assets.returns.licensed import ReturnError
from linkage.keys import KeyRing
from linkage.records import record_keys
from mou_policies.model import SourcePolicy
from mou_policies.policy import Policy

MOST_BYTES = 1 << 26
"""Of a request file: some two million ids."""

_SHAPE = "expected CSV (UTF-8) with the columns record_id and, where an agency has several sources, source"


@dataclass(frozen=True)
class Request:
    """n requested records of one agency: `source` and `record_id` as asked, `namespace` and `record_key` at the hub."""

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)


def read_request(name: str, content: bytes, agency: str, policy: Policy, ring: KeyRing) -> Request:
    """Read a request from memory; `name` is how errors call it.

    Raises ReturnError for a file of another shape, or with a record of another agency's source.
    """
    if len(content) > MOST_BYTES:
        raise ReturnError(f"{name}: larger than {MOST_BYTES >> 20} MiB; ask for the records in several files")
    own = {source: one for source, one in policy.sources.items() if one.agency == agency and one.kind == "records"}
    if not own:
        raise ReturnError(f"no agreement in force on records of {agency}; a return is about an agency's own records")
    asked = _read(name, content)
    sources = _sources(name, asked, own)
    ids = asked.column("record_id").combine_chunks()
    parts = []
    for source in sorted(own):
        mine = ids.filter(pc.equal(sources, source))
        keys = record_keys(mine, own[source].namespace, ring)
        same = {"source": source, "namespace": own[source].namespace}
        parts.append(pa.table({**{k: pa.array([v] * len(mine), pa.string()) for k, v in same.items()},
                               "record_id": mine, "record_key": keys.cast(pa.binary())}))  # fmt: skip
    return Request(pa.concat_tables(parts).group_by(["source", "namespace", "record_id", "record_key"]).aggregate([]))


def _read(name: str, content: bytes) -> pa.Table:
    options = pacsv.ConvertOptions(
        column_types={"record_id": pa.string(), "source": pa.string()}, strings_can_be_null=False
    )
    try:
        found = pacsv.read_csv(io.BytesIO(content), convert_options=options)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        raise ReturnError(f"{name}: cannot be read, {_SHAPE}") from None
    if "record_id" not in found.column_names or not set(found.column_names) <= {"record_id", "source"}:
        raise ReturnError(f"{name}: found {len(found.column_names)} columns, {_SHAPE}")
    empty = pc.sum(pc.equal(pc.utf8_trim_whitespace(found.column("record_id")), "")).as_py()
    if empty or not found.num_rows:
        raise ReturnError(f"{name}: found {empty or 'only'} lines without a record id, {_SHAPE}")
    return found


def _sources(name: str, asked: pa.Table, own: dict[str, SourcePolicy]) -> pa.Array:
    """Return the source of each line, one of the agency's own."""
    if "source" in asked.column_names:
        sources = asked.column("source").combine_chunks()
        strange = pc.sum(pc.invert(pc.is_in(sources, value_set=pa.array(sorted(own))))).as_py()
        if strange:
            raise ReturnError(
                f"{name}: {strange} lines name a source that is not this agency's, expected one of "
                f"{', '.join(sorted(own))}; nothing is returned"
            )
        return sources
    namespaces = {one.namespace for one in own.values()}
    if len(namespaces) != 1:
        raise ReturnError(f"{name}: has no column source, expected one of {', '.join(sorted(own))} on every line")
    (only,) = namespaces
    return pa.array([only if only in own else next(iter(own))] * asked.num_rows, pa.string())
