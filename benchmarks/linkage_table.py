"""How `python -m benchmarks.linkage_peers` shows its figures: Markdown tables and what must be known to read them."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.data.folder import Folder

NOTES: Final = """## Linkage beside its peers

Written by `make bench-linkage` (`python -m benchmarks.linkage_peers`). Every way links the same records in a process
of its own; seconds start after its imports, memory is that process's high-water mark and its largest child's. *Ours* is
the released model at its own threshold (0 bits), with vault, ledger and evidence written (`store`); it learns nothing
from the data. *Plaintext Splink* and *a token a field* train on the data they link (u by sampling, m by EM), block on
the anchors of ours, resolve as ours does, and are shown at the threshold, of those tried, that is best for cluster F1
**by the truth**: better than anybody could choose it. *anonlink, clkhash* compares all pairs of 1,024-bit filters of
given name, surname, birth date and sex, one-to-one between sources, at its best Dice by the truth.

Cluster scores are B-cubed, *pairs F1* counts pairs of records of one child, twins' precision pairs that touch a twin.
*Singled out* is the share of records that the structure attack (`linkage.attack`) tells from all others without a key:
in the store at rest, in transit (the worst source alone), in everything that was sent. Peers store what they send.
Equal filters of one child hide each other in the store, not in transit. *Wider* plaintext Splink also blocks on names
alone, ZIP codes and streets, and compares streets: what more reach would bring.
"""
OURS: Final = "ours"
PLAINTEXT: Final = "plaintext Splink"
HEAD: Final = (
    "| way | threshold | cluster P | R | F1 | pairs F1 | twins' P | encode s | train | predict | resolve | store "
    "| total s | peak MB | bytes a record | at rest | in transit | whole |"
)
STEPS: Final = ("encode", "train", "predict", "resolve", "store")


def table(data: Folder, rows: list[dict[str, Any]], missing: list[str]) -> str:
    """Return the part of one data set."""
    child, _ = data.truth()
    sources = ", ".join(data.sources)
    lines = [f"### {data.about['name'][:1].upper()}{data.about['name'][1:]}", ""]
    lines += [f"{len(child):,} records of {len(set(child.tolist())):,} people in {sources}.", ""]
    lines += [HEAD, "|---|" + "---:|" * (HEAD.count("|") - 2), *map(_row, rows), ""]
    lines += [f"- {line}" for line in _remarks(rows, missing)]
    return "\n".join([*lines, ""])


def _row(row: dict[str, Any]) -> str:
    cluster, shown = row["cluster"], row["exposure"]
    threshold = f"{row['threshold']:g}" + ("" if row["tried"] == 1 else f", best of {row['tried']}")
    cells = [row["way"], threshold, *(_four(cluster[name]) for name in ("precision", "recall", "f1"))]
    cells += [
        _four(row["pairs"]["f1"]),
        _four(row["twins"]),
        *(f"{row['seconds'].get(step, 0.0):.1f}" for step in STEPS),
        f"{row['total']:.1f}",
    ]
    cells += [f"{row['peak_mb']:,}", f"{row['bytes']:,.0f}"]
    cells += [f"{shown[name]:.2%}" if name in shown else "–" for name in ("at_rest", "in_transit", "whole")]
    return "| " + " | ".join(cells) + " |"


def _four(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _remarks(rows: list[dict[str, Any]], missing: list[str]) -> list[str]:
    ours = rows[0]
    sealed, card = ours["outcome"]["sealed_bytes_a_record"], ours["outcome"]["card"]
    lines = [
        f"Ours: model {card['version']}, layout {card['layout']}; beside the tokens {sealed:.0f} sealed bytes a record."
    ]
    if whole := ours["exposure"].get("whole_with_sources"):
        lines.append(
            f"Whole transcript for a watcher who knows each record's source: {whole:.2%}. A whole token file (worst "
            f"source), for whoever opens it with the hub's private key: {ours['exposure']['token_file']:.2%}."
        )
    for row in rows[1:]:
        if row["way"] == PLAINTEXT:
            gap = ours["cluster"]["f1"] - row["cluster"]["f1"]
            ratio = ours["total"] / row["total"]
            lines.append(f"Ours less plaintext Splink: cluster F1 {gap:+.4f}; {ratio:.2f} times its seconds.")
    return lines + missing
