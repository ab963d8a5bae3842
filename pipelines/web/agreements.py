"""The pages of agreements: what is in force today, why the others are not, and each as the document people sign."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import date
from pathlib import Path

from starlette.responses import HTMLResponse, Response

from mou_policies import document
from mou_policies.inforce import in_force
from mou_policies.language import agreement_files
from mou_policies.nodes import read_yaml
from mou_policies.signing import verify
from pipelines.web.headers import POLICY
from pipelines.web.visit import Visit, fingerprint

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def agreements(visit: Visit) -> Response:
    """List the agreements in force today, and the refusals of the others."""
    folder, today = visit.world.place.agreements, date.today()
    key = ("in force", today, fingerprint(folder))
    found = visit.world.remembered(key, lambda: in_force(folder, today))
    held = sorted(found.agreements.values(), key=lambda one: (one.kind, one.agreement_id))
    return visit.show("agreements.html", on=today, agreements=held, refusals=found.refusals)


def agreement(visit: Visit) -> Response:
    """Show an agreement as a document, with its signatures; its own style sheet and nothing else is allowed."""
    folder = visit.world.place.agreements
    file = next((one for one in agreement_files(folder) if one.name == visit.request.path_params["file"]), None)
    if file is None:
        return visit.show("notice.html", 404, title="No such agreement", says="The list of agreements names them all.")
    text = visit.world.remembered(("document", file.name, fingerprint(folder)), lambda: _rendered(file))
    hashes = " ".join(f"'sha256-{_digest(found)}'" for found in _STYLE.findall(text)) or "'none'"
    return HTMLResponse(text, headers={"content-security-policy": POLICY.format(style=f"style-src {hashes}")})


def _rendered(file: Path) -> str:
    return document.render(read_yaml(file), document.Signing.held(verify(file)))


def _digest(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
