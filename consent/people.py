"""People: who may sign in, as what, with which access key.

Every change is a new row and an event of the audit trail in one transaction; the newest row of a name says who it is
now, so a key that was rotated or ended never opens again. A sign-in, opened or refused, is an event too.

What belongs here: enrolling, replacing and ending keys, and finding the person a key belongs to. What does not: how a
key is written and hashed (`access_keys`), what a role may do (`pipelines.permissions`).
"""

from __future__ import annotations

import hmac
import os
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import Connection, Engine, Row, Select, func, insert, select

from consent.access_keys import COST, HASH_BYTES, SALT_BYTES, AccessKey, Cost, hashed, new_access_key, read_access_key
from consent.registry import writing
from consent.tables import audit_event, person_event
from consent.trail import AuditTrail

Role = Literal["steward", "data_lead", "auditor", "administrator"]
ROLES: tuple[Role, ...] = get_args(Role)
ADMINISTRATOR: Role = "administrator"
STEWARD: Role = "steward"
NOBODY = "nobody"
"""The actor of a refused sign-in: a key that opened nothing proves no name."""

_NAME = re.compile(r"[^\W_](?:[\w .,'’-]{0,61}[\w.])")
_AGENCY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_RESERVED = frozenset({NOBODY, "night"})


class PeopleError(Exception):
    """A change that cannot be made; one line: what was found, what was expected, what to do."""


@dataclass(frozen=True)
class Person:
    """Somebody who signed in; `agency` is a steward's, None for every other role."""

    name: str
    role: Role
    agency: str | None
    key_id: str


@dataclass(frozen=True)
class Listed:
    """One name of the list; `state` is enrolled, rotated or ended, times are UTC ('2026-11-27T19:20:00Z')."""

    name: str
    role: Role
    agency: str | None
    state: str
    key_id: str
    since: str
    last_sign_in: str | None


class People:
    """The people of the registry of `engine`; `cost` is that of the keys it makes."""

    def __init__(self, engine: Engine, cost: Cost = COST) -> None:
        self._engine, self._cost = engine, cost
        self._trail = AuditTrail(engine)

    def enrol(self, name: str, role: str, agency: str | None, by: str) -> str:
        """Add a person and return the access key, which is shown this once; `by` is the actor. Raises PeopleError.

        The first one must be an administrator. A name that was ended can be enrolled again, with a new key.
        """
        person = _checked(name, role, agency)
        with writing(self._engine, audit_event, person_event) as connection:
            rows = _newest(connection)
            if not rows and person.role != ADMINISTRATOR:
                raise PeopleError(
                    f"found nobody enrolled and the role {person.role}; enrol an administrator first, "
                    "since from then on only one can enrol others"
                )
            held = next((row for row in rows if _same(row.name, person.name)), None)
            if held is not None and held.event != "ended":
                raise PeopleError(f"{held.name} is enrolled already, as {held.role}; end or rotate that key instead")
            if held is not None and held.name != person.name:
                raise PeopleError(f"the name is taken: {held.name} was enrolled before; write it like that, or another")
            return self._give_key(connection, "enrolled", person, by)

    def rotate(self, name: str, by: str) -> str:
        """Give a person a new access key, shown this once; the old one opens nothing any more. Raises PeopleError."""
        with writing(self._engine, audit_event, person_event) as connection:
            return self._give_key(connection, "rotated", _enrolled(connection, name), by)

    def end(self, name: str, by: str) -> None:
        """Let a person's key open nothing any more. Raises PeopleError, also for the last administrator."""
        with writing(self._engine, audit_event, person_event) as connection:
            person = _enrolled(connection, name)
            others = [row for row in _newest(connection) if row.role == ADMINISTRATOR and row.event != "ended"]
            if person.role == ADMINISTRATOR and len(others) == 1:
                raise PeopleError(f"{name} is the last administrator; enrol another one first")
            self._write(connection, "ended", person, bytes(SALT_BYTES), bytes(HASH_BYTES), by)

    def listed(self) -> list[Listed]:
        """Return everybody who ever was enrolled, by name."""
        opened = (
            select(audit_event.c.actor, func.max(audit_event.c.recorded_at).label("last"))
            .where(audit_event.c.kind == "sign_in")
            .group_by(audit_event.c.actor)
            .subquery()
        )
        found = person_event.c
        query = (
            select(
                found.name, found.role, found.agency, found.event, found.key_id, audit_event.c.recorded_at,
                opened.c.last,
            )
            .join(audit_event, audit_event.c.sequence == found.audit_sequence)
            .outerjoin(opened, opened.c.actor == found.name)
            .where(found.sequence.in_(_newest_of_each_name()))
            .order_by(found.name)
        )  # fmt: skip
        with self._engine.connect() as connection:
            return [Listed(*row) for row in connection.execute(query)]

    def anybody(self) -> bool:
        """Say whether anybody was ever enrolled; a registry without people asks nobody for a key."""
        with self._engine.connect() as connection:
            return connection.execute(select(person_event.c.sequence).limit(1)).first() is not None

    def holder(self, key_id: str) -> Person | None:
        """Return the person whose key has this id and still opens; for those who signed in with it before."""
        with self._engine.connect() as connection:
            row = _opens(connection, key_id)
        return _person(row) if row else None

    def authenticate(self, access_key: str, through: str) -> Person | None:
        """Return the person an access key belongs to, None if it opens nothing; either way an event is written.

        `through` names the door in the trail (`command report`, `web`). A key with a typing error is refused before
        anything is hashed; an id that nobody holds takes as long as a wrong secret does.
        """
        key = read_access_key(access_key)
        if key is None:
            self._refused(through, None, "not the form of a key")
            return None
        with self._engine.connect() as connection:
            row = _opens(connection, key.key_id)
        opens = self._secret_fits(key, row)
        with writing(self._engine, audit_event, person_event) as connection:
            still = _opens(connection, key.key_id)  # it may have been ended or rotated meanwhile
            if opens and row is not None and still is not None and still.sequence == row.sequence:
                person = _person(still)
                said = {"key_id": person.key_id, "role": person.role, "agency": person.agency}
                self._trail.append("sign_in", f"opened {through}", said, actor=person.name, connection=connection)
                return person
        self._refused(through, key.key_id, "opens nothing")
        return None

    def _secret_fits(self, key: AccessKey, row: Row[tuple[object, ...]] | None) -> bool:
        """Compare the hash of a secret in constant time; without a row, with a hash that nothing has."""
        if row is None:
            hmac.compare_digest(hashed(key, bytes(SALT_BYTES), self._cost), bytes(HASH_BYTES))
            return False
        found = hashed(key, row.salt, Cost(row.cost_n, row.cost_r, row.cost_p))
        return hmac.compare_digest(found, row.hash)

    def _refused(self, through: str, key_id: str | None, why: str) -> None:
        self._trail.append("sign_in", f"refused {through}", {"key_id": key_id, "why": why}, actor=NOBODY)

    def _give_key(self, connection: Connection, event: str, person: Person, by: str) -> str:
        key = new_access_key()
        if connection.execute(select(person_event.c.key_id).where(person_event.c.key_id == key.key_id)).first():
            raise PeopleError("the id of the new key is in use already; do it again")
        salt = os.urandom(SALT_BYTES)
        owner = Person(person.name, person.role, person.agency, key.key_id)
        self._write(connection, event, owner, salt, hashed(key, salt, self._cost), by)
        return key.text

    def _write(self, connection: Connection, event: str, person: Person, salt: bytes, digest: bytes, by: str) -> None:
        """Add the row and its event; an ended key keeps no hash."""
        said = {"name": person.name, "role": person.role, "agency": person.agency, "key_id": person.key_id}
        noted = self._trail.append("person", f"{event} {person.key_id}", said, actor=by, connection=connection)
        cost = {"cost_n": self._cost.n, "cost_r": self._cost.r, "cost_p": self._cost.p}
        row = said | cost | {"audit_sequence": noted.sequence, "event": event, "salt": salt, "hash": digest}
        connection.execute(insert(person_event), [row])


def _checked(name: str, role: str, agency: str | None) -> Person:
    """Return a person whose name, role and agency can be. Raises PeopleError."""
    written = unicodedata.normalize("NFKC", name).strip()
    if not _NAME.fullmatch(written) or written.casefold() in _RESERVED:
        raise PeopleError("expected a name of 2 to 63 letters, digits, spaces and . , ' -, beginning with a letter")
    chosen = next((known for known in ROLES if known == role), None)
    if chosen is None:
        raise PeopleError(f"expected a role of {', '.join(ROLES)}; found {role!r}")
    if (chosen == STEWARD) != (agency is not None):
        raise PeopleError("a steward has one agency, every other role has none; name it with --agency, or leave it out")
    if agency is not None and not _AGENCY.fullmatch(agency):
        raise PeopleError(f"expected an agency as agreements write it (school_district); found {agency!r}")
    return Person(written, chosen, agency, "")


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _newest_of_each_name() -> Select[tuple[int]]:
    return select(func.max(person_event.c.sequence)).group_by(person_event.c.name)


def _newest(connection: Connection) -> list[Row[tuple[object, ...]]]:
    return list(connection.execute(select(person_event).where(person_event.c.sequence.in_(_newest_of_each_name()))))


def _opens(connection: Connection, key_id: str) -> Row[tuple[object, ...]] | None:
    """Return the row of a key that opens: the newest of its name, and not ended."""
    found = person_event.c
    query = select(person_event).where(
        found.key_id == key_id, found.event != "ended", found.sequence.in_(_newest_of_each_name())
    )
    return connection.execute(query).one_or_none()


def _enrolled(connection: Connection, name: str) -> Person:
    """Return the person of a name who is enrolled now. Raises PeopleError."""
    for row in _newest(connection):
        if _same(row.name, name.strip()) and row.event != "ended":
            return _person(row)
    raise PeopleError("nobody of that name is enrolled; `cradlepath people list` names everybody")


def _person(row: Row[tuple[object, ...]]) -> Person:
    """Return the person of a row. Raises PeopleError for a steward of no agency, who would be shown every agency's."""
    if row.role == STEWARD and row.agency is None:
        raise PeopleError(
            f"the registry says that {row.name} is a steward of no agency, which cannot be; verify the trail"
        )
    return Person(row.name, row.role, row.agency, row.key_id)
