"""The matrix as one HTML page: self-contained, without scripts, for the screen, a screen reader and paper."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mou_policies import vocabulary
from mou_policies.matrix.rows import USES, Matrix

HERE = Path(__file__).parent
LABELS = {"link": "Link", "content": "Keep", "publish": "Publish", "licensed": "Licensed"}


def page(found: Matrix, title: str = "Fields, uses and sources") -> str:
    """Return the page of a matrix; `title` is its heading, such as the city's name."""
    style = (HERE / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            found=found,
            policy=found.policy,
            title=title,
            labels=LABELS,
            uses=USES,
            means=vocabulary.uses(),
            treatments=vocabulary.treatments(),
            standards=vocabulary.standards(),
            both=f"{vocabulary.SAFE_HARBOR_CITE}; {vocabulary.FERPA_PII_CITE}",
            style=Markup(style),  # noqa: S704  (the file beside this one)
            style_hash=digest,
        )
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    loader = FileSystemLoader(HERE)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
