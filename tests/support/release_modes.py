"""Grids shown in a mode: by its own draw, or with numbers that a test plants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
from support.release_grids import Bench, Grid, bench
from support.release_keys import FixedKeys

from assets.release.audit import AuditReport, audit
from assets.release.inferred import FORMS
from assets.release.modes.form import Setting
from assets.release.modes.protect import Protected, Protector
from assets.release.policy import ReleasePolicy
from assets.release.sensitivity import demands
from assets.release.system import Bools, Floats, Kind, rules_of
from assets.release.working import annex_of
from assets.release.writing import log_table, stage_tables, write_tables

UNDER_THE_RULE = sorted(name for name, form in FORMS.items() if form.small_hidden)
"""The modes in which small counts are hidden, all but differential privacy, which has tests of its own."""


def room_of(*grids: Grid, policy: ReleasePolicy, keys: Mapping[str, str] | None = None) -> Bench:
    """Load grids as tonight's tables; `keys`: SQL of each count's key of children, none where nothing is said."""
    room = bench(*grids, policy=policy)
    for one in grids:
        for name in one.spec.count_names:
            key = (keys or {}).get(name, "null")
            table = f'work."{one.spec.name}"'
            room.con.execute(f'alter table {table} add column "{name}__shown" bigint')
            room.con.execute(f'alter table {table} add column "{name}__key" ubigint')
            room.con.execute(f'update {table} set "{name}__key" = {key}')
    return room


def protector(room: Bench, seed: bytes = b"1") -> Protector:
    """What protects a bench under its policy's mode."""
    setting = Setting(room.con, FixedKeys(seed), Path(), date(2026, 9, 1))
    return Protector(setting, room.system, room.policy, {})


def attack(room: Bench, hidden: Bools, shown: Floats) -> AuditReport:
    """Write the tables with these numbers and attack them."""
    room.con.execute("detach database if exists target")
    room.con.execute("attach ':memory:' as target")
    stage_tables(room.con, room.catalogue, room.system, hidden, shown)
    write_tables(room.con, room.catalogue, "target", "r-1", log_table([]))
    count = room.system.kind == Kind.COUNT
    asked = demands(room.system, rules_of(room.system, room.policy, {}))
    changed = count & ~hidden if room.policy.mode != "suppress" else None
    annex = annex_of(room.system, hidden, asked, changed)
    return audit(room.con, room.catalogue, room.policy, annex, release_id="r-1", schema="target.main")


def planted(room: Bench, numbers: Mapping[tuple[str, str], float]) -> Floats:
    """Return numbers to show for a bench of one grid with one count, by the values of its two dimensions."""
    (block,) = room.system.blocks
    first, second = block.spec.dims
    found = room.con.execute(f'select "{first}", "{second}" from work."{block.spec.name}" order by 1, 2').fetchall()
    out = np.full(len(room.system.values), np.nan)
    out[: len(found)] = [numbers[place] for place in found]
    return out


def repaired(room: Bench, made: Protector, tries: int = 5) -> tuple[Protected, AuditReport]:
    """Protect, attack, and hide what the attack found too narrow, as a night does."""
    stricter: dict[int, int] = {}
    for _ in range(tries):
        found = made.protect(stricter)
        report = attack(room, found.hidden, found.shown)
        if report.passed or not report.narrow:
            break
        stricter = {**stricter, **{k: stricter.get(k, 0) + v for k, v in report.narrow.items()}}
    return found, report


def showing(made: Protector, shown: Floats) -> Protector:
    """Return a protector that begins from planted numbers instead of its draw."""
    from assets.release.modes import protect

    made._shown = shown
    made._changed, made._room = protect._changed(made._system, [made._mode], np.zeros(len(shown), np.int64), shown)
    return made
