"""The consent office: forms.csv of each night, what families signed.

Belongs here: linkage opt-outs that name an agency's own record, refusals and revocations for a scope,
grants. Does not belong here: what a decision means (the consent room).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.demo.days import FIRST_NIGHT, NIGHT_LIMIT, written
from pipelines.demo.draw import Ints, Mask, between, chance, numbered, weighted
from pipelines.demo.identity import Identities
from pipelines.demo.nights import Records
from pipelines.demo.place import City, bad_lines
from pipelines.demo.rates import rate
from pipelines.demo.text import Part, save_table, take

Words = NDArray[np.str_]

AGENCY = "consent_office"
_SCOPES = ("research", "outcomes", "health", "human_services", "school")
_AUTHORISATION = "description;discloser;authority;revocation;conditioning;redisclosure"
_GRANTS = {
    # scope: purpose, basis, what the form carries besides a signature and what its columns show
    "research": ("research", "agreement", ""),
    "outcomes": ("measure-success", "agreement", ""),
    "health": ("public-health", "hipaa.authorization", _AUTHORISATION),
    "human_services": ("administer-programs", "agreement", ""),
    "school": ("evaluate-education", "ferpa.consent", "records"),
}
_NAMED = ("school", "health", "birth", "medicaid", "snap", "wic", "preschool", "child_welfare")


def deliver(city: City, sources: dict[str, Records]) -> Records:
    """Write each night's forms and return the form records; `sources` are the records an opt-out can name."""
    rng, children = city.stream("consents"), city.children
    order = rng.permutation(np.flatnonzero(children.first_night == 1))
    few = max(3, round(rate("consent.linkage") * children.size))
    other = max(6, round(rate("consent.other") * children.size))
    who, decision, scope, night = _forms(rng, order[:few], order[few : few + other])
    order = np.lexsort((who, night))
    who, decision, scope, night = who[order], decision[order], scope[order], night[order]
    zero = np.zeros(who.size, dtype=np.int64)
    ids = numbered("F-", 400_000 + np.arange(who.size), 6)
    records = Records("consents", who, ids, np.full(who.size, FIRST_NIGHT - 5), night, zero, zero)
    book = Identities(children, records).on(1)
    source, named = _named(rng, city, who, scope == "linkage", sources)
    signed = between(rng, FIRST_NIGHT - 200, np.full(who.size, FIRST_NIGHT - 3)) + np.where(night > 1, night, 0)
    signed = np.where(decision == "grant", signed - 210, signed)
    columns: dict[str, Part] = {
        "form_id": ids,
        "first_name": book.given,
        "last_name": book.surname,
        "birth_date": book.born(),
        "sex": book.sex,
        "zip": book.zip,
        "decision": pa.array(decision.tolist(), pa.string()),
        "scope": pa.array(scope.tolist(), pa.string()),
        "agency_source": source,
        "agency_record_id": named,
        "signed_on": written(signed),
        "effective_from": written(signed + 1),
        **_terms(city, decision, scope, signed),
    }
    for number in range(1, city.nights + 1):
        shown = take(columns, pa.array(np.flatnonzero(night == number)))
        bad = bad_lines(rng, shown, missing="form_id", duplicate=False) if number == 1 else []
        save_table(city.folder(AGENCY, number) / "forms.csv", shown, bad_lines=bad)
    return records


def _terms(city: City, decision: Words, scope: Words, signed: Ints) -> dict[str, pa.Array]:
    """Return what grants say beyond their scope: who signed, for what, on which basis, and what the form carries.

    One form in five came without a signature: it is kept, and not valid for its basis.
    """
    rng = city.stream("consents.terms")
    grants = decision == "grant"
    unsigned = grants & chance(rng, rate("consent.unsigned"), decision.size)
    at = np.zeros(decision.size, dtype=np.int64)
    for number, name in enumerate(_GRANTS):
        at[scope == name] = number
    of_grants = pa.array(at, mask=~grants)
    purposes, bases, carried = zip(*_GRANTS.values(), strict=True)
    without = pa.array(carried).take(of_grants)
    signed_too = pa.array([";".join(filter(None, (said, "signature"))) for said in carried]).take(of_grants)
    return {
        "expires_on": written(signed + 730, missing=~(grants & (scope == "health"))),
        "signed_by": pa.array(["parent"]).take(pa.array(np.zeros_like(at), mask=~grants)),
        "for_purposes": pa.array(purposes).take(of_grants),
        "for_recipients": pa.array(["hub"]).take(pa.array(np.zeros_like(at), mask=~grants)),
        "basis": pa.array(bases).take(of_grants),
        "elements": pc.if_else(pa.array(unsigned), without, signed_too),
        "paper_id": numbered("P-", 700_000 + np.arange(decision.size), 6),
    }


def _forms(rng: np.random.Generator, out: Ints, rest: Ints) -> tuple[Ints, Words, Words, Ints]:
    """Return child, decision, scope and night of every form; a revoked grant has both its forms."""
    third = rest.size // 3
    refused, granted = rest[: 2 * third], rest[2 * third :]
    who = np.concatenate([out, refused, granted, granted])
    decision = np.array(
        ["opt_out"] * out.size + ["refuse"] * refused.size + ["grant"] * granted.size + ["revoke"] * granted.size
    )
    scopes = np.array(_SCOPES)
    drawn = scopes[weighted(rng, (0.35, 0.35, 0.1, 0.1, 0.1), granted.size)]
    scope = np.concatenate(
        [
            np.full(out.size, "linkage"),
            scopes[weighted(rng, (0.5, 0.3, 0.08, 0.06, 0.06), refused.size)],
            drawn,
            drawn,
        ]
    )
    night = 1 + weighted(rng, (0.8, 0.1, 0.1), who.size)
    night[: min(NIGHT_LIMIT, out.size)] = 1 + np.arange(min(NIGHT_LIMIT, out.size))
    night[decision == "grant"] = 1
    night[decision == "revoke"] = np.maximum(night[decision == "revoke"], 1)
    return who, decision, scope, night


def _named(
    rng: np.random.Generator,
    city: City,
    who: Ints,
    linkage: Mask,
    sources: dict[str, Records],
) -> tuple[pa.Array, pa.Array]:
    """Return source and record id an opt-out names: the first, from a random one on, that knows the child."""
    start = rng.integers(0, len(_NAMED), who.size)
    source, named = np.full(who.size, -1), np.full(who.size, -1)
    rows = []
    for name in _NAMED:
        records = sources[name]
        row = np.full(city.children.size, -1)
        early = np.flatnonzero((records.first == 1) & (records.child >= 0))
        row[records.child[early[::-1]]] = early[::-1]
        rows.append(row[who])
    for turn in range(len(_NAMED)):
        for number in range(len(_NAMED)):
            due = linkage & (source < 0) & ((start + turn) % len(_NAMED) == number) & (rows[number] >= 0)
            source[due], named[due] = number, rows[number][due]
    text: pa.Array = pa.nulls(who.size, pa.string())
    for number, name in enumerate(_NAMED):
        own = source == number
        if own.any():
            picked = sources[name].ids.take(pa.array(named, mask=~own))
            text = pa.compute.coalesce(text, picked)
    return pa.array(_NAMED).take(pa.array(source, mask=source < 0)), text
