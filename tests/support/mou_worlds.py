"""Random small sets of agreements: two or three owners under EMOUs, with licences, as the texts a person would write.

A world maps file names to agreements as plain values. Whatever it says is well formed; whether it is in force, or
contradicts itself, is for the code under test. What is drawn is often odd on purpose: two agreements on one source,
two treatments of one output, prohibitions of what nobody grants.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from mou_policies import vocabulary
from mou_policies.agreement import Agreement
from mou_policies.canonical import sha256
from mou_policies.enforce import unite
from mou_policies.language import load_agreement
from mou_policies.licence import RELEASE, licence_of
from mou_policies.policy import Policy

Plain = dict[str, Any]
World = dict[str, Plain]

DOOR = "hipaa.public-health"
PURPOSES = ("link-records", "public-health", "vital-statistics", "measure-success")
SERVING = {"link": PURPOSES[:1], "content": PURPOSES[1:3], "publish": PURPOSES[1:]}
NEWCOMER = "dogwood"
FIRST, LAST = "2025-01-01", "2028-12-31"
STARTS = (FIRST, FIRST, "2026-01-01", "2026-07-01")
ENDS = ("2026-09-30", "2027-06-30", LAST, LAST)

NUMBERS: tuple[Any, ...] = ("number", {"top_code": 5}, {"top_code": 9}, {"band": [2, 5]}, {"band": [5, 8]})
CODES: tuple[Any, ...] = ("keep", {"recode": {"A": "x"}, "else": "y"}, {"recode": {"B": "x"}, "else": "y"})
BIRTHS: tuple[Any, ...] = ({"date": "year"}, {"date": "school_year"})
DAYS: tuple[Any, ...] = (*BIRTHS, {"date": "month"}, {"date": "school_day"})

CLASSES: dict[str, tuple[str, tuple[Any, ...]]] = {
    # field    class            treatments of what is kept
    "given":  ("name.given",    ()),
    "born":   ("birth.date",    BIRTHS),
    "sex":    ("sex",           CODES),
    "grams":  ("birth.weight",  NUMBERS),
    "visits": ("health.visit",  (*NUMBERS, *CODES)),
    "seen":   ("date.school",   DAYS),
    "notes":  ("text.free",     ()),
}  # fmt: skip
LINKED = ("given", "born", "sex")
PATTERNS = ("name.*", "name.given", "birth.*", "birth.date", "sex", "birth.weight", "health.*", "date.*", "id.*", "*")


def world(draw: Random) -> World:
    """Draw a whole world: one or two EMOUs, two or three owners, and up to two licences."""
    owners = ["ash", "birch", "cedar"][: draw.randint(2, 3)]
    found: World = {f"emou{n}.yaml": emou(draw, f"emou-{n}", owners) for n in range(draw.randint(1, 2))}
    parents = [str(held["agreement"]) for held in found.values()]
    for owner in owners:
        sources = [f"{owner}_{n}" for n in range(draw.randint(1, 2))]
        for n in range(draw.choice((1, 1, 2))):
            found[f"{owner}{n}.yaml"] = dsa(draw, f"{owner}-{n}", owner, sources, parents)
    for n in range(draw.choice((0, 0, 1, 2))):
        found[f"dul{n}.yaml"] = dul(draw, f"dul-{n}", found)
    return found


def texts(held: World) -> dict[str, str]:
    """Return each agreement as the text of its file: JSON, which is YAML too."""
    return {name: json.dumps(plain, indent=1) + "\n" for name, plain in held.items()}


def read(held: World) -> list[Agreement]:
    """Read every agreement of a world from its text, in the order of the world."""
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for name, text in texts(held).items():
            file = Path(folder) / name
            file.write_text(text, encoding="utf-8")
            found.append(load_agreement(file))
    return found


def without_lint(agreements: Sequence[Agreement], on: date) -> Policy:
    """Return what agreements in their term grant together, whatever lint says of them.

    Lint refuses a child that is wider than its parent before the parent's ceiling could act; here the ceiling acts.
    """
    held = [a for a in agreements if a.starts <= on <= a.ends]
    ids = Counter(a.agreement_id for a in held)
    alone = {a.agreement_id for a in held if ids[a.agreement_id] == 1}
    ceilings = {a.agreement_id for a in agreements if a.kind == "emou"}
    needed = {a.file: {*a.under} & ceilings if a.kind == "dul" else {*a.under} for a in held}
    kept = {a.agreement_id: a for a in held if a.agreement_id in alone and alone >= needed[a.file]}
    bound = tuple(a for a in held if kept.get(a.agreement_id) is not a)
    of = {kind: [a for a in kept.values() if a.kind == kind] for kind in ("emou", "dsa", "dul")}
    united = unite(of["dsa"], {a.agreement_id: a for a in of["emou"]}, bound)
    always = any(a.kind == "dul" for a in agreements)
    return Policy(
        on=on,
        sources={name: source.as_read for name, source in united.sources.items() if source.grants},
        refusals=(),
        agreements=kept,
        bound=bound,
        digest=sha256(sorted(kept)),
        trust="",
        agreed=united.sources,
        denials=united.denials,
        licence=licence_of(RELEASE, of["dul"], kept, bound, always=always),
    )


# -- one agreement -------------------------------------------------------------------------------------------------


def emou(draw: Random, name: str, owners: Sequence[str]) -> Plain:
    """Draw an EMOU of all owners that permits most classes and purposes."""
    held = _heading(name, "emou", {"hub": _party("hub"), "members": [_party(owner) for owner in owners]})
    held["purposes"] = _words(PURPOSES if draw.random() < 0.8 else draw.sample(PURPOSES, 3))
    wide = draw.random() < 0.7
    held["permits"] = {use: ["*"] if wide else patterns(draw, 4) for use in ("link", "content", "publish")}
    held["permits"]["publication"] = draw.choice(("licence", "agreement"))
    return _with_takings(draw, held, 0.3)


def dsa(draw: Random, name: str, owner: str, sources: Sequence[str], parents: Sequence[str]) -> Plain:
    """Draw an agreement of one owner on some of its sources, under some of the EMOUs."""
    held = _heading(name, "dsa", {"provider": _party(owner), "hub": _party("hub")}, _term(draw))
    under = draw.sample(parents, draw.randint(0, len(parents)))
    if under:
        held["under"] = under
    elements = vocabulary.exceptions()[DOOR].elements
    held["authority"] = [{"exception": DOOR, "cite": "the law", "elements": _words(elements)}]
    held["purposes"] = _words([*PURPOSES[:2], *draw.sample(PURPOSES[2:], draw.randint(0, 2))])
    held["destruction"] = {"period_days": 90, "starts": "then", "method": "erased", "certificate": "yes"}
    held["redisclosure"] = {"allowed": False, "text": "no"}
    named = draw.sample(sources, draw.randint(1, len(sources)))
    held["sources"] = {source: source_of(draw, tuple(held["purposes"])) for source in sorted(named)}
    return _with_takings(draw, held, 0.3, sources)


def source_of(draw: Random, purposes: Sequence[str]) -> Plain:
    """Draw a source with one table: a record id and three to five fields, each granted, denied or both uses."""
    fields: Plain = {"rid": {"class": "id.record", "use": "link", "treatment": "record", "reason": "id"}}
    taken: set[str] = set()
    for name in draw.sample(sorted(CLASSES), draw.randint(3, 5)):
        entries = _entries(draw, name, purposes, taken)
        fields[name] = entries if len(entries) > 1 else entries[0]
    table = {"key": ["rid"], "record": "rid", "fields": fields}
    return {"title": "t", "standard": "csv", "files": ["*.csv"], "delivery": "delta", "tables": {"t": table}}


def dul(draw: Random, name: str, held: World) -> Plain:
    """Draw a licence that takes some of the fields that the agreements of a world name."""
    shares = [plain for plain in held.values() if plain["kind"] == "dsa"]
    under = draw.sample(shares, draw.randint(1, len(shares)))
    term = draw.choice([_term(draw), *(plain["term"] for plain in under)])
    found = _heading(name, "dul", {"hub": _party("hub"), "recipient": _party("readers")}, term)
    found["under"] = [plain["agreement"] for plain in under]
    if draw.random() < 0.5:
        found["under"].append(next(p["agreement"] for p in held.values() if p["kind"] == "emou"))
    found["purposes"] = _words(draw.sample(PURPOSES[1:], draw.randint(1, 2)))
    found["fields"] = _licensed(draw, under) or {"ash_0": {"t": {"born": "why"}}}
    found["release"] = {"name": RELEASE if draw.random() < 0.9 else "other", "level": "aggregate"}
    found["release"] |= {"minimum_cell": 10, "earlier_releases": "considered"}
    return _with_takings(draw, found, 0.4)


def _licensed(draw: Random, shares: Sequence[Plain]) -> Plain:
    """Draw some of the fields that the agreements let be published, and now and then one that they do not."""
    found: Plain = {}
    for source, held in (pair for plain in shares for pair in plain["sources"].items()):
        for name, entry in held["tables"]["t"]["fields"].items():
            uses = {one["use"] for one in (entry if isinstance(entry, list) else [entry])}
            if draw.random() < (0.7 if "publish" in uses else 0.02):
                found.setdefault(source, {"t": {}})["t"][name] = "why"
    return found


def _entries(draw: Random, name: str, purposes: Sequence[str], taken: set[str]) -> list[Plain]:
    cls, treatments = CLASSES[name]
    found: list[Plain] = []
    if name in LINKED and draw.random() < 0.6:
        found.append({"class": cls, "use": "link", "treatment": "tokenise", "reason": "links"})
    for _ in range(draw.randint(1, 2) if treatments else 0):
        output = draw.choice((name, f"{name}_too", "shared", "shared_year"))
        columns = {output, f"{output}_year"}
        if not columns & taken:
            taken |= columns
            use = draw.choice(("content", "publish", "publish"))
            entry = {"class": cls, "use": use, "treatment": draw.choice(treatments), "as": output, "reason": "r"}
            serving = [p for p in purposes if p in SERVING[use]]
            if draw.random() < 0.3:
                entry["for"] = sorted(draw.sample(serving, draw.randint(1, len(serving))))
            found.append(entry)
    if not found or draw.random() < 0.07:
        return [{"class": cls, "use": "none", "reason": "not needed"}]
    return found


# -- what takes away -----------------------------------------------------------------------------------------------


def prohibition(draw: Random, sources: Sequence[str] = ()) -> Plain:
    """Draw a prohibition, by classes or by fields (of `sources`, or of any)."""
    rule: Plain = {"use": draw.sample(("link", "content", "publish"), draw.randint(1, 2)), **_about(draw, sources)}
    if draw.random() < 0.3:
        rule["purposes"] = draw.sample(PURPOSES, draw.randint(1, 2))
    if draw.random() < 0.1:
        rule |= {"use": ["publish"], "with": ["sex"]}
    return rule | {"because": "it must not be", "cite": "the law"}


def limit(draw: Random, sources: Sequence[str] = ()) -> Plain:
    """Draw a limit: a treatment for some classes or fields, whether or not it can be one of theirs."""
    uses = draw.sample(("content", "publish"), draw.randint(1, 2))
    treatment = draw.choice((*NUMBERS, *CODES, *DAYS))
    return {"use": uses, **_about(draw, sources), "treatment": treatment, "because": "coarse enough", "cite": "law"}


def _about(draw: Random, sources: Sequence[str]) -> Plain:
    if draw.random() < 0.5:
        return {"class": patterns(draw, 2)}
    source = draw.choice([*sources, "*"])
    return {"fields": [f"{source}.{draw.choice(('t', '*'))}.{draw.choice([*CLASSES, '*'])}"]}


def patterns(draw: Random, most: int) -> list[str]:
    """Draw some class patterns."""
    return draw.sample(PATTERNS, draw.randint(1, most))


def _with_takings(draw: Random, held: Plain, chance: float, sources: Sequence[str] = ()) -> Plain:
    for key, rule in (("prohibits", prohibition), ("limits", limit)):
        if draw.random() < chance:
            held[key] = [rule(draw, sources) for _ in range(draw.randint(1, 2))]
    return held


# -- changes that never widen --------------------------------------------------------------------------------------


def narrowed(draw: Random, held: World) -> World:
    """Return the world with one more prohibition, limit, parent, or agreement of another owner."""
    found = copy.deepcopy(held)
    change = draw.choice(("prohibits", "limits", "under", "other"))
    if change == "other":
        shares = [plain for plain in held.values() if plain["kind"] == "dsa"]
        rival = [*draw.choice(shares)["sources"], f"{NEWCOMER}_0"]
        name = draw.choice(["dogwood-0", *(str(plain["agreement"]) for plain in held.values())])
        found["dogwood0.yaml"] = dsa(draw, name, NEWCOMER, rival, [])
        return found
    file = draw.choice([f for f, plain in found.items() if change in {"prohibits", "limits"} or plain["kind"] == "dsa"])
    plain = found[file]
    if change == "under":
        others = [p["agreement"] for p in found.values() if p["kind"] == "emou"]
        plain["under"] = sorted({*plain.get("under", []), draw.choice(others)})
    else:
        rule = prohibition if change == "prohibits" else limit
        plain.setdefault(change, []).insert(0, rule(draw, list(plain.get("sources", []))))
    return found


# -- any change ----------------------------------------------------------------------------------------------------


def changed(draw: Random, held: World) -> World:
    """Return the world after one or two changes of any kind: narrowed, or an agreement written anew, or left out."""
    found = copy.deepcopy(held)
    for _ in range(draw.randint(1, 2)):
        file = draw.choice(list(found))
        plain = found[file]
        change = draw.choice(("narrowed", "term", "gone", "fields", "free", "free"))
        if change == "narrowed":
            found = narrowed(draw, found)
        elif change == "term":
            plain["term"] = _term(draw)
        elif change == "gone" and sum(other["kind"] == plain["kind"] for other in found.values()) > 1:
            del found[file]
        elif change == "fields" and plain["kind"] == "dsa":
            source = draw.choice(list(plain["sources"]))
            plain["sources"][source] = source_of(draw, tuple(plain["purposes"]))
        else:
            plain.pop("prohibits", None), plain.pop("limits", None)
    return found


# -- words ---------------------------------------------------------------------------------------------------------


def _heading(name: str, kind: str, parties: Plain, term: Plain | None = None) -> Plain:
    terms = _words(vocabulary.kinds()[kind].clauses)
    held = {"agreement": name, "kind": kind, "title": "t", "parties": parties}
    return {**held, "term": term or {"from": FIRST, "to": LAST}, "terms": terms}


def _party(agency: str) -> Plain:
    return {"agency": agency, "name": agency, "represented_by": "Director", "contact": "x@city.example"}


def _term(draw: Random) -> Plain:
    return {"from": draw.choice(STARTS), "to": draw.choice(ENDS)}


def _words(names: Sequence[str] | Any) -> Plain:
    return dict.fromkeys(names, "in own words")
