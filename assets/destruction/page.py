"""Certificates of destruction as one HTML page: self-contained, print-ready, without scripts or anything fetched.

What belongs here: the page. What does not: what a certificate says (`destroy`), whether it holds
(`consent.destruction`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from consent.destruction import Destroyed

TEMPLATES = Path(__file__).with_name("templates")

COUNTED = {
    "rows": "Rows of content",
    "records": "Record keys",
    "tokens": "Records of tokens",
    "protected": "Marks of protection",
    "sealed": "Sealed files of deliveries",
    "waiting": "Files that waited to be loaded",
    "digests": "Digests of loaded files",
}
"""What the counts of a certificate are, in words."""


def page(certificates: Iterable[Destroyed], key: Ed25519PublicKey) -> str:
    """Return the page of some certificates; it says of each whether the city's `key` signed it."""
    style = (TEMPLATES / "certificate.css").read_text(encoding="utf-8")
    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    shown = [
        (one.facts, one.signature.hex(), one.holds(key), hashlib.sha256(one.certificate.encode()).hexdigest())
        for one in certificates
    ]
    return environment.get_template("certificate.html.j2").render(
        style=Markup(style),  # noqa: S704  (the file beside this one)
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        certificates=shown,
        counted=COUNTED,
    ) + "\n"  # fmt: skip
