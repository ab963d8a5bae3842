"""Random agreements that load: one table with fields of any class, each with a use and treatment the class may have."""

from __future__ import annotations

import json

from hypothesis import strategies as st
from support.mou import SMALL

from mou_policies import vocabulary

PRINTABLE = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=30
).filter(lambda text: text.strip() and text != "<<" and text.isprintable())
_SETTINGS = {
    "top_code": "{top_code: 20}",
    "band": "{band: [1, 2.5]}",
    "recode": '{recode: {A: "no", "012": "1:30"}, else: "N"}',
}


def _authority() -> str:
    """Return the clause that names every exception there is, so that a field of any class rests on one."""
    doors = []
    for rule in vocabulary.exceptions().values():
        stated = {"population": rule.population} if rule.population else {}
        elements = dict.fromkeys(rule.elements, "e")
        doors.append({"exception": rule.name, "cite": rule.cite, "elements": elements, **stated})
    return f"authority: {json.dumps(doors)}\npurposes"


def _treatment(token: str) -> str:
    return f"{{date: {token[5:]}}}" if token.startswith("date.") else _SETTINGS.get(token, token)


def _lines() -> list[str]:
    """Return every way in which a field may stand, but for a person's record and flags of protection."""
    found = []
    for rule in vocabulary.field_classes().values():
        if rule.name == "id.record" or rule.protects:
            continue
        found.append(f"class: {rule.name}, use: none")
        if "link" in rule.uses:
            found.append(f"class: {rule.name}, use: link, treatment: tokenise")
        for use in ("content", "publish"):
            served = [
                name for name in rule.treatments if use in rule.uses and use in vocabulary.treatments()[name].uses
            ]
            found += [f"class: {rule.name}, use: {use}, treatment: {_treatment(token)}, as: COLUMN" for token in served]
    return found


@st.composite
def agreements(draw: st.DrawFn) -> str:
    """Draw the text of an agreement of one source, `clinic`, and one table, `visits`."""
    names = draw(st.lists(PRINTABLE.filter(lambda name: name != "record_id"), min_size=1, max_size=8, unique=True))
    lines = [
        '          record_id: {class: id.record, use: link, treatment: record, reason: "Becomes a keyed record key"}'
    ]
    for number, name in enumerate(names):
        entry = draw(st.sampled_from(_lines())).replace("COLUMN", f"c{number}")
        reason = json.dumps(draw(PRINTABLE), ensure_ascii=False)
        lines.append(f"          {json.dumps(name, ensure_ascii=False)}: {{{entry}, reason: {reason}}}")
    before, _, after = SMALL.partition("authority:")
    head, _, _ = after.partition("purposes")[2].partition("          record_id:")
    return before + _authority() + head + "\n".join(lines) + "\n"


assert SMALL.count("          record_id:") == 1
