"""`consent record` and `consent revoke`: what the hub itself records about a child ID.

A court's order, an emergency, a revocation by telephone. Forms of families come as extracts, through the night.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.screen import WorkspaceOption, say
from pipelines.workspace import Workspace, WorkspaceError, open_workspace

if TYPE_CHECKING:
    from consent.recording import ChildDecision
    from linkage.keys import KeyRing

EVIDENCE_KEY = "consent.evidence"
"""Use of the key ring under which a reference to paper becomes a digest."""

ChildOption = Annotated[str, typer.Option("--child", metavar="ID", help="A child ID in use, c- and 26 letters.")]
ScopeOption = Annotated[str, typer.Option("--scope", help="What it is about; see `consent words`.")]
ByOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who records it, for the audit trail.")]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="YYYY-MM", help="First month; this one if not given.")
]
EvidenceOption = Annotated[
    str | None, typer.Option("--evidence", metavar="TEXT", help="Name of the paper. Only a keyed digest is kept.")
]
Words = list[str] | None


def register(group: typer.Typer) -> None:
    """Add this module's commands to the group `consent`."""
    group.command("record")(record)
    group.command("revoke")(revoke)


def record(
    child: ChildOption,
    decision: Annotated[str, typer.Option("--decision", help="What was decided; see `consent words`.")],
    scope: ScopeOption,
    by: ByOption,
    purpose: Annotated[Words, typer.Option("--purpose", help="For this purpose only; may be repeated.")] = None,
    recipient: Annotated[Words, typer.Option("--recipient", help="For this agency only; may be repeated.")] = None,
    field_class: Annotated[Words, typer.Option("--class", help="Of this field class only; may be repeated.")] = None,
    source: Annotated[Words, typer.Option("--source", help="Of this source only; may be repeated.")] = None,
    signer: Annotated[str | None, typer.Option("--signer", help="Who signed, by role; see `consent words`.")] = None,
    basis: Annotated[Words, typer.Option("--basis", help="What it stands on; may be repeated.")] = None,
    element: Annotated[Words, typer.Option("--element", help="What the form carries; may be repeated.")] = None,
    signed: Annotated[str | None, typer.Option("--signed", metavar="YYYY-MM", help="Month of the signature.")] = None,
    since: FromOption = None,
    expires: Annotated[str | None, typer.Option("--expires", metavar="YYYY-MM", help="Last month.")] = None,
    evidence: EvidenceOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Record a decision about a child ID that came by no form: an order, an emergency, a call. It acts from tonight.

    Exit status 3 where it is recorded and lacks something for a basis it claims.
    """
    from consent.recording import ChildDecision  # noqa: PLC0415

    place = open_workspace(workspace)
    cells = {
        "purposes": purpose,
        "recipients": recipient,
        "classes": field_class,
        "sources": source,
        "basis": basis,
        "elements": element,
        "signer": [signer] if signer else None,
    }
    given = ChildDecision(
        child_id=child,
        decision=decision.replace("-", "_"),
        scope=scope.replace("-", "_"),
        effective_month=since or _this_month(),
        says={name: " ".join(said) for name, said in cells.items() if said},
        signed_month=signed,
        expiry_month=expires,
        evidence=_digest(_ring(place), evidence),
    )
    raise typer.Exit(_recorded(place, given, by))


def revoke(
    child: ChildOption,
    scope: ScopeOption,
    by: ByOption,
    since: FromOption = None,
    evidence: EvidenceOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Take back what was granted for a scope, whatever it covered, from a month on. What was released stays out."""
    from consent.ledger import ConsentLedger  # noqa: PLC0415
    from consent.recording import ChildDecision, revocations  # noqa: PLC0415
    from consent.showing import about_child  # noqa: PLC0415
    from consent.vocabulary import vocabulary  # noqa: PLC0415

    place = open_workspace(workspace)
    name, evidence_digest = scope.replace("-", "_"), _digest(_ring(place), evidence)
    whole = ChildDecision(child, "revoke", name, since or _this_month(), evidence=evidence_digest)
    _check_in_use(place, child)
    with ConsentLedger(place.registry_url) as ledger:
        said = about_child(ledger.engine, [child], records_of(place, child))
        grants = {decision.name for decision in vocabulary().decisions.values() if decision.effect == "grant"}
        granted = [one.terms for one in said if one.newest and one.scope == name and one.decision in grants]
        new = [ledger.record_for_child(one, date.today(), by=by) for one in revocations(whole, granted)]
    say(
        f"Recorded: {sum(new)} revocations of {name} from {whole.effective_month} ({len(new) - sum(new)} known before)."
    )


def records_of(place: Workspace, child: str) -> list[bytes]:
    """Return the record keys that a child ID stands for now. Raises an error for one this city never gave."""
    import pyarrow.compute as pc  # noqa: PLC0415

    from assets.night import StatePaths  # noqa: PLC0415
    from linkage.ledger import Ledger  # noqa: PLC0415
    from linkage.lineage import lineage  # noqa: PLC0415

    ledger = Ledger(StatePaths.under(place.state).ledger, _ring(place))
    lineage(ledger, child)
    linked = ledger.record_child()
    keys: Sequence[bytes] = linked.filter(pc.equal(linked["child_id"], child))["record_key"].to_pylist()
    return list(keys)


def _recorded(place: Workspace, given: ChildDecision, by: str) -> int:
    from consent.ledger import ConsentLedger  # noqa: PLC0415
    from consent.recording import terms_for  # noqa: PLC0415
    from consent.vocabulary import vocabulary  # noqa: PLC0415

    _check_in_use(place, given.child_id)
    with ConsentLedger(place.registry_url) as ledger:
        new = ledger.record_for_child(given, date.today(), by=by)
    if not new:
        say("Recorded already: the newest decision of this child, scope and terms says the same. Nothing was added.")
        return 0
    say(f"Recorded: {given.decision} of {given.scope} from {given.effective_month}. It acts on the next night.")
    terms = terms_for(given)
    if vocabulary().decisions[given.decision].effect == "exception" and not (
        terms and terms.purposes and terms.recipients
    ):
        say("  it permits nothing: an exception permits what it names; give --purpose and --recipient")
    lacking = {basis: lacks for basis, lacks in terms.lacking().items() if lacks} if terms else {}
    for basis, lacks in lacking.items():
        for item in lacks:
            say(f"  not valid for {basis}: it lacks {item.asks} ({item.cite}) [{item.mark}]")
    return 3 if lacking else 0


def _check_in_use(place: Workspace, child: str) -> None:
    """Refuse an ID that the child-ID ledger does not know, or that stands for another one or for nobody now."""
    from assets.night import StatePaths  # noqa: PLC0415
    from linkage.ledger import Ledger  # noqa: PLC0415
    from linkage.lineage import lineage  # noqa: PLC0415

    valid = lineage(Ledger(StatePaths.under(place.state).ledger, _ring(place)), child).valid
    if valid is None:
        raise WorkspaceError(
            "found a child ID that stands for no record now, expected one in use; ask `cradlepath child`"
        )
    if valid != child:
        raise WorkspaceError(
            f"found a child ID that is no longer used; its child is {valid} now: record it for that one"
        )


def _ring(place: Workspace) -> KeyRing:
    from linkage.keys import KeyRing  # noqa: PLC0415

    return KeyRing.load(place.keys)


def _digest(ring: KeyRing, evidence: str | None) -> bytes | None:
    """Return the first 16 bytes of a keyed digest of the name of a paper, which itself is kept nowhere."""
    if evidence is None:
        return None
    return hmac.new(ring.derive(EVIDENCE_KEY), evidence.encode(), hashlib.sha256).digest()[:16]


def _this_month() -> str:
    return date.today().isoformat()[:7]
