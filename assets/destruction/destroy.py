"""The destruction of one source, step by step; done twice it does nothing the second time.

Order: an event that says what is held (`consent.destruction`), the landing files, the content, the tokens with their
evidence and their place in the child-ID ledger, the marks of protection, the digests of loaded files, the working
tables; then the certificate. A crash at any place leaves an event without a certificate, and the next call goes on.

Files are written anew without what is destroyed, and the old ones removed: in a DuckDB file deleted rows stay readable.
What stays, on purpose, is said by the certificate (`KEPT`). Not here: when it is due, who may ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy import Engine

from assets.destruction.held import Held, Place, digests_of, held_of, sealed_files, waiting_files
from assets.extracts.store import open_content, put_in_order
from consent.destruction import Destroyed, Destructions
from linkage.protected import Protected
from linkage.records import RECORD_KEY_TYPE
from linkage.review import load_decisions
from linkage.run import link
from linkage.vault import Vault
from mou_policies.model import SourcePolicy
from mou_policies.retention import Due

KEPT = (
    "Published releases: de-identified aggregates, signed, which name no child and no record.",
    "The child-ID ledger's events: that a record, by its keyed digest, had a child ID and was withdrawn (sealed).",
    "Decisions of families, and of reviewers, with the keyed digests of the records they name.",
    "Accounts of disclosures and the audit chain, which law and agreement ask to be kept.",
    "Counts and reasons of each night's load, without any value of a record.",
)
"""What a destruction leaves, in words: said by every certificate."""

METHOD = (
    "Sealed and waiting files were removed. Content and the book of nights were written anew without the source, and "
    "so were the tokens and the evidence of links, as for a withdrawal; each new file took the place of the old one. "
    "What a disk keeps of removed files is for its owner to wipe."
)
"""How it was done, in words."""

NO_OWN_KEY = (
    "No key served this source alone: the keys of its records and tokens are derived from the hub's own, which all "
    "sources share. What they protected is erased."
)


class DestructionError(Exception):
    """A destruction that cannot be done now: one line, what was found and what to do."""


@dataclass(frozen=True)
class Asked:
    """A destruction as asked for: what is due, who attests it, on which day, whether its keys were asked for too."""

    due: Due
    attested_by: str
    on: date
    keys: bool = False


def destroy(place: Place, engine: Engine, asked: Asked, others: Iterable[SourcePolicy], *, actor: str) -> Destroyed:
    """Destroy what the hub holds of a source and return the certificate; the workspace's lock must be held.

    Of a source that is destroyed already it is the one it has. `others` are the sources that are still shared. Raises
    DestructionError while tokens of another source wait for linking.
    """
    agreement, name = asked.due.agreement, asked.due.source
    source, others = agreement.sources[name], list(others)
    _check_nothing_waits(place, name)
    book = Destructions(engine)
    begun = book.begun(agreement.agreement_id, name)
    if begun is None:
        held = held_of(place, source, others)
        done = [one for one in book.all() if (one.agreement, one.source) == (agreement.agreement_id, name)]
        if done and not held:
            return done[-1]
        begun = {
            "held": asdict(held),
            "before": digests_of(place),
            "attested_by": asked.attested_by,
        }
        book.begin(agreement.agreement_id, name, begun, actor=actor)
    _erase(place, source, others, asked.on)
    left = held_of(place, source, others)
    if left:
        raise DestructionError(f"{name}: something is still held after its destruction; run it again, then report it")
    return book.certify(_facts(place, asked, begun), place.keys.signing_key, actor=actor)


def _check_nothing_waits(place: Place, source: str) -> None:
    vault = Vault(place.paths.vault, place.keys)
    waiting = vault.waiting()
    if {vault.names[number] for number in waiting.source.tolist()} - {source}:
        raise DestructionError(
            "tokens of another source wait for linking, expected none: a night was interrupted; run it to its end first"
        )


def _erase(place: Place, source: SourcePolicy, others: list[SourcePolicy], on: date) -> None:
    """Remove everything of a source; each step may have been done before."""
    paths, name = place.paths, source.source
    for path in [*sealed_files(paths.sealed, source), *waiting_files(place.landing, source, others)]:
        path.unlink()
    _erase_content(paths.content, name)
    _erase_tokens(place, name, on)
    protected = Protected(paths.protected, place.keys)
    protected.update(name, _keys([]), _keys([bytes(key) for key in protected.keys(name)]))
    _erase_digests(paths.nights, name)
    for path in (paths.spine, paths.outcomes):
        path.unlink(missing_ok=True)


def _erase_content(path: Path, name: str) -> None:
    if not path.exists():
        return
    with open_content(path) as store:
        store.purge_records([name], store.known(name))
        store.drop_ungranted(name, ())
        store.forget_withheld(name)
        store.commit()
    put_in_order(path)


def _erase_tokens(place: Place, name: str, on: date) -> None:
    """Withdraw every record of a source as a night does: from vault, evidence and ledger, whose events say so."""
    paths = place.paths
    vault = Vault(paths.vault, place.keys)
    vault.remove(name, _keys([bytes(key) for key in vault.keys(name)]))
    if vault.waits:
        decisions = load_decisions(paths.decisions, place.keys)
        link(paths.vault, paths.ledger, paths.evidence, set(), on, place.keys, decisions=decisions)


def _erase_digests(path: Path, name: str) -> None:
    """Forget which files of a source were loaded, so that nothing tells what they were, and write the book anew."""
    if not path.exists():
        return
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        with duckdb.connect(str(path)) as con:
            con.execute("delete from deliveries where source = ?", [name])
            con.execute("attach '{}' as fresh".format(str(fresh).replace("'", "''")))
            con.execute(f"copy from database {con.execute('select current_database()').fetchall()[0][0]} to fresh")
            con.execute("detach fresh")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _facts(place: Place, asked: Asked, begun: dict[str, Any]) -> dict[str, Any]:
    agreement, after = asked.due.agreement, asked.due.agreement.own_destruction
    held = Held(**begun["held"])
    return {
        "city": place.keys.city,
        "agreement": agreement.agreement_id,
        "agreement_digest": agreement.sha256,
        "title": agreement.title,
        "owner": agreement.owner,
        "provider": agreement.provider.name,
        "source": asked.due.source,
        "authority": [{"exception": one.exception, "cite": one.cite} for one in agreement.authority],
        "clause": asdict(after),
        "ended_on": asked.due.ended.isoformat(),
        "due_on": asked.due.due.isoformat(),
        "destroyed_on": asked.on.isoformat(),
        "destroyed": asdict(held),
        "method": METHOD,
        "keys": NO_OWN_KEY if asked.keys else "not asked for",
        "kept": list(KEPT),
        "attested_by": asked.attested_by,
        "before": begun["before"],
        "after": digests_of(place),
        "software": f"cradlepath {_version()}",
    }


def _version() -> str:
    try:
        return version("cradlepath")
    except PackageNotFoundError:
        return "unknown"


def _keys(keys: list[bytes]) -> pa.Array:
    return pa.array(keys, RECORD_KEY_TYPE)
