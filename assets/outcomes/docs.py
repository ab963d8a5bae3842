"""`docs/measures.md`, written from the headers of the SQL files, so that text and definition cannot part.

What belongs here: rendering. What does not: the definitions. `python -m assets.outcomes.docs` prints the
page; a test compares it with the file.
"""

from __future__ import annotations

import sys
from itertools import groupby

from assets.outcomes.definitions import AREAS, Definition, lineage, linked_tables, measures
from assets.spine.build import models
from assets.spine.declared import SqlFile

_INTRO = """\
# Measures

Written from the SQL files' own headers by `python -m assets.outcomes.docs > docs/measures.md`; change a
definition there. A variant is a version of its own and never replaces a definition silently. [M] marks a
source that is quoted from knowledge and is to be confirmed.

**Who is a child of the city**: see the model `child_year`. **Periods** run from 1 July to 30 June.
**Every child counts once** in a period and in each breakdown: overall, race and ethnicity, sex, economic
status, race and ethnicity by sex, and school or grade or age where the measure says so; a school also counts
in its neighbourhood, a grade or age in a wider band (`place_within` and `grade_within` say which). Parts of a
measure (programs, thresholds) overlap. **A measure is withheld**, with the clause in `measure_withheld`,
when a column it reads is not loaded or when no agreement in force lets it be published.

**What leaves**: `shows` says for each column of a measure's rows where its values come from; `words` are
texts of the file itself and labels of periods. All else that is read is only counted. Race and ethnicity, sex
and economic status come from the models `child` and `child_year`.

Measures read `assets/outcomes/measures/`, linked tables `assets/outcomes/tables/`, models
`assets/spine/*.sql`.
"""

_FIELDS = ("definition", "numerator", "denominator", "unknowns", "periods", "direction", "source")


def render() -> str:
    """Return the whole page as Markdown."""
    parts = [_INTRO, *_overview()]
    by_area = groupby(sorted(measures(), key=_order), key=lambda item: item.text("area"))
    for area, items in by_area:
        parts.append(f"\n## {area.capitalize()}\n")
        parts.extend(_measure(item) for item in items)
    parts.append("\n## Linked tables\n")
    parts.extend(_measure(item) for item in linked_tables())
    parts.append("\n## Models of the spine\n")
    parts.extend(_model(file) for file in models())
    return "\n".join(parts)


def _order(item: Definition) -> tuple[int, str]:
    return AREAS.index(item.text("area")), item.key


def _overview() -> list[str]:
    rows = [
        f"| {item.text('area')} | `{item.name}` | {item.version} | {item.text('title')} | {item.text('direction')} |"
        for item in sorted(measures(), key=_order)
    ]
    return ["| area | measure | version | title | better |", "|---|---|---|---|---|", *rows]


def _measure(item: Definition) -> str:
    lines = [f"### `{item.name}`, version {item.version}: {item.text('title')}\n"]
    lines += [f"- **{key}**: {item.text(key)}" for key in _FIELDS if item.text(key)]
    if item.file.kind == "measure":
        usual = (name for name in ("race_ethnicity", "sex", "economic_status") if name not in item.never_by)
        breakdowns = ", ".join((*item.by, *usual))
        lines.append(f"- **breakdowns**: {breakdowns}")
    else:
        lines.append(f"- **grain**: {item.text('grain')}")
    lines.append(f"- **shows**: {item.text('shows')}")
    lines.append(f"- **uses**: {', '.join(item.file.uses) or 'no model'}")
    lines.append(f"- **reads**: {', '.join(f'`{column}`' for column in lineage(item.file))}\n")
    return "\n".join(lines)


def _model(file: SqlFile) -> str:
    lines = [f"### `{file.name}`\n"]
    keys = [key for key in ("grain", "definition", "unknowns", "source", "shows") if key in file.header]
    lines += [f"- **{key}**: {file.header[key]}" for key in keys]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(render())
