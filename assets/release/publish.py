"""Making a release: all or nothing, aside first, audited from its own file, signed, and only then current.

What belongs here: the order of the steps. `build` assembles tonight's tables, hides (or changes) numbers, writes a
release file aside and audits that file; what an audit finds too narrow is hidden more widely and audited again, a few
times. `finish` signs what passed and moves the pointer. Anything else that goes wrong publishes nothing. What
does not: each step's work.

The same outcomes, agreements, keys and earlier releases give the same tables, id and signature: no clock is
read.
"""

# Paths in these statements are our own; names come from a validated catalogue.

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from assets.release import folder as places
from assets.release.amounts import require_rule
from assets.release.annex import seal
from assets.release.audit import AuditReport
from assets.release.auditing import attach, attack, open_annex, rules_before, sealed_draw
from assets.release.building import build_system
from assets.release.manifest import AUDITOR_KEY, draft, file_digest, sign
from assets.release.modes import comment, complete_rows, refuse_rows
from assets.release.modes.budget import NotDrawnError
from assets.release.modes.form import Setting
from assets.release.modes.protect import Protected, Protector
from assets.release.order import AuditFailedError, Keys, Order
from assets.release.policy import ReleaseError
from assets.release.prices import check_weights
from assets.release.rows.form import ROWS, RowFile, row_files
from assets.release.rows.releasing import make_rows
from assets.release.rows.shaping import Site
from assets.release.system import System
from assets.release.tables import Catalogue
from assets.release.working import WORK, Previous, annex_of, assemble
from assets.release.writing import content_digest, log_table, stage_tables, write_tables

BESIDE = (places.ANNEX, places.DRAW, ROWS)
"""What may lie beside the tables of a release."""

REPAIRS = 5
ANNEX_ROOM = 40
"""Bytes for each variable to which an annex is padded where even its length may tell nothing of the counts."""


@dataclass(frozen=True)
class Built:
    """A release file aside, with the audit of it; or, when `existing`, the same release published before."""

    release_id: str
    place: Path
    report: AuditReport
    existing: bool = False


def publish(order: Order, keys: Keys) -> places.StoredRelease:
    """Build, audit, sign and publish. Raises AuditFailedError or another ReleaseError, having published nothing."""
    built = build(order, keys)
    if not built.report.passed:
        raise AuditFailedError([str(finding) for finding in built.report.findings])
    return finish(order.releases, order.night, keys)


def build(order: Order, keys: Keys) -> Built:
    """Make tonight's release aside and audit it. A failed audit is in the report; its place is cleared.

    Raises NotLicensedError where the agreements do not let it go out, having built nothing.
    """
    places.recover(order.releases)
    order.governance.require()
    check_weights(order.catalogue, order.policy.weights)
    require_rule(order.catalogue, order.policy)
    if order.rows is not None:
        refuse_rows(order.policy)
    series = places.releases(order.releases)
    before = [release for release in series if release.night < order.night]
    built = _build_after(order, keys, before, series)
    if built is None:
        if any(release.night > order.night for release in series):
            raise ReleaseError(
                f"a release of a night after {order.night} exists; releases are made in order of their nights"
            )
        built = _build_after(order, keys, series, series, new=True)
    if built is None:
        raise ReleaseError("the release could not be placed in its series; check the folder of releases")
    return built


def _build_after(
    order: Order,
    keys: Keys,
    earlier: Sequence[places.StoredRelease],
    series: Sequence[places.StoredRelease],
    new: bool = False,
) -> Built | None:
    """Build on top of `earlier`; None when other releases were made since and this one is not among them."""
    con = duckdb.connect(":memory:", config={"temp_directory": ""})
    try:
        system = prepare(con, order, keys, earlier)
        may_draw = new or len(earlier) == len(series)
        setting = Setting(con, keys, order.releases, order.night, order.account, may_draw)
        try:
            protector = Protector(setting, system, order.policy, rules_before(earlier))
        except NotDrawnError:
            return None
        about = protector.about(order.catalogue)
        stricter: dict[int, int] = {}
        for _ in range(REPAIRS):
            try:
                found = protector.protect(stricter)
            except ReleaseError:
                if not stricter:
                    raise
                break  # nothing wider can be hidden: what the audit found stands
            stage_tables(con, order.catalogue, system, found.hidden, found.shown, found.coded)
            release_id = _release_id(con, order, earlier)
            same = next((release for release in series if release.id == release_id), None)
            if same is not None:
                return Built(release_id, same.path, AuditReport(), existing=True)
            if len(earlier) != len(series) and not new:
                return None
            built = _write_and_audit(
                con,
                order,
                keys,
                system,
                found,
                about=about,
                release_id=release_id,
                earlier=earlier,
                draw=protector.draw,
            )
            if built.report.passed or not built.report.narrow:
                break
            stricter = {**stricter, **{k: stricter.get(k, 0) + v for k, v in built.report.narrow.items()}}
        if not built.report.passed:
            places.clear(built.place)
        return built
    finally:
        con.close()


def prepare(
    con: duckdb.DuckDBPyConnection, order: Order, keys: Keys, earlier: Sequence[places.StoredRelease]
) -> System:
    """Assemble tonight's tables on top of `earlier` in the schema `work` of `con`, and return their system."""
    if not order.outcomes.is_file():
        raise ReleaseError(f"found no {order.outcomes.name}, expected tonight's outcomes; run the night first")
    attach(con, order.outcomes, "outcomes")
    assemble(con, order.catalogue, order.night, _previous(con, earlier, keys), order.policy.threshold)
    complete_rows(con, order.catalogue, order.policy, order.night)
    return build_system(con, order.catalogue, WORK)


def _previous(con: duckdb.DuckDBPyConnection, earlier: Sequence[places.StoredRelease], keys: Keys) -> Previous | None:
    """Attach the release before and open its annex."""
    if not earlier:
        return None
    last = earlier[-1]
    attach(con, last.database, "previous")
    annex = open_annex(last, keys.derive(AUDITOR_KEY))
    return Previous(Catalogue.from_json(last.manifest["catalogue"]), annex)


def _release_id(con: duckdb.DuckDBPyConnection, order: Order, earlier: Sequence[places.StoredRelease]) -> str:
    """Return the id: the night, and a digest of the tables, the rule and the release before."""
    whole = json.dumps(
        {
            "tables": content_digest(con, order.catalogue),
            "catalogue": order.catalogue.to_json(),
            "policy": order.policy.to_json(),
            "before": earlier[-1].id if earlier else None,
            **({"rows": order.rows.to_json()} if order.rows else {}),
        },
        sort_keys=True,
    )
    return f"r-{order.night.isoformat()}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


def _write_and_audit(
    con: duckdb.DuckDBPyConnection,
    order: Order,
    keys: Keys,
    system: System,
    found: Protected,
    *,
    about: Mapping[str, Any],
    release_id: str,
    earlier: Sequence[places.StoredRelease],
    draw: bytes = b"",
) -> Built:
    """Write the release file, attack it, and leave the manifest and the sealed annex beside it."""
    place = places.building_place(order.releases, order.night)
    database = place / places.DATABASE
    entry = {
        "release_id": release_id,
        "sequence": len(earlier) + 1,
        "night": order.night.isoformat(),
        "policy": order.policy.name,
        "tables": len(order.catalogue.tables),
        "counts": system.n_counts,
        "hidden": int(found.hidden.sum()),
    }
    quoted = str(database).replace("'", "''")
    con.execute(f"attach '{quoted}' as target")
    log = log_table([*(e.manifest["log"] for e in earlier), entry])
    notes = {spec.name: note for spec in order.catalogue.tables if (note := comment(about, spec))}
    write_tables(con, order.catalogue, "target", release_id, log, notes)
    con.execute("checkpoint target")
    con.execute("detach target")
    annex = annex_of(system, found.hidden, found.demands, found.changed)
    auditor = keys.derive(AUDITOR_KEY)
    if draw:
        (place / places.DRAW).write_bytes(draw)

    def attacked(*rows: RowFile) -> tuple[AuditReport, Mapping[str, Any]]:
        return attack(
            database,
            order.catalogue,
            order.policy,
            annex,
            release_id=release_id,
            earlier=earlier,
            auditor_key=auditor,
            rows=rows,
            draw=sealed_draw(place, about, auditor),
        )

    report, tables = attacked()
    entries: list[dict[str, Any]] = []
    if order.rows is not None and report.passed:
        site = Site(con, order.catalogue, order.policy, place, order.night, row_files(earlier))
        entries, with_rows = make_rows(order.rows, site, lambda file: attacked(file)[0])
        report = with_rows or report
    proven = annex.to_bytes(report.intervals, (report.programs, report.integer_programs))
    if "privacy" in about:
        proven = proven.ljust(ANNEX_ROOM * (len(system.values) + 100))
    sealed = seal(proven, auditor)
    (place / places.ANNEX).write_bytes(sealed)
    manifest = draft(
        log=entry,
        catalogue=order.catalogue,
        policy=order.policy,
        mode=about,
        evidence=order.evidence,
        governance=order.governance,
        report=report,
        tables=tables,
        earlier=earlier,
        files={path.name: path for path in (database, *(place / name for name in BESIDE)) if path.exists()},
        rows=entries,
    )
    (place / places.MANIFEST).write_text(manifest, encoding="utf-8")
    return Built(release_id, place, report)


def finish(releases: Path, night: date, keys: Keys) -> places.StoredRelease:
    """Sign the release that was built for `night` and make it current, the pointer last.

    Raises ReleaseError when none was built, or its files are not those that the audit saw.
    """
    place = releases / f"{places.BUILDING}{night.isoformat()}"
    if not place.is_dir():
        raise ReleaseError(f"found no audited release of {night}; build it first")
    built = places.read_release(place)
    if not built.manifest["audit"]["passed"]:
        raise ReleaseError(f"the release built for {night} did not pass its audit; nothing was published")
    altered = [name for name, seen in built.manifest["files"].items() if file_digest(place / name) != seen]
    if altered:
        places.clear(place)
        raise ReleaseError(f"{', '.join(altered)} changed after the audit; nothing was published, run it again")
    sign(place, keys.signing_key)
    final = places.put_in_place(place, built.manifest["release_id"])
    return places.read_release(final)
