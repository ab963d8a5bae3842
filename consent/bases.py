"""On what a decision can stand: the elements that a form must carry for each basis, and which of them one lacks.

What belongs here: reading `bases.yaml`, whose citations and words come from the exceptions of the agreement language
where they stand there already. What does not: what a form says (`terms`), whether an agreement asks for a consent
(`mou_policies`), which child a decision is about.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mou_policies.nodes import read_yaml
from mou_policies.values import Node
from mou_policies.vocabulary import MARKS, Element, ExceptionRule, exceptions

_FILE = Path(__file__).with_name("bases.yaml")

SIGNERS = ("parent", "guardian", "student", "agency", "court", "unknown")
"""Who can have signed; `unknown` where a form does not say, or not in these words."""

SHOWING = ("sources", "classes", "purposes", "recipients", "signed_month", "expiry_month")
"""Columns of a form that can show an element by being filled in."""


@dataclass(frozen=True)
class Required:
    """One thing a form must carry for a basis.

    It is carried when the form says so, when one of the columns `shown_by` is filled in, or, where `signers` are named,
    by the role of who signed alone. It is not asked for when one of `unless` signed, nor, if `when` names another
    element, without that one.
    """

    name: str
    asks: str
    cite: str
    mark: str
    signers: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()
    when: str | None = None
    shown_by: tuple[str, ...] = ()

    def lacks(self, elements: Collection[str], signer: str) -> bool:
        """Say whether a form with these elements, signed by `signer`, lacks it."""
        if signer in self.unless or (self.when is not None and self.when not in elements):
            return False
        return signer not in self.signers if self.signers else self.name not in elements


@dataclass(frozen=True)
class Basis:
    """A basis, the exception it rests on, and what it asks of a form, by name."""

    name: str
    title: str
    cite: str
    mark: str
    rests_on: str
    elements: Mapping[str, Required]

    @property
    def words(self) -> frozenset[str]:
        """The elements that a form can say it has: who signed is no element but a column."""
        said = {item.name for item in self.elements.values() if not item.signers}
        return frozenset(said | {item.when for item in self.elements.values() if item.when is not None})


@lru_cache(maxsize=1)
def bases() -> Mapping[str, Basis]:
    """Return the bases by name. Raises AgreementError with file and line where `bases.yaml` is not as it should be."""
    return {name: _basis(name, node) for name, _, node in read_yaml(_FILE).entries()}


def missing(basis: str, elements: Collection[str], signer: str) -> tuple[Required, ...]:
    """Return what a form with these elements, signed by `signer` (of SIGNERS), lacks for a basis, in its order.

    Empty: the form is valid for that basis. Raises KeyError for a basis that is none.
    """
    return tuple(item for item in bases()[basis].elements.values() if item.lacks(elements, signer))


def _basis(name: str, node: Node) -> Basis:
    k = node.keys_of(["rests_on", "elements"])
    rule = exceptions()[k["rests_on"].word(exceptions(), "exception")]
    elements = {element: _required(element, body, rule) for element, _, body in k["elements"].entries()}
    return Basis(name, rule.title, rule.cite, rule.mark, rule.name, elements)


def _required(name: str, node: Node, rule: ExceptionRule) -> Required:
    own = ["asks", "cite", "mark"] if node.has("asks") else []
    k = node.keys_of(own, ["as", "signers", "unless", "when", "shown_by"])
    if own:
        said = Element(k["asks"].text(), k["cite"].text(), k["mark"].word(MARKS, "mark"))
    else:
        known = k["as"].word(rule.elements, "element") if "as" in k else name
        if known not in rule.elements:
            raise node.error(f"{rule.name} has no element {name!r}", "say asks, cite and mark here")
        said = rule.elements[known]
    return Required(
        name,
        said.asks,
        said.cite,
        said.mark,
        frozenset(_words(k, "signers", SIGNERS)),
        frozenset(_words(k, "unless", SIGNERS)),
        k["when"].text() if "when" in k else None,
        _words(k, "shown_by", SHOWING),
    )


def _words(keys: Mapping[str, Node], key: str, known: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(node.word(known, key) for node in keys[key].items()) if key in keys else ()
