"""What becomes possible when ceilings, prohibitions and limits change, whether or not they act on anything today.

Each is laid out over the finite domain it speaks of: uses x classes (or field patterns) x purposes. One that is gone
is missed where no other that acts in its place says at least as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mou_policies import vocabulary
from mou_policies.agreement import Agreement
from mou_policies.changes import Change
from mou_policies.coarseness import as_coarse
from mou_policies.enforce import STOPS
from mou_policies.provisions import Permits, Prohibition, Scope, class_covered


@dataclass(frozen=True)
class Atom:
    """The smallest thing a provision speaks of: a use, a class or a pattern of fields, and a purpose (None: any)."""

    use: str
    about: str
    by_name: bool
    purpose: str | None


def permitted(old: Permits, new: Permits, about: str) -> Iterator[Change]:
    """Yield what an EMOU permits to be granted, by classes, and did not before."""
    uses: dict[tuple[str, ...], list[str]] = {}
    for cls in sorted(vocabulary.field_classes()):
        more = tuple(use for use in STOPS if _permits(new, use, cls) and not _permits(old, use, cls))
        uses.setdefault(more, []).append(cls)
    for more, classes in uses.items():
        if more:
            words = f"{' and '.join(more)} of {', '.join(classes)}"
            yield Change(
                "permits", about, f"{words}: not permitted", f"{words}: permitted", (old.clause,), (new.clause,)
            )
    if old.publication != new.publication == "agreement":
        needs = "a release needs a licence", "a release needs no licence"
        yield Change("permits", about, *needs, (old.clause,), (new.clause,))


def _permits(permits: Permits, use: str, cls: str) -> bool:
    return all(class_covered(cls, permits.classes[other]) for other in STOPS if use in STOPS[other])


def no_longer_prohibited(old: Agreement, acting: Sequence[Agreement]) -> Iterator[Change]:
    """Yield what an agreement prohibited and nothing prohibits among those that act in its place."""
    rules = [rule for agreement in acting for rule in agreement.provisions.prohibits]
    for rule in old.provisions.prohibits:
        atoms = _atoms(rule.scope)
        free = [atom for atom in atoms if not any(_prohibits(other, rule, atom) for other in rules)]
        if free:
            beside = f" beside {', '.join(rule.together)}" if rule.together else ""
            before = f"{_words(rule.scope)}{beside}: prohibited ({rule.because})"
            told = _words(rule.scope) if len(free) == len(atoms) else _told(free)
            yield Change("prohibits", old.agreement_id, before, f"{told}{beside}: not prohibited", (rule.clause,))


def no_longer_limited(old: Agreement, acting: Sequence[Agreement]) -> Iterator[Change]:
    """Yield what an agreement limited, and nothing limits or prohibits as much among those that act in its place."""
    limits = [limit for agreement in acting for limit in agreement.provisions.limits]
    rules = [rule for agreement in acting for rule in agreement.provisions.prohibits]
    for limit in old.provisions.limits:
        atoms = _atoms(limit.scope)
        free = [
            atom
            for atom in atoms
            if not any(_speaks(other.scope, atom) and as_coarse(other.treatment, limit.treatment) for other in limits)
            and not any(_speaks(rule.scope, atom) and not rule.together for rule in rules)
        ]
        if free:
            left = [other for other in limits if any(_speaks(other.scope, atom) for atom in free)]
            finest = " and ".join(dict.fromkeys(str(other.treatment) for other in left)) or "no limit"
            before = f"{_words(limit.scope)}: at the finest {limit.treatment}"
            told = _words(limit.scope) if len(free) == len(atoms) else _told(free)
            after = f"{told}: {finest}"
            clauses = tuple(other.clause for other in left)
            yield Change("limits", old.agreement_id, before, after, (limit.clause,), clauses)


def _atoms(scope: Scope) -> list[Atom]:
    uses = dict.fromkeys(stopped for use in scope.uses for stopped in STOPS[use])
    classes = [(cls, False) for cls in sorted(vocabulary.classes_of(scope.classes))]
    about = [*classes, *((pattern, True) for pattern in scope.fields)]
    purposes: Iterable[str | None] = scope.purposes or (None,)
    return [Atom(use, name, by_name, purpose) for use in uses for name, by_name in about for purpose in purposes]


def _prohibits(other: Prohibition, rule: Prohibition, atom: Atom) -> bool:
    """Whether another prohibition says at least as much as a rule of one of its atoms."""
    beside = vocabulary.classes_of(other.together) >= vocabulary.classes_of(rule.together) if rule.together else False
    return _speaks(other.scope, atom) and (not other.together or beside)


def _speaks(scope: Scope, atom: Atom) -> bool:
    """Whether a provision speaks of all that an atom stands for."""
    if not any(atom.use in STOPS[use] for use in scope.uses):
        return False
    if scope.purposes and atom.purpose not in scope.purposes:
        return False
    if "*" in scope.classes:
        return True
    if atom.by_name:
        return any(_within(atom.about, pattern) for pattern in scope.fields)
    return class_covered(atom.about, scope.classes) or any(_within("*.*.*", pattern) for pattern in scope.fields)


def _within(pattern: str, other: str) -> bool:
    """Whether every field that one pattern names is named by the other."""
    if pattern == other:
        return True
    parts, wider = pattern.split(".", 2), other.split(".", 2)
    plain = not {*pattern, *other} & set("?[")
    return plain and len(parts) == len(wider) and all(map(fnmatchcase, parts, wider))


def _words(scope: Scope) -> str:
    purposes = f" for {', '.join(scope.purposes)}" if scope.purposes else ""
    return f"{' and '.join(scope.uses)} of {', '.join((*scope.classes, *scope.fields))}{purposes}"


def _told(atoms: Sequence[Atom]) -> str:
    uses, about = (dict.fromkeys(getattr(atom, key) for atom in atoms) for key in ("use", "about"))
    purposes = [purpose for purpose in dict.fromkeys(atom.purpose for atom in atoms) if purpose]
    return f"{' and '.join(uses)} of {', '.join(about)}" + (f" for {', '.join(purposes)}" if purposes else "")
