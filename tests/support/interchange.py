"""What tests of data contracts and ODRL policies share: the standards' own schema and vocabulary, and drafts answered.

The ODCS schema is the one that the package `open-data-contract-standard` carries. No Python package carries the JSON-LD
context of W3C, so policies are read with a context made here of the ODRL vocabulary as rdflib has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft201909Validator, Draft202012Validator
from rdflib import Graph
from rdflib.namespace import ODRL2, RDF

from mou_policies import odrl
from mou_policies.agreement import Agreement
from mou_policies.iris import iri
from mou_policies.language import AgreementError, load_agreement
from mou_policies.model import SourcePolicy

Point = tuple[str, str, str]
"""A field's IRI, a use and a purpose."""

POINTERS = ("action", "conflict", "leftOperand", "operator")
"""Properties whose plain values are words of the vocabulary."""

REFERENCES = (
    "assignee", "assigner", "includedIn", "implies", "partOf", "profile", "source", "target",
)  # fmt: skip
"""Properties whose plain values are IRIs."""

PREFIXES = {
    "odrl": str(ODRL2),
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
}

_PARTY = "TODO, name: TODO, represented_by: TODO, contact: TODO}"
FILLED = (
    ('files: ["TODO_', 'files: ["visits_'),
    ("key: [TODO_", "key: [row_"),
    (f"provider: {{agency: {_PARTY}", 'provider: {agency: clinic, name: "n", represented_by: "r", contact: "c"}'),
    (f"hub: {{agency: {_PARTY}", 'hub: {agency: hub, name: "n", represented_by: "r", contact: "c"}'),
    ("{from: TODO, to: TODO}", "{from: 2025-07-01, to: 2030-06-30}"),
    (
        "exception: TODO, cite: TODO, elements: {}",
        'exception: ferpa.consent, cite: "34 CFR 99.30", elements: '
        '{records: "r", purpose: "p", party: "h", signature: "s", who-signs: "w"}',
    ),
    ("purposes: {TODO: TODO}", 'purposes: {measure-success: "m"}'),
    ("TODO, starts: TODO, method: TODO, certificate: TODO}", '180, starts: "s", method: "m", certificate: "c"}'),
    ("{allowed: false, text: TODO}", '{allowed: false, text: "t"}'),
)
"""What a draft must be told before it loads, and an answer to each; files only where the standard names none."""


@lru_cache(maxsize=1)
def odcs_schema() -> Draft201909Validator:
    """Return a validator of the standard's own JSON Schema, version 3.1.0."""
    text = (files("open_data_contract_standard") / "schema.json").read_text(encoding="utf-8")
    return Draft201909Validator(json.loads(text))


@lru_cache(maxsize=1)
def odrl_schema() -> Draft202012Validator:
    """Return a validator of the subset of ODRL that our policies use (ours: see the file)."""
    text = (Path(__file__).parent / "odrl_subset.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


@lru_cache(maxsize=1)
def odrl_terms() -> frozenset[str]:
    """Return every term of the ODRL 2.2 vocabulary, as rdflib has it."""
    return frozenset([*ODRL2.__annotations__, "and", "or"]) - {"_NS", "_fail", "_extras"}


@lru_cache(maxsize=1)
def odrl_context() -> dict[str, Any]:
    """Return a JSON-LD context with which policies are read offline."""
    plain = {term: f"odrl:{term}" for term in odrl_terms()}
    pointers = {term: {"@id": f"odrl:{term}", "@type": "@vocab"} for term in POINTERS}
    references = {term: {"@id": f"odrl:{term}", "@type": "@id"} for term in REFERENCES}
    return PREFIXES | plain | pointers | references | {"uid": "@id"}


def odrl_graph(policy: dict[str, Any]) -> Graph:
    """Return the triples that a policy states."""
    w3c, own = policy["@context"]
    assert w3c == "http://www.w3.org/ns/odrl.jsonld"
    return Graph().parse(data=json.dumps(policy | {"@context": [odrl_context(), own]}), format="json-ld")


def permitted(graph: Graph) -> set[Point]:
    """Ask a policy's graph which use is permitted of which field (its IRI), for which purpose."""
    return _points(
        graph,
        """SELECT ?field ?use ?purpose {
             ?policy odrl:permission [ odrl:target ?field ; odrl:action [ rdf:value ?use ] ;
               odrl:constraint [ odrl:leftOperand odrl:purpose ; odrl:rightOperand ?purpose ] ] }""",
    )


def prohibited(graph: Graph) -> set[Point]:
    """Ask which uses are prohibited of which fields, alone or by class; `*` stands for all purposes, or all uses.

    What is prohibited only beside other classes is left out.
    """
    targets = (
        "?rule odrl:target ?field . ?field a odrl:Asset .",
        "?rule odrl:target ?all . ?field odrl:partOf ?all .",
        """?rule odrl:target ?some . ?some odrl:source ?all ;
             odrl:refinement [ odrl:leftOperand cp:class ; odrl:rightOperand ?class ] .
           ?field odrl:partOf ?all ; cp:class ?class .""",
    )
    query = """SELECT ?field ?use ?purpose {{
        ?policy odrl:prohibition ?rule . ?rule odrl:action ?use . {0}
        FILTER(STRSTARTS(STR(?use), STR(cp:)))
        FILTER NOT EXISTS {{ ?rule odrl:constraint/odrl:leftOperand cp:beside }}
        OPTIONAL {{ ?rule odrl:constraint [ odrl:leftOperand odrl:purpose ; odrl:rightOperand ?purpose ] }} }}"""
    found = set().union(*(_points(graph, query.format(target)) for target in targets))
    return found | {(field, "*", "*") for field in denied(graph)}


def denied(graph: Graph) -> set[str]:
    """Ask which fields may not be used at all."""
    query = (
        "SELECT ?field { ?policy odrl:prohibition [ odrl:target ?field ; odrl:action odrl:use ] . ?field a odrl:Asset }"
    )
    return {str(row[0]) for row in graph.query(query, initNs={"odrl": str(ODRL2)})}


def covers(prohibitions: set[Point], point: Point) -> bool:
    """Say whether one of the prohibitions is about a point."""
    return not prohibitions.isdisjoint({point, (*point[:2], "*"), (point[0], "*", "*")})


def _points(graph: Graph, query: str) -> set[Point]:
    names = {"odrl": str(ODRL2), "rdf": str(RDF), "cp": f"{odrl.PROFILE}:"}
    return {
        (str(row[0]), str(row[1]).removeprefix(names["cp"]), str(row[2]).rpartition(":")[2] if row[2] else "*")
        for row in graph.query(query, initNs=names)
    }


def points(sources: Iterable[SourcePolicy]) -> set[Point]:
    """Return every pair (use, purpose) of every field of some sources."""
    return {
        (iri("field", source.source, table.table, field.field), use, purpose)
        for source in sources
        for table in source.tables.values()
        for field in table.fields
        for use, purpose in field.pairs
        if field.use != "none"
    }


def answered(draft: str, folder: Path) -> Agreement:
    """Return what a draft says once its placeholders are answered."""
    for asked, answer in FILLED:
        assert asked in draft or asked.startswith("files")
        draft = draft.replace(asked, answer)
    file = folder / "draft.yaml"
    file.write_text(draft, encoding="utf-8")
    return load_agreement(file)


def assert_only_placeholders_keep_it_from_loading(draft: str, folder: Path) -> None:
    """Answer a draft's placeholders one after the other: until the last, each error must be at a placeholder."""
    file = folder / "draft.yaml"
    for asked, answer in FILLED:
        file.write_text(draft, encoding="utf-8")
        try:
            load_agreement(file)
        except AgreementError as error:
            assert "TODO" in draft.splitlines()[error.line - 1], error
        else:
            raise AssertionError(f"the draft loads before {asked} is answered")
        draft = draft.replace(asked, answer)


def grants(agreement: Agreement) -> set[tuple[str, str, str]]:
    """Return (source.table, field, use) of everything an agreement grants."""
    return {
        (f"{source.source}.{table.table}", field.field, field.use)
        for source in agreement.sources.values()
        for table in source.tables.values()
        for field in table.fields
        if field.use != "none"
    }
