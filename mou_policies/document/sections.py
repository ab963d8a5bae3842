"""The sections of an agreement, in the order of words.yaml, each built from one top-level key.

A key that has no section there has one under its own name; a clause in a shape that a section does not know is shown
as `shapes` shows any part. The section of the deliveries is in `deliveries`.
"""

from __future__ import annotations

from collections.abc import Callable

from mou_policies import vocabulary
from mou_policies.document import words
from mou_policies.document.blocks import Block, Cell, Content, Gloss, Grid, Line, Name, Pairs, Paragraph, Plain, Section
from mou_policies.document.deliveries import deliveries
from mou_policies.document.part import Part
from mou_policies.document.shapes import block, content, labelled, pairs, rows_of
from mou_policies.document.sources import Sources

Made = list[Block | Section]
ASKED = ("What the law asks for", "How this agreement meets it", "Where it asks")


def sections(root: Part, sources: Sources) -> list[Section]:
    """Return the sections of everything that is left of an agreement."""
    known = words.words("sections")
    made = []
    for key, words_of in known.items():
        part = root.take(key)
        if part is not None:
            made.append(_section([Plain(words_of["title"])], words_of.get("says", ""), key, part, sources))
    return made + [_section(labelled(key), "", key, part, sources) for key, part in root.rest()]


def _section(title: Content, says: str, key: str, part: Part, sources: Sources) -> Section:
    made = _MAKERS[key](part, sources) if key in _MAKERS else []
    if part.is_table and (left := pairs(part, sources)).rows:
        made.append(left)
    elif not part.is_table and not made:
        made.append(block(part, key, sources))
    intro = [Paragraph([Gloss(says)], look="says")] if says else []
    blocks = [one for one in made if not isinstance(one, Section)]
    return Section(title, [*intro, *blocks], [one for one in made if isinstance(one, Section)])


def _parties(part: Part, sources: Sources) -> Made:
    found: list[tuple[Content, Part]] = []
    for role in part.keys:
        listed = part.look(role)
        members = listed.items if listed is not None else []
        if members and all(member.is_table for member in members):
            part.take(role)
            found += [(labelled("member" if role == "members" else role), member) for member in members]
        elif (party := part.take_table(role)) is not None:
            found.append((labelled(role), party))
    grid = rows_of([party for _, party in found], "parties", sources)
    if grid is None:
        return [Pairs([(role, [pairs(party, sources)]) for role, party in found])] if found else []
    rows = [
        [[Cell(role, heads=True), *(Cell(cell.content) for cell in row)]]
        for (role, _), (row,) in zip(found, grid.groups, strict=True)
    ]
    return [Grid("", ["Party", *grid.columns], rows, look="parties")]


def _authority(part: Part, sources: Sources) -> Made:
    doors = part.items
    return [_door(door, sources) for door in doors] if all(door.has("exception") for door in doors) else []


def _door(item: Part, sources: Sources) -> Section:
    """Return the section of one legal exception: what the law asks for, beside how the agreement meets it."""
    exception, elements = item.take("exception"), item.take_table("elements")
    rule = vocabulary.exceptions().get(exception.text) if exception is not None else None
    title: Content = [Plain(rule.title), sources.note(rule.cite, rule.mark)] if rule else [Plain("Exception")]
    rows = [(labelled("exception"), content(exception, "exception", sources))] if exception is not None else []
    blocks: list[Block] = [Pairs([*rows, *pairs(item, sources).rows])]
    if elements is not None:
        asked = [_element(name, part, rule, sources) for name, part in elements.rest()]
        blocks.append(Grid("", ASKED, asked, look="asks"))
    return Section(title, blocks)


def _element(name: str, part: Part, rule: vocabulary.ExceptionRule | None, sources: Sources) -> list[list[Cell]]:
    asked = rule.elements.get(name) if rule is not None else None
    met = Cell(content(part, "", sources))
    if asked is None:
        return [[Cell([Name(name)], heads=True), met, Cell([Plain("–")])]]
    where: Content = [Gloss(f"{asked.cite} [{asked.mark}]"), sources.note(asked.cite, asked.mark)]
    return [[Cell([Gloss(asked.asks), Line(), Name(name)], heads=True), met, Cell(where)]]


def _purposes(part: Part, sources: Sources) -> Made:
    rows = []
    for name, said in part.rest():
        known = vocabulary.purposes().get(name)
        means: Content = [Gloss(known.means), sources.note(known.cite, known.mark), Line()] if known else []
        rows.append([[Cell([*means, Name(name)], heads=True), Cell(content(said, "", sources))]])
    return [Grid("", ["Purpose", "In the parties' words"], rows, look="halves")] if rows else []


def _licensed(part: Part, sources: Sources) -> Made:
    rows = []
    for source, tables in part.rest() if _is_licence(part) else []:
        for table, fields in tables.rest():
            for field, reason in fields.rest():
                head = Cell([Name(f"{source}.{table}.{field}")], heads=True)
                rows.append([[head, Cell(content(reason, "reason", sources))]])
    return [Grid("", ["Field", "Why the project needs it"], rows, look="halves")] if rows else []


def _is_licence(part: Part) -> bool:
    """Whether a mapping goes source, table, field, as the fields of a licence do, without an empty one on the way."""
    below = [tables for _, tables in Part(part.node).rest()]
    return all(tables.is_table and all(fields.is_table for _, fields in tables.rest()) for tables in below)


_MAKERS: dict[str, Callable[[Part, Sources], Made]] = {
    "parties": _parties,
    "authority": _authority,
    "purposes": _purposes,
    "sources": deliveries,
    "fields": _licensed,
}
