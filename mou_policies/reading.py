"""Reading the provisions of an agreement: ceilings, prohibitions, limits, a project's licence, risks, expectations.

The sources are read in `sources`, the heading in `language`; what provisions do is in `enforce`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mou_policies import vocabulary
from mou_policies.agreement import MEMBER, MEMBERS
from mou_policies.fields import FIELD_PATTERN, field_patterns, read_treatment
from mou_policies.findings import Findings
from mou_policies.nodes import Node
from mou_policies.provisions import (
    BY_AGREEMENT,
    BY_LICENCE,
    AcceptedRisk,
    Amends,
    Expectation,
    FieldRef,
    Licensed,
    Limit,
    Permits,
    Prohibition,
    Provisions,
    ReleaseTerms,
    Scope,
)
from mou_policies.reading_release import read_release

GRANTED = ("link", "content", "publish")
ANSWERS = ("allowed", "denied")

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Context:
    """Where provisions stand: the file and the agreement's id, and where what is wrong is collected."""

    file: str
    agreement: str
    findings: Findings

    def clause(self, path: str, line: int) -> str:
        """Return the clause text an auditor can follow to the line."""
        return f"{self.file}:{line} {self.agreement} {path}"


def read_provisions(keys: Mapping[str, Node], context: Context) -> Provisions:
    """Read every provision among the top-level keys of an agreement; what is wrong is collected."""
    found: dict[str, object] = {}
    for name, read in _READERS.items():
        if name in keys:
            with context.findings.catch():
                attribute, value = read(keys[name], context)
                found[attribute] = value
    return Provisions(**found)  # type: ignore[arg-type]  # each reader gives what its attribute takes


def _permits(node: Node, context: Context) -> tuple[str, Permits]:
    keys = node.keys_of(list(GRANTED), ["publication"])
    classes = {use: _classes(keys[use], empty=True) for use in GRANTED}
    publication = keys["publication"].word([BY_LICENCE, BY_AGREEMENT], "form") if "publication" in keys else BY_LICENCE
    return "permits", Permits(classes, publication, context.clause("permits", node.line))


def _classes(node: Node, *, empty: bool = False) -> tuple[str, ...]:
    """Return class patterns, each of which names at least one class of the vocabulary."""
    node.texts(empty=empty)
    return tuple(vocabulary.class_pattern(item) for item in node.items(empty=empty))


def _scope(keys: Mapping[str, Node], node: Node) -> Scope:
    if "class" not in keys and "fields" not in keys:
        raise node.error("neither class nor fields are named", 'say what it is about: class: ["*"] for everything')
    return Scope(
        uses=tuple(item.word(GRANTED, "use") for item in keys["use"].items()),
        classes=_classes(keys["class"]) if "class" in keys else (),
        fields=field_patterns(keys["fields"]) if "fields" in keys else (),
        purposes=_purposes(keys["purposes"]) if "purposes" in keys else (),
    )


def _purposes(node: Node) -> tuple[str, ...]:
    return tuple(item.word(vocabulary.purposes(), "purpose") for item in node.items())


def _prohibits(node: Node, context: Context) -> tuple[str, tuple[Prohibition, ...]]:
    found: list[Prohibition] = []
    for number, item in enumerate(node.items(), 1):
        with context.findings.catch():
            keys = item.keys_of(["use", "because", "cite"], ["class", "fields", "purposes", "with"])
            together = _classes(keys["with"]) if "with" in keys else ()
            if together and keys["use"].texts() != ("publish",):
                raise keys["use"].error("`with` is judged where rows are joined for a release", "write use: [publish]")
            clause = context.clause(f"prohibits[{number}]", item.line)
            words = keys["because"].text(), keys["cite"].text()
            found.append(Prohibition(_scope(keys, item), *words, clause, together))
    return "prohibits", tuple(found)


def _limits(node: Node, context: Context) -> tuple[str, tuple[Limit, ...]]:
    found: list[Limit] = []
    for number, item in enumerate(node.items(), 1):
        with context.findings.catch():
            keys = item.keys_of(["use", "treatment", "because", "cite"], ["class", "fields"])
            scope = _scope(keys, item)
            if "link" in scope.uses:
                raise keys["use"].error("a link is not treated otherwise", "write content or publish, or prohibit it")
            clause = context.clause(f"limits[{number}]", item.line)
            treatment = read_treatment("the limit", "publish", keys["treatment"], item)
            if "publish" not in vocabulary.treatments()[treatment.token].uses:
                raise keys["treatment"].error(
                    f"treatment {treatment} limits nothing that is kept", "prohibit it instead"
                )
            found.append(Limit(scope, treatment, keys["because"].text(), keys["cite"].text(), clause))
    return "limits", tuple(found)


def _licensed(node: Node, context: Context) -> tuple[str, dict[FieldRef, Licensed]]:
    found: dict[FieldRef, Licensed] = {}
    for source, _, tables in node.entries():
        for table, _, fields in tables.entries():
            for name, key, reason in fields.entries():
                with context.findings.catch():
                    clause = context.clause(f"fields.{source}.{table}.{name}", key.line)
                    found[source, table, name] = Licensed(reason.text(), clause)
    return "licensed", found


def _release(node: Node, context: Context) -> tuple[str, ReleaseTerms]:
    return "release", read_release(node, context.clause)


def _accepts(node: Node, context: Context) -> tuple[str, tuple[AcceptedRisk, ...]]:
    found: list[AcceptedRisk] = []
    for number, item in enumerate(node.items(), 1):
        with context.findings.catch():
            found.append(_accepted(item, context.clause(f"accepts[{number}]", item.line)))
    return "accepts", tuple(found)


def _accepted(node: Node, clause: str) -> AcceptedRisk:
    needed = ["rule", "by", "role", "on", "until", "because"]
    absent = [key for key in needed[1:] if not node.has(key)] if node.is_table else []
    if absent:
        raise node.error(f"a risk is accepted without {', '.join(absent)}", f"add {absent[0]}: ...", "AGR-016")
    keys = node.keys_of(needed, ["field"])
    rule = vocabulary.rules()[keys["rule"].word(vocabulary.rules(), "rule")]
    if not rule.acceptable:
        what = f"{rule.id} is not for a person to accept ({rule.cite} [{rule.mark}])"
        raise keys["rule"].error(what, "mend what the rule found instead", "AGR-016")
    starts, until = keys["on"].day(), keys["until"].day()
    if until < starts:
        raise keys["until"].error("the acceptance ends before it starts", "mend the dates", "AGR-016")
    return AcceptedRisk(
        rule=rule.id,
        about=keys["field"].matching(FIELD_PATTERN, "field", "write source.table.field") if "field" in keys else "*",
        by=keys["by"].text(),
        role=keys["role"].text(),
        on=starts,
        until=until,
        because=keys["because"].text(),
        clause=clause,
        place=(node.line, node.column),
    )


def _expects(node: Node, context: Context) -> tuple[str, tuple[Expectation, ...]]:
    found: list[Expectation] = []
    for number, item in enumerate(node.items(), 1):
        with context.findings.catch():
            found.append(_expected(item, context.clause(f"expect[{number}]", item.line)))
    return "expects", tuple(found)


def _expected(node: Node, clause: str) -> Expectation:
    keys = node.keys_of(["field", "use", "on", "is"], ["purpose", "because"])
    field = keys["field"].matching(FIELD_PATTERN, "field", "write source.table.field, as in school.users.grades")
    source, table, name = field.split(".", 2)
    return Expectation(
        ref=(source, table, name),
        use=keys["use"].word(GRANTED, "use"),
        purpose=keys["purpose"].word(vocabulary.purposes(), "purpose") if "purpose" in keys else None,
        on=keys["on"].day(),
        allowed=keys["is"].word(ANSWERS, "answer") == "allowed",
        because=keys["because"].text() if "because" in keys else None,
        clause=clause,
        place=(node.line, node.column),
    )


def _amends(node: Node, context: Context) -> tuple[str, Amends]:
    keys = node.keys_of(["agreement", "sha256"])
    digest = keys["sha256"].matching(_SHA256, "digest", "write the SHA-256 that `mou verify` shows, in quotes")
    return "amends", Amends(keys["agreement"].text(), digest, (node.line, node.column))


def _signatories(node: Node, context: Context) -> tuple[str, dict[str, tuple[str, ...]]]:
    roles = {MEMBERS: MEMBER}
    return "signatories", {roles.get(name, name): offices.texts() for name, _, offices in node.entries()}


_READERS = {
    "permits": _permits,
    "prohibits": _prohibits,
    "limits": _limits,
    "fields": _licensed,
    "release": _release,
    "accepts": _accepts,
    "expect": _expects,
    "amends": _amends,
    "signatories": _signatories,
}
