"""An account of disclosures as one HTML page: self-contained, print-ready, without scripts or anything fetched.

What belongs here: the page. What does not: its cells (`account_table`), its lines (`accounting`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from consent.account_table import NOT_LEGAL_ADVICE, cells, columns
from consent.accounting import Law, Line

TEMPLATES = Path(__file__).with_name("templates")


def page(lines: Sequence[Line], law: Law | None, *, asked: str, on: date, holder: str) -> str:
    """Return the page of an account given on a day.

    `asked` says in words what was asked for, without any record id; `holder` is whose account it is, such as the city.
    """
    style = (TEMPLATES / "account.css").read_text(encoding="utf-8")
    return _environment().get_template("account.html.j2").render(
        style=Markup(style),  # noqa: S704  (the file beside this one)
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        title=law.title if law else "Disclosures",
        law=law,
        since=law.since(on) if law else None,
        asked=asked,
        on=on,
        holder=holder,
        columns=columns(law),
        rows=[(line, cells(line, law)) for line in lines],
        required=sum(1 for line in lines if line.required),
        advice=NOT_LEGAL_ADVICE,
    ) + "\n"  # fmt: skip


@lru_cache(maxsize=1)
def _environment() -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
