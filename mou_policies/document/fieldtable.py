"""The table of a source's fields: what each is, what the hub may do with it, after which treatment, and why.

A field with two uses has two rows under one name. The last columns say under which letter of the two privacy rules a
class falls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mou_policies import vocabulary
from mou_policies.document import words
from mou_policies.document.blocks import Cell, Content, Gloss, Grid, Line, Name, Piece, Plain
from mou_policies.document.part import Part
from mou_policies.document.shapes import coded, content, labelled
from mou_policies.document.sources import Sources
from mou_policies.document.values import Value

COLUMNS = ("Field", "What it is", "The hub may", "After treatment", "Why", "HIPAA", "FERPA")
_BY_LETTER = f"{vocabulary.SAFE_HARBOR_CITE}; {vocabulary.FERPA_PII_CITE}"


def field_table(caption: str, fields: Part, sources: Sources) -> Grid:
    """Return the table of the fields of one table of a source."""
    groups = [_rows(name, part, sources) for name, part in fields.rest()]
    return Grid(caption, COLUMNS, groups, look="fields")


def count_uses(fields: Part) -> Counter[str]:
    """Return how many of the fields have each use; a field with several counts at its widest."""
    found: Counter[str] = Counter()
    order = list(vocabulary.uses())
    for _, part in fields.rest():
        uses = [use.text for body in (part.items or [part]) if (use := body.look("use")) is not None]
        known = [use for use in uses if use in order]
        found[max(known, key=lambda use: (use != "none", order.index(use)), default="")] += 1
    return found


def _rows(name: str, part: Part, sources: Sources) -> Sequence[Sequence[Cell]]:
    bodies = part.items or [part]
    rows = [_row(body, sources) for body in bodies]
    rows[0] = [Cell([Name(name)], heads=True, rows=len(rows)), *rows[0]]
    return rows


def _row(body: Part, sources: Sources) -> list[Cell]:
    if not body.is_table:
        return [Cell(content(body, "", sources), columns=len(COLUMNS) - 1)]
    cls, use = body.take_value("class"), body.take_value("use")
    treatment, stored, reason = body.take("treatment"), body.take("as"), body.take("reason")
    why = [*content(reason, "reason", sources)] if reason is not None else []
    for key, part in body.rest():
        why += [Line(), *labelled(key), Plain(": "), *content(part, key, sources)]
    return [
        Cell(_class(cls, sources)),
        Cell(_use(use)),
        Cell(_treatment(treatment, stored, sources)),
        Cell(why),
        Cell(_letter(cls, "safe_harbor", sources)),
        Cell(_letter(cls, "ferpa", sources)),
    ]


def _class(cls: Value | None, sources: Sources) -> Content:
    if cls is None:
        return []
    known = vocabulary.field_classes().get(cls.text)
    if known is None:
        return [*coded([cls])]
    own: list[Piece] = [sources.note(known.cite, known.mark)] if known.cite != _BY_LETTER else []
    return [Gloss(known.means), *own, Line(), *coded([cls])]


def _use(use: Value | None) -> Content:
    if use is None:
        return []
    says = words.words("uses").get(use.text)
    return [Gloss(says), Line(), *coded([use])] if says else [*coded([use])]


def _treatment(treatment: Part | None, stored: Part | None, sources: Sources) -> Content:
    shown = [*content(treatment, "treatment", sources)] if treatment is not None else []
    if stored is not None:
        shown += [Line()] if shown else []
        shown += [Gloss("stored as "), *coded(content(stored, "as", sources))]
    return shown or [Plain("–")]


def _letter(cls: Value | None, rule: str, sources: Sources) -> Content:
    """Return the letter under which one of the privacy rules lists a class, with where it says so."""
    known = vocabulary.field_classes().get(cls.text) if cls is not None else None
    letter = getattr(known, rule, None)
    return [Plain(letter), sources.letter(rule, letter)] if letter else [Plain("–")]
