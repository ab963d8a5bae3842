"""Destructions in the registry: what was begun, what was certified, and whether a certificate holds.

A destruction is an event that it begins, then the work, then a certificate: canonical JSON with an Ed25519 signature,
written in one transaction with its own event. A work that was cut off has an event without a certificate, and is done
again until it has one. What belongs here: the rows and events. What does not: what is destroyed and how
(`assets.destruction`), when it is due (`mou_policies.retention`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Engine, insert, select

from consent.registry import writing
from consent.tables import audit_event, audit_payload, destruction
from consent.trail import AuditTrail, fingerprint
from mou_policies.canonical import canonical_json, sha256

FORMAT = "destruction certificate 1"
_BEGUN, _CERTIFIED = "begun", "certified"


@dataclass(frozen=True)
class Destroyed:
    """One certified destruction: the source, the agreement it ended with, the days, the certificate as signed."""

    agreement: str
    agreement_digest: str
    source: str
    due_on: str
    destroyed_on: str
    certificate: str
    signature: bytes

    @property
    def facts(self) -> dict[str, Any]:
        """What the certificate says."""
        return dict(json.loads(self.certificate))

    def holds(self, key: Ed25519PublicKey) -> bool:
        """Say whether the certificate is signed by this key, and is about what the row says."""
        named = {name: self.facts.get(name) for name in ("agreement", "source", "destroyed_on")}
        if named != {"agreement": self.agreement, "source": self.source, "destroyed_on": self.destroyed_on}:
            return False
        try:
            key.verify(self.signature, self.certificate.encode())
        except InvalidSignature:
            return False
        return True


class Destructions:
    """The destructions in the registry of `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Destroyed]:
        """Return every certified destruction, oldest first."""
        columns = [destruction.c[name] for name in Destroyed.__dataclass_fields__]
        with self._engine.connect() as connection:
            return [Destroyed(*row) for row in connection.execute(select(*columns).order_by(destruction.c.sequence))]

    def begun(self, agreement: str, source: str) -> dict[str, Any] | None:
        """Return what was said as a destruction began that has no certificate yet; None where none is under way."""
        newest = (
            select(audit_event.c.sequence, audit_payload.c.payload)
            .join(audit_payload, audit_payload.c.sequence == audit_event.c.sequence)
            .where(audit_event.c.kind == "destruction", audit_event.c.subject == _subject(agreement, source))
            .order_by(audit_event.c.sequence.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            row = connection.execute(newest).one_or_none()
        said = dict(json.loads(row.payload)) if row else {}
        return said if said.get("step") == _BEGUN else None

    def begin(self, agreement: str, source: str, said: Mapping[str, Any], *, actor: str) -> None:
        """Record, before anything is touched, that a destruction begins; `said` is what is held and by whom asked."""
        AuditTrail(self._engine).append(
            "destruction", _subject(agreement, source), {**said, "step": _BEGUN}, actor=actor
        )

    def certify(self, facts: Mapping[str, Any], key: Ed25519PrivateKey, *, actor: str) -> Destroyed:
        """Sign and store the certificate of a finished destruction, with its event, all or nothing.

        `facts` has agreement, agreement_digest, source, due_on and destroyed_on, and whatever else the certificate
        says.
        """
        said = {"cradlepath": FORMAT, **facts, "key": fingerprint(key.public_key())}
        text = canonical_json(said).decode()
        row = {name: said[name] for name in ("agreement", "agreement_digest", "source", "due_on", "destroyed_on")}
        row |= {"certificate": text, "signature": key.sign(text.encode())}
        with writing(self._engine, audit_event, destruction) as connection:
            event = AuditTrail(self._engine).append(
                "destruction",
                _subject(said["agreement"], said["source"]),
                {"step": _CERTIFIED, "certificate": sha256(said)},
                actor=actor,
                connection=connection,
            )
            connection.execute(insert(destruction), [{**row, "audit_sequence": event.sequence}])
        return Destroyed(**row)


def _subject(agreement: str, source: str) -> str:
    return f"{agreement}/{source}"[:128]
