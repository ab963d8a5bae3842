"""What a manifest says of files of rows, in words for people.

What belongs here: sentences made of a manifest's entry. What does not: the entry itself (`releasing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def sentence(about: Mapping[str, Any]) -> str:
    """Say in one line what a file of rows holds and how it is protected."""
    rule = about["rule"]
    near = "" if rule["t"] is None else f", their outcomes within {rule['t']:g} of everyone's (t)"
    return (
        f"{about['rows']} rows of {about['children']} children, one a child and year of {', '.join(about['periods'])}. "
        f"Every history of quasi-identifiers is that of {rule['k']} children or more (k), among whom each outcome "
        f"takes {rule['l']} values or more (l){near}. "
        f"{about['loss_percent']} % of what the columns tell is lost to that, "
        f"{about['dropped_percent']} % of the rows at most are left out."
    )


def coarseness(item: Mapping[str, Any]) -> str:
    """Say how coarse a quasi-identifier is shown."""
    if item["others"] is None:
        return "Shown as it is."
    groups = ", ".join([*item["groups"], item["others"]])
    return f"Made coarser, step {item['level']} of {item['levels'] - 1}: {groups}."


def lines(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield one line for each entry of a manifest: what its file holds, or why there is none."""
    for entry in entries:
        said = f"no rows: {entry['refused']}" if "refused" in entry else sentence(entry)
        yield f"{entry['licence']}: {said}"


def columns(about: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (column, kind, how it is shown) for each column of a file, in its order."""
    yield "child", "id", "Random: the same in all rows of a child in this file, and in no other."
    yield "period", "quasi-identifier", "Shown as it is."
    yield from ((item["name"], "quasi-identifier", coarseness(item)) for item in about["quasi"])
    for item in about["outcomes"]:
        yield item["column"], "outcome", f"{item['measure']} {item['version']}: Yes, No or Unknown."


def protection(about: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (rule, asked for, reached) for k, l, t and the rows left out."""
    rule, reached = about["rule"], about["reached"]
    yield "k, children of one history", f"{rule['k']} or more", str(reached["k"])
    yield "l, values of an outcome among them", f"{rule['l']} or more", str(reached["l"])
    asked = "not asked" if rule["t"] is None else f"{rule['t']:g} or less"
    yield "t, distance from everyone's outcomes", asked, f"{reached['t']:.3f}"
    yield "rows left out", f"{100 * rule['suppress']:g} % or less", f"{about['dropped_percent']} % or less"
    yield "told by the columns and lost", "as little as can be", f"{about['loss_percent']} %"
