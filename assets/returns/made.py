"""Making a return file: whose records they are, which flags may be told of whom, the account of it, the sealed file.

What belongs here: the order of the steps. What does not: the agreements (`licensed`), families' answers (`consented`),
the request (`request`), the form of the file (`linkage.return_file`).

Nothing plain is written: ids and flags are in memory until they are sealed to the agency. The act is recorded first and
the file put in its place last, so that no return exists without its account.
"""

# Names in these statements come from checked files and literals, never from data.
# ruff: noqa: S608

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from assets.night import Night
from assets.outcomes.run import OutcomePlace
from assets.returns.accounted import rows_of
from assets.returns.consented import Asked, Permitted
from assets.returns.licensed import Flag, Grounds, ReturnError, allowed, grounds_of
from assets.returns.request import Request
from assets.spine.build import content_tables, join_content
from assets.spine.exposure import CONTENT_PREFIX, Columns, expose, run_into
from assets.spine.periods import label, make_periods
from consent.child_sets import ChildSets
from consent.disclosures import Act, Disclosures
from consent.registry import open_registry
from consent.trail import AuditTrail
from linkage import return_file
from linkage.key_files import replace_private
from linkage.protected import Protected
from linkage.records import RECORD_KEY_TYPE

NO_CHILD, PROTECTED, NOT_PERMITTED, RETURNED = "no child", "protected", "not permitted", "returned"

_PERIODS_OF = "memory.lake"

_LINKED = """
    create temp table linked as
    select
        asked.*, link.child_id,
        case
            when kept.record_key is not null then $protected
            when link.child_id is null then $no_child
        end as because
    from request as asked
    left join record_child as link on link.source = asked.namespace and link.record_key = asked.record_key
    left join protected_record as kept on kept.source = asked.namespace and kept.record_key = asked.record_key
"""


@dataclass(frozen=True)
class Made:
    """A return that was made: its act, how many records by outcome, the flags told, and why others were withheld."""

    act: str
    records: Mapping[str, int]
    flags: tuple[str, ...]
    withheld: Mapping[str, str]


def make_return(
    night: Night, agency: str, request: Request, permitted: Permitted, public: X25519PublicKey, out: Path, *, actor: str
) -> Made:
    """Write the return file for an agency to `out`.

    Raises ReturnError where it cannot be made: then nothing is left but the refusal, an event of the audit trail, since
    a request is to be recorded too (34 CFR 99.32(a)(1) [M]).
    """
    try:
        return _make(night, agency, request, permitted, public, out, actor)
    except ReturnError as refused:
        engine = open_registry(night.paths.registry_url)
        about = {"records": len(request), "because": str(refused)}
        AuditTrail(engine).append("refusal", f"return-{agency} {night.date.isoformat()}", about, actor=actor)
        engine.dispose()
        raise


def _make(
    night: Night, agency: str, request: Request, permitted: Permitted, public: X25519PublicKey, out: Path, actor: str
) -> Made:
    if out.exists():
        raise ReturnError(f"{out.name}: found a file, expected none; name another")
    grounds = grounds_of(night.policy, agency)
    with duckdb.connect(config={"temp_directory": ""}) as con:
        _open(con, night)
        flags, withheld = allowed(grounds, content_tables(con, "content"))
        if not flags:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in withheld.items())
            raise ReturnError(f"{grounds.licence.agreement_id}: no flag may be told: {reasons}")
        _link(con, night, request)
        answers = permitted(con, night, _asked(grounds, flags))
        join_content(con, night.policy)
        _tell(con, grounds, flags, answers)
        content = _content(con, flags)
        records = dict(con.execute("select because, count(*) from outcome group by 1 order by 1").fetchall())
        if not records.get(RETURNED):
            raise ReturnError(
                f"nothing to return: of {len(request):,} records none has a child whose family permits a flag of "
                f"{grounds.licence.agreement_id}"
            )
        act = f"t-{night.date.isoformat()}-{_digest(night, grounds, content)}"
        sets = _children(con, flags)
    header = {"city": night.keys.city, "agency": agency, "night": night.date.isoformat(), "act": act}
    header |= {"licence": grounds.licence.agreement_id, "licence_sha256": grounds.licence.sha256}
    sealed = return_file.seal(public, header, content)
    _account(night, grounds, flags, sets, act, public=public, actor=actor)
    replace_private(out, sealed)
    return Made(act, records, tuple(flag.name for flag in flags), withheld)


def _open(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Make content, ledger and the current school year known; the return's own `spine` lies in memory."""
    con.execute(f"attach '{str(night.paths.content).replace(chr(39), chr(39) * 2)}' as content (read_only)")
    con.execute("attach ':memory:' as spine")
    con.execute("create schema memory.lake")
    make_periods(con, _PERIODS_OF, night.date, (label(night.date.year - (night.date.month < 7)),))
    con.register("record_child", night.record_child())


def _asked(grounds: Grounds, flags: Sequence[Flag]) -> list[Asked]:
    return [
        Asked(source, cls, grounds.purpose, grounds.recipient.agency)
        for source, cls in sorted(set().union(*(flag.asked for flag in flags)))
    ]


def _link(con: duckdb.DuckDBPyConnection, night: Night, request: Request) -> None:
    """Leave `linked`: every requested record with its child, or why it has none that may be told of."""
    con.register("request", request.table)
    con.register("protected_record", _protected(night, request))
    con.execute(_LINKED, {"protected": PROTECTED, "no_child": NO_CHILD})


def _protected(night: Night, request: Request) -> pa.Table:
    held = Protected(night.paths.protected, night.keys)
    parts = []
    for namespace in sorted(set(request.table.column("namespace").to_pylist())):
        keys = held.keys(namespace)
        array = pa.Array.from_buffers(RECORD_KEY_TYPE, len(keys), [None, pa.py_buffer(keys.tobytes())])
        names = pa.array([namespace] * len(keys), pa.string())
        parts.append(pa.table({"source": names, "record_key": array.cast(pa.binary())}))
    return pa.concat_tables(parts)


def _tell(con: duckdb.DuckDBPyConnection, grounds: Grounds, flags: Sequence[Flag], answers: pa.Table) -> None:
    """Leave `outcome`: the linked records with every flag that may be told of their child, and why others have none."""
    asked = _asked(grounds, flags)
    con.register("permitted", answers)
    columns = Columns(grounds.policy, content_tables(con, "spine", CONTENT_PREFIX))
    place = OutcomePlace(night=_PERIODS_OF)
    joins, told, any_told = [], [], []
    for flag in flags:
        places = [n for n, one in enumerate(asked) if (one.source, one.cls) in flag.asked]
        run_into(con, flag.file, expose(con, flag.file, columns, place), f"memory.main.flag_{flag.name}")
        con.execute(
            f"create table memory.main.may_{flag.name} as select child_id from permitted "
            f"where list_contains($places, asked) group by child_id having count(distinct asked) = $all",
            {"places": places, "all": len(places)},
        )
        joins.append(f"left join may_{flag.name} using (child_id) left join flag_{flag.name} using (child_id)")
        told.append(
            f"case when may_{flag.name}.child_id is not null then flag_{flag.name}.flag end as {flag.name}, "
            f"may_{flag.name}.child_id is not null as may_{flag.name}"
        )
        any_told.append(f"may_{flag.name}.child_id is not null")
    con.execute(
        f"create temp table outcome as select linked.* exclude (because), {', '.join(told)}, "
        f"coalesce(because, case when {' or '.join(any_told)} then $returned else $refused end) as because "
        f"from linked {' '.join(joins)}",
        {"returned": RETURNED, "refused": NOT_PERMITTED},
    )


def _content(con: duckdb.DuckDBPyConnection, flags: Sequence[Flag]) -> bytes:
    """Return the file's content as CSV: source, record_id, and yes, no or nothing under each flag."""
    words = [
        f"case when {flag.name} then 'yes' when not {flag.name} then 'no' else '' end as {flag.name}" for flag in flags
    ]
    rows = con.sql(
        f"select source, record_id, {', '.join(words)} from outcome where because = '{RETURNED}' order by all"
    ).to_arrow_table()
    text = io.BytesIO()
    pacsv.write_csv(rows, text)
    return text.getvalue()


def _children(con: duckdb.DuckDBPyConnection, flags: Sequence[Flag]) -> dict[str, pa.Array]:
    """Return for each flag the children of whom it is told: that nothing is on record is told too."""
    found = {}
    for flag in flags:
        query = f"select distinct child_id from outcome where because = '{RETURNED}' and may_{flag.name} order by 1"
        found[flag.name] = con.sql(query).to_arrow_table()["child_id"].combine_chunks()
    return found


def _digest(night: Night, grounds: Grounds, content: bytes) -> str:
    """Return what names this return among those of its night: the same again is the same act."""
    key = night.keys.derive("disclosure.return")
    return hmac.new(key, grounds.licence.sha256.encode() + content, hashlib.sha256).hexdigest()[:12]


def _account(
    night: Night,
    grounds: Grounds,
    flags: Sequence[Flag],
    children: Mapping[str, pa.Array],
    act: str,
    *,
    public: X25519PublicKey,
    actor: str,
) -> None:
    """Record the act: who gets what about whom, under which agreements."""
    engine = open_registry(night.paths.registry_url)
    try:
        sets = ChildSets(night.keys.derive)
        rows, sealed = rows_of(grounds, flags, children, sets)
        about = {
            "licence": grounds.licence.agreement_id,
            "licence_sha256": grounds.licence.sha256,
            "flags": {flag.name: flag.file.header.get("version", "") for flag in flags},
            "key": return_file.fingerprint(public),
        }
        Disclosures(engine, sets).record(Act("return", act, night.date), rows, sets=sealed, actor=actor, about=about)
    finally:
        engine.dispose()
