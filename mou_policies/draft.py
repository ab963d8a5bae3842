"""A starting point for a new agreement: YAML with a comment on every key and clause, and everything denied.

Comments and citations come from the vocabulary. Texts that begin with `TODO` are for people to replace: lint refuses
what is left of them (AGR-017). What a draft says of sources and fields is in `draft_sources`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mou_policies import vocabulary
from mou_policies.draft_sources import licence_lines, source_lines
from mou_policies.draft_words import asked, comment, indented, quoted, todo
from mou_policies.nodes import suggest
from mou_policies.placeholders import PLACEHOLDER
from mou_policies.provisions import BY_LICENCE, DSA, DUL, EMOU
from mou_policies.reading import GRANTED

_AGENCY = re.compile(r"(?!.*__)[a-z][a-z0-9_]{0,39}")


class DraftError(Exception):
    """A draft that cannot be made as it was asked for: one line that says why, and what to ask for."""


@dataclass(frozen=True)
class Wanted:
    """What draft is wanted: kind, file standard, agency, exceptions, columns (csv, parquet), schema file beside it."""

    kind: str
    standard: str | None = None
    agency: str | None = None
    exceptions: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    schema: str | None = None


def draft(wanted: Wanted) -> str:
    """Return the text of a draft. Raises DraftError for a combination that no agreement has."""
    _check(wanted)
    kind = vocabulary.kinds()[wanted.kind]
    live = {*kind.required, "kind", "terms"}
    lines = [*_head(wanted, kind)]
    for name, key in vocabulary.keys()["agreement"].items():
        if name in live:
            lines += ["", *asked(key), *_WRITERS[name](wanted)]
        elif name in kind.optional:
            lines += ["", *asked(key), f"# {name}: {key.example}"]
    return "\n".join(lines) + "\n"


def _check(wanted: Wanted) -> None:
    for word, known in ((wanted.kind, vocabulary.kinds()), (wanted.standard, vocabulary.standards())):
        if word is not None and word not in known:
            raise DraftError(f"unknown {word!r}; {suggest(word, known)}")
    for name in wanted.exceptions:
        if name not in vocabulary.exceptions():
            raise DraftError(f"unknown exception {name!r}; {suggest(name, vocabulary.exceptions())}")
    if wanted.agency is not None and not _AGENCY.fullmatch(wanted.agency):
        raise DraftError(f"{wanted.agency!r} is no agency name; use lower case, digits, _")
    own = [name for name, rule in vocabulary.standards().items() if rule.own_tables]
    if wanted.kind == EMOU and wanted.standard:
        raise DraftError("an emou names no fields; leave out --standard")
    if wanted.kind == DSA and not wanted.standard:
        raise DraftError(f"a dsa lists the fields of a standard; add --standard {' or '.join(vocabulary.standards())}")
    if wanted.kind == DUL and wanted.standard in own:
        raise DraftError(f"{wanted.standard} has no fields to choose from; leave out --standard")
    if wanted.columns and not (wanted.kind == DSA and wanted.standard in own):
        raise DraftError(f"columns are listed for a dsa on {' or '.join(own)}; {wanted.standard} has its own")


def _head(wanted: Wanted, kind: vocabulary.Kind) -> list[str]:
    modeline = [f"# yaml-language-server: $schema={wanted.schema}"] if wanted.schema else []
    marks = "; ".join(f"{mark} = {means}" for mark, means in vocabulary.MARKS.items())
    return [
        *modeline,
        *comment(f"{kind.title}: {kind.means} ({kind.cite} [{kind.mark}])."),
        *comment(
            f"A starting point for counsel, not an agreement and not legal advice. Replace every text that begins with "
            f"{PLACEHOLDER}; `cradlepath mou lint` refuses what is left of them (AGR-017). Nothing is granted yet."
        ),
        *comment(f"The letter behind a citation says how far it was confirmed: {marks}."),
    ]


def _text(part: str, name: str) -> str:
    return f"{name}: {todo(vocabulary.keys()[part][name].asks)}"


def _top(name: str) -> Callable[[Wanted], list[str]]:
    return lambda wanted: [_text("agreement", name)]


def _parents(wanted: Wanted) -> list[str]:
    return [f"under: [{todo('the id of an agreement it stands under')}]"]


def _parties(wanted: Wanted) -> list[str]:
    lines = ["parties:"]
    for role in vocabulary.kinds()[wanted.kind].parties:
        party = _party("hub" if role == "hub" else wanted.agency)
        if role == "members":
            lines += ["  members:", *indented([f"- {party[0]}", *indented(party[1:])], 4)]
        else:
            lines += [f"  {role}:", *indented(party, 4)]
    return lines


def _party(agency: str | None) -> list[str]:
    first = f"agency: {agency}" if agency else _text("party", "agency")
    return [first, *(_text("party", name) for name in ("name", "represented_by", "contact"))]


def _destruction(wanted: Wanted) -> list[str]:
    lines = ["destruction:"]
    for key in vocabulary.keys()["destruction"].values():
        asks = todo("a number") if key.name == "period_days" else todo()
        lines += indented([*asked(key), f"{key.name}: {asks}"])
    return lines


def _term(wanted: Wanted) -> list[str]:
    return ["term:", *indented([_text("term", "from"), _text("term", "to")])]


def _redisclosure(wanted: Wanted) -> list[str]:
    return ["redisclosure:", *indented(["allowed: false", f"text: {todo()}"])]


def _chosen(wanted: Wanted) -> tuple[str, ...]:
    """Return the exceptions that were asked for, else those under which data of the standard usually come."""
    layout = vocabulary.layout_of(wanted.standard) if wanted.standard else None
    return wanted.exceptions or (layout.authority if layout else ())


def _authority(wanted: Wanted) -> list[str]:
    chosen, known = _chosen(wanted), vocabulary.exceptions()
    if chosen:
        others = ", ".join(name for name in known if name not in chosen)
        lines = [line for name in chosen for line in _exception(known[name])]
        return ["authority:", *indented([*lines, *comment(f"Other exceptions, for `--exception`: {others}")])]
    lines = [line for r in known.values() for line in comment(f"{r.name}: {r.title} ({r.cite} [{r.mark}])")]
    asks = "one of the exceptions above; `--exception` writes its elements out"
    entry = [f"- exception: {todo(asks)}", f"  cite: {todo('where it stands in the law')}", "  elements: {}"]
    return ["authority:", *indented([*lines, *entry])]


def _exception(rule: vocabulary.ExceptionRule) -> list[str]:
    lines = [*comment(f"{rule.title} ({rule.cite} [{rule.mark}])"), f"- exception: {rule.name}"]
    lines += [f"  cite: {quoted(rule.cite)}"]
    lines += [f"  population: {rule.population}"] if rule.population else []
    lines += ["  elements:"]
    for name, element in rule.elements.items():
        said = [*comment(f"{element.asks} ({element.cite} [{element.mark}])"), f"{name}: {todo()}"]
        lines += indented(said, 4)
    return lines


def _purposes(wanted: Wanted) -> list[str]:
    """Return the purposes such an agreement cannot do without, and as comment the others its exceptions admit."""
    chosen = _chosen(wanted)
    own = [vocabulary.exceptions()[exception].purposes[:1] for exception in chosen]
    live = {"measure-success" if wanted.kind == DUL else "link-records", *(name for names in own for name in names)}
    lines = ["purposes:"]
    for purpose in vocabulary.purposes().values():
        means = f"{purpose.means} ({purpose.cite} [{purpose.mark}])"
        if purpose.name in live:
            lines += indented([*comment(means), f"{purpose.name}: {todo()}"])
        elif not chosen or any(vocabulary.admits(exception, purpose.name) for exception in chosen):
            lines += indented(comment(f"{purpose.name}: {means}"))
    return lines


def _terms(wanted: Wanted) -> list[str]:
    lines = ["terms:"]
    for name, clause in vocabulary.kinds()[wanted.kind].clauses.items():
        above = "; a clause of this name in a parent will do" if clause.inherits else ""
        said = comment(f"{clause.asks} ({clause.cite} [{clause.mark}]){above}")
        lines += indented([*said, f"{name}: {todo()}"])
    return lines


def _permits(wanted: Wanted) -> list[str]:
    keys = vocabulary.keys()["permits"]
    lines = [line for use in GRANTED for line in (*asked(keys[use]), f"{use}: []")]
    return ["permits:", *indented([*lines, *asked(keys["publication"]), f"publication: {BY_LICENCE}"])]


def _sources(wanted: Wanted) -> list[str]:
    name = wanted.agency or "todo_source"
    return ["sources:", *indented(source_lines(str(wanted.standard), name, wanted.columns))]


def _fields(wanted: Wanted) -> list[str]:
    listed = licence_lines(wanted.standard, wanted.agency or "todo_source") if wanted.standard else []
    return ["fields: {}", *listed]


def _release(wanted: Wanted) -> list[str]:
    keys = vocabulary.keys()["release"]
    lines = [*asked(keys["name"]), "name: outcomes", *asked(keys["level"]), "level: aggregate", *asked(keys["claims"])]
    for claim in vocabulary.claims().values():
        attested = "; ".join(f"{name} states {e.asks}" for name, e in claim.attests.items())
        lines += comment(
            f"{claim.name}: {claim.title} ({claim.cite} [{claim.mark}])" + (f"; {attested}" if attested else "")
        )
    lines += [f"claims: [{todo('one of the claims above')}]"]
    lines += [*asked(keys["minimum_cell"]), "minimum_cell: 11"]
    lines += [*asked(keys["earlier_releases"]), "earlier_releases: considered", *asked(keys["attests"])]
    lines += ['# attests: [{says: ..., by: "...", role: "...", on: 2025-07-01}]']
    return ["release:", *indented(lines)]


_WRITERS: Mapping[str, Callable[[Wanted], list[str]]] = {
    "agreement": _top("agreement"),
    "kind": lambda wanted: [f"kind: {wanted.kind}"],
    "title": _top("title"),
    "under": _parents,
    "parties": _parties,
    "term": _term,
    "authority": _authority,
    "purposes": _purposes,
    "destruction": _destruction,
    "redisclosure": _redisclosure,
    "terms": _terms,
    "permits": _permits,
    "sources": _sources,
    "fields": _fields,
    "release": _release,
}
