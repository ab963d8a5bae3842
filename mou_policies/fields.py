"""Reading one field of an agreement: class, use, treatment, name, reason, and the rules that bind them.

The rules themselves (which class may ever have which use and treatment) are data in `vocabulary`; here they
are applied, and a breach is an error with its place, its rule id and the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from mou_policies import vocabulary
from mou_policies.findings import Findings
from mou_policies.model import DATE_UNITS, FieldPolicy, Pairs, Treatment
from mou_policies.nodes import Node, suggest

DATE_FORMATS = ("YYYY-MM-DD", "MM/DD/YYYY", "DD/MM/YYYY", "YYYYMMDD", "MMDDYYYY")
DEFAULT_BANDS = (0, 1, 3, 5, 10, 15, 18)
RESERVED = frozenset({"record_key", "row_key", "digest", "child_id", "source"})

IMPLIED: Mapping[str, tuple[str, ...]] = {
    "link": ("link",),
    "content": ("content",),
    "publish": ("publish", "content"),
    "none": (),
}

FIELD_PATTERN = re.compile(r"[a-z*][a-z0-9_*]*\.[^.]+\..+")
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[^a-z0-9]+")
_OUTPUT = re.compile(r"[a-z][a-z0-9_]{0,62}")
_KEYS = (["class", "use", "reason"], ["treatment", "as", "required", "format", "for", "under"])


def field_patterns(node: Node) -> tuple[str, ...]:
    """Return a list of field patterns: source.table.field, with * for a whole part."""
    for item in node.items():
        item.matching(FIELD_PATTERN, "field", "write source.table.field, with * for a whole part")
    return node.texts()


@dataclass(frozen=True)
class Place:
    """Where a field stands, for its clause, with what the agreement says of all its fields.

    `exceptions` and `purposes` are the agreement's, in its order; `findings` collects what is wrong.
    """

    file: str
    agreement: str
    source: str
    table: str
    date_format: str | None
    exceptions: tuple[str, ...]
    purposes: tuple[str, ...]
    findings: Findings

    def clause(self, field: str, line: int) -> str:
        """Return the clause text an auditor can follow to the line."""
        return f"{self.file}:{line} {self.agreement} {self.source}.{self.table}.{field}"


def snake(name: str) -> str:
    """Return a field's default output column: `BirthDate` and `birth.date` become birth_date."""
    return _OTHER.sub("_", _HUMPS.sub("_", name).lower()).strip("_")


def read_field(field: str, key: Node, node: Node, place: Place) -> tuple[FieldPolicy, ...]:
    """Read a field's entry: one mapping, or a list of mappings for a field with several uses."""
    bodies = node.items() if node.is_list else [node]
    policies = tuple(_read_one(field, key, body, place) for body in bodies)
    if len(policies) > 1:
        for policy, body in zip(policies, bodies, strict=True):
            if policy.use == "none":
                what = f"{field} is denied and granted at once"
                raise body.error(what, "keep the denial or the grants, not both", "FLD-013")
    return policies


def _read_one(field: str, key: Node, node: Node, place: Place) -> FieldPolicy:
    if node.is_table:
        if not node.has("class"):
            raise node.error(f"{field} has no class", "add class: ...", "FLD-001")
        if not node.has("reason"):
            remedy = "say why the hub needs it, or that it does not (45 CFR 164.502(b))"
            raise node.error(f"{field} has no reason", remedy, "FLD-010")
    keys = node.keys_of(*_KEYS)
    cls = vocabulary.field_classes()[keys["class"].word(vocabulary.field_classes(), "field class", "FLD-002")]
    use = keys["use"].word(vocabulary.uses(), "use")
    treatment = read_treatment(field, use, keys.get("treatment"), node)
    doors = _doors(keys.get("under"), cls, place.exceptions)
    _check_class(field, cls, use, keys, place)
    if use != "none":
        _check_doors(field, cls, use, doors, keys.get("under", keys["class"]), place)
    _check_treatment(field, cls, use, treatment, keys.get("treatment", node))
    return FieldPolicy(
        field=field,
        cls=cls.name,
        use=use,
        treatment=treatment,
        name=_output_name(field, key, keys.get("as"), use),
        reason=keys["reason"].text(),
        required=keys["required"].flag() if "required" in keys else False,
        clause=place.clause(field, node.line),
        date_format=keys["format"].word(DATE_FORMATS, "date form") if "format" in keys else place.date_format,
        pairs=pairs_of(use, _named(keys.get("for"), place.purposes, "purpose"), doors),
        doors=doors,
        place=(node.line, node.column),
    )


@lru_cache(maxsize=4096)
def pairs_of(use: str, purposes: tuple[str, ...], doors: tuple[str, ...]) -> Pairs:
    """Return the pairs (use, purpose) of a grant: what its use implies, for each purpose that serves it.

    A purpose counts where one of the exceptions the field rests on admits it.
    """
    known = vocabulary.purposes()
    admitted = [p for p in purposes if any(vocabulary.admits(door, p) for door in doors)]
    return frozenset((u, p) for u in IMPLIED[use] for p in admitted if u in known[p].serves)


def _named(node: Node | None, of: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """Return the words a field names, which the agreement must name too; all of the agreement's by default."""
    if node is None:
        return of
    words = node.texts()
    for word, item in zip(words, node.items(), strict=True):
        if word not in of:
            raise item.error(f"{kind} {word!r} is not one of the agreement", f"it names: {', '.join(of)}")
    return words


def _doors(node: Node | None, cls: vocabulary.FieldClass, of: tuple[str, ...]) -> tuple[str, ...]:
    """Return the exceptions a field rests on: those of the agreement (or those it names) that may carry its class."""
    return vocabulary.doors(cls.name, _named(node, of, "exception"))


def _output_name(field: str, key: Node, node: Node | None, use: str) -> str:
    if node is not None and use not in {"content", "publish"}:
        raise node.error(f"`as` names a stored column, but {field} is not stored", "remove `as`")
    name = node.text() if node is not None else snake(field)
    at = node or key
    if use in {"content", "publish"} and (not _OUTPUT.fullmatch(name) or name in RESERVED):
        remedy = "give it a name in lower case: as: birth_year"
        raise at.error(f"{name!r} cannot be a column's name", remedy)
    return name


def _check_class(field: str, cls: vocabulary.FieldClass, use: str, keys: Mapping[str, Node], place: Place) -> None:
    if use != "none" and use not in cls.uses:
        allowed = ", ".join([*cls.uses, "none"])
        what = f"{field}: class {cls.name} may never have the use {use} ({cls.cite} [{cls.mark}])"
        raise keys["use"].error(what, f"allowed: {allowed}", "FLD-003")
    if use != "none" and cls.needs and not set(place.exceptions) & set(cls.needs):
        what = f"{field}: class {cls.name} needs an authority this agreement does not name ({cls.cite})"
        raise keys["class"].error(what, f"add {' or '.join(cls.needs)} under authority", "FLD-011")


def _check_doors(
    field: str, cls: vocabulary.FieldClass, use: str, doors: tuple[str, ...], at: Node, place: Place
) -> None:
    """Refuse a field that rests on no exception of its agreement, or on one that cannot carry it."""
    rules = vocabulary.exceptions()
    if doors:
        if use == "link" and not any(rules[door].identifiable for door in doors):
            rule = rules[doors[0]]
            what = f"{field}: only records without identifiers come under {rule.name} ({rule.cite} [{rule.mark}])"
            raise at.error(what, "nothing under it can be linked: deny the field, or name another exception", "AGR-001")
        return
    barring = [rules[name] for name in place.exceptions if cls.name in rules[name].never]
    if barring:
        what = f"{field}: class {cls.name} can never rest on {barring[0].name} ({barring[0].cite} [{barring[0].mark}])"
        raise at.error(what, "deny it, or name another exception", "FLD-009")
    carrying = ", ".join(name for name in rules if vocabulary.doors(cls.name, [name])) or "none"
    what = f"{field}: class {cls.name} rests on no exception this agreement names"
    raise at.error(what, f"name one that carries it under authority: {carrying}", "AGR-001")


def _check_treatment(field: str, cls: vocabulary.FieldClass, use: str, treatment: Treatment, at: Node) -> None:
    rule = vocabulary.treatments()[treatment.token]
    if use == "link":
        expected = "record" if cls.name == "id.record" else "tokenise"
        if treatment.kind != expected or treatment.namespace_column:
            what = f"{field}: found treatment {treatment} for the use link"
            raise at.error(what, f"write treatment: {expected}")
        return
    if use not in rule.uses:
        what = f"{field}: treatment {treatment} cannot serve the use {use}"
        raise at.error(what, f"it serves: {', '.join(rule.uses)}")
    if use != "none" and treatment.token not in cls.treatments:
        allowed = [name.replace("date.", "date: ") for name in cls.treatments]
        code = "FLD-007" if any(name.startswith("date.") for name in cls.treatments) else "FLD-004"
        what = f"{field}: class {cls.name} may not be kept with treatment {treatment}"
        raise at.error(what, f"use one of: {'; '.join(allowed)}", code)


def read_treatment(field: str, use: str, node: Node | None, entry: Node) -> Treatment:
    """Read a treatment; `field` is what it is for and `entry` where it would stand, for the error's words."""
    if node is None:
        if use == "none":
            return Treatment("drop")
        raise entry.error(f"{field} has no treatment", "add treatment: ...", "FLD-004")
    if not node.is_table:
        word = node.text()
        if word not in _words() and (word in _MAPPINGS or word.startswith("date")):
            raise node.error(f"treatment {word!r} needs its setting", f"write {_EXAMPLES[word[:4]]}")
        return Treatment(node.word(_words(), "treatment"))
    kind, key, value = next(node.entries(), ("", node, node))
    if kind not in _MAPPINGS:
        raise key.error(f"unknown treatment {kind!r}", suggest(kind, [*_MAPPINGS, *vocabulary.treatments()]))
    return _MAPPINGS[kind](value, node.keys_of([kind], _BESIDE.get(kind, ())))


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    """Return the treatments that are written as one word."""
    return frozenset(name for name, rule in vocabulary.treatments().items() if rule.takes in {"word", "either"})


def _date(value: Node, keys: Mapping[str, Node]) -> Treatment:
    unit = value.word(DATE_UNITS, "date unit")
    if "bands" not in keys:
        return Treatment("date", unit=unit, bands=DEFAULT_BANDS if unit == "age_band" else ())
    if unit != "age_band":
        raise keys["bands"].error(f"bands do not apply to {unit}", "remove them, or use date: age_band")
    return Treatment("date", unit=unit, bands=tuple(int(e) for e in _edges(keys["bands"], whole=True)))


def _top_code(value: Node, keys: Mapping[str, Node]) -> Treatment:
    return Treatment("top_code", limit=value.number())


def _band(value: Node, keys: Mapping[str, Node]) -> Treatment:
    return Treatment("band", edges=_edges(value, whole=False))


def _edges(node: Node, *, whole: bool) -> tuple[float, ...]:
    edges = tuple(float(n.integer(0, 120)) if whole else n.number() for n in node.items())
    if any(b <= a for a, b in pairwise(edges)):
        raise node.error("the bounds do not ascend", "list each lower bound once, smallest first")
    return edges


def _recode(value: Node, keys: Mapping[str, Node]) -> Treatment:
    pairs = tuple((code, new.text()) for code, _, new in value.entries())
    if not pairs:
        raise value.error("no code is listed", "write recode: {A: x, B: y}")
    return Treatment("recode", recode=pairs, otherwise=keys["else"].text() if "else" in keys else None)


def _record(value: Node, keys: Mapping[str, Node]) -> Treatment:
    return Treatment("record", namespace_column=value.text())


_MAPPINGS: dict[str, Callable[[Node, Mapping[str, Node]], Treatment]] = {
    "date": _date,
    "top_code": _top_code,
    "band": _band,
    "recode": _recode,
    "record": _record,
}
_BESIDE = {"date": ("bands",), "recode": ("else",)}
_EXAMPLES = {
    "date": "{date: year}",
    "top_": "{top_code: 20}",
    "band": "{band: [1500, 2500]}",
    "reco": "{recode: {A: x, B: y}, else: z}",
}
