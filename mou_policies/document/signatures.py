"""The signatures on a page: those that are held, and an empty line for everyone who still has to sign.

Whether a signature verifies was decided by `mou_policies.signing`; the page shows what it is told and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mou_policies.document import words
from mou_policies.document.blocks import Block, Cell, Content, Gloss, Grid, Line, Name, Paragraph, Plain, Section
from mou_policies.document.part import Part
from mou_policies.document.shapes import labelled
from mou_policies.document.values import Value
from mou_policies.signatures import INCOMPLETE, SIGNED, SignatureStatus
from mou_policies.values import Node
from mou_policies.vocabulary.tiers import PARTIES

COLUMNS = ("Signs for", "Name and office", "Date", "Signature")
_FACTS = ("name", "role", "agency", "signed_on")


@dataclass(frozen=True)
class Signed:
    """One signature that was found good: who, in which role, for which agency, on which day (YYYY-MM-DD)."""

    name: str
    role: str
    agency: str
    signed_on: str


@dataclass(frozen=True)
class Signing:
    """What is known of an agreement's signatures: the state and reason of `signing.verify`, and the good ones."""

    state: str = "unsigned"
    reason: str = ""
    signatures: Sequence[Signed] = field(default_factory=tuple)

    def facts(self) -> dict[str, str]:
        """Return all of it as texts by address, as the page carries it."""
        found = {"doc:state": self.state, "doc:reason": self.reason}
        for place, signed in enumerate(self.signatures):
            found |= {f"doc:signed/{place}/{name}": getattr(signed, name) for name in _FACTS}
        return found

    @classmethod
    def held(cls, status: SignatureStatus) -> Signing:
        """Return what `signing.verify` found; signatures that do not cover the agreement as it stands are left out."""
        good = status.signatures if status.state in {SIGNED, INCOMPLETE} else ()
        shown = [Signed(one.name, one.role, one.agency, one.signed_on.isoformat()) for one in good]
        return cls(status.state, status.reason if status.state != SIGNED else "", tuple(shown))

    @classmethod
    def of(cls, facts: Mapping[str, str]) -> Signing:
        """Return what `facts` says; the inverse of `Signing.facts`, for facts that are whole."""
        places = sorted({int(at.split("/")[1]) for at in facts if at.startswith("doc:signed/")})
        held = [Signed(*(facts[f"doc:signed/{place}/{name}"] for name in _FACTS)) for place in places]
        return cls(facts["doc:state"], facts.get("doc:reason", ""), tuple(held))


def signatures(root: Node, signing: Signing, sha256: str) -> Section:
    """Return the section in which the agreement with this SHA-256 is signed."""
    says = words.words("states").get(signing.state, "")
    state: Content = [Gloss(f"{says} "), Value("doc:state", signing.state, code=True)]
    if signing.reason:
        state = [*state, Plain(": "), Value("doc:reason", signing.reason)]
    rows = [[_held(place, signed)] for place, signed in enumerate(signing.signatures)]
    rows += [[_open(role, party, office)] for role, party, office in _wanted(root, signing)]
    promise = "Who signs here agrees to the agreement that this document states, which has this fingerprint (SHA-256):"
    blocks: list[Block] = [
        Paragraph([Plain(promise), Line(), Value("doc:sha256", sha256, code=True)]),
        Paragraph(state),
        *([Grid("", COLUMNS, rows, look="signatures")] if rows else []),
    ]
    return Section([Plain("Signatures")], blocks, look="signing")


def _held(place: int, signed: Signed) -> list[Cell]:
    name, role, agency, day = (Value(f"doc:signed/{place}/{fact}", getattr(signed, fact)) for fact in _FACTS)
    how = "electronic (Ed25519)"
    return [Cell([agency, Line(), Gloss("as "), role], heads=True), Cell([name]), Cell([day]), Cell([Gloss(how)])]


def _open(role: str, party: Part, office: str) -> list[Cell]:
    name = text_of(party, "name")
    named: Content = [Name(name, code=False), Line()] if name else []
    person: Content = [Name(office, code=False)] if office else []
    label = labelled("member" if role == "members" else role)
    return [Cell([*named, *label], heads=True), Cell(person), Cell([]), Cell([])]


def _rank(role: str) -> tuple[int, str]:
    return (PARTIES.index(role) if role in PARTIES else len(PARTIES)), role


def parties_of(root: Node) -> list[tuple[str, Part]]:
    """Return the parties as (role, party), in the same order however the file lists them; members one by one."""
    listed = Part(root).look("parties")
    roles = sorted(listed.keys if listed is not None else [], key=_rank)
    found: list[tuple[str, Part]] = []
    for role in roles:
        party = listed.look(role) if listed is not None else None
        if party is not None:
            found += [(role, one) for one in party.items or [party]]
    return found


def text_of(part: Part, key: str) -> str:
    """Return the text under a key, or an empty one."""
    found = part.look(key)
    return found.text if found is not None else ""


def _wanted(root: Node, signing: Signing) -> list[tuple[str, Part, str]]:
    """Return who has not signed, as (role, party, office): those `signatories` lists, else one of each party."""
    offices = Part(root).look("signatories")
    signed = Counter(one.agency for one in signing.signatures)
    found = []
    for role, party in parties_of(root):
        listed = offices.look(role) if offices is not None else None
        names = [item.text for item in listed.items] if listed is not None else []
        lines = names or [text_of(party, "represented_by")]
        found += [(role, party, line) for line in lines[signed[text_of(party, "agency")] :]]
    return found
