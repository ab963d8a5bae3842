"""A pending delivery opened: raw extracts, or the one token file that an agency made of them.

Which of the two may come, how a file that was dealt with is known again, and what the book of nights is to say of the
files. A token file stands for the extracts it was made from: those are what is loaded, superseded or known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from assets.extracts.delivery import Delivery, DeliveryError, open_delivery
from assets.extracts.keyed import file_digest
from assets.extracts.landing import LandingFile, Pending
from assets.extracts.nights import Delivered
from assets.extracts.received import Received
from assets.extracts.terms import Terms
from assets.extracts.treat import needs_births
from assets.night import Night
from linkage.keys import AGENCY_TOKENISED
from linkage.token_file import SUFFIX
from mou_policies.model import SourcePolicy

LOADED: Final = "loaded"
SUPERSEDED: Final = "superseded"
"""A file of a full delivery older than one already loaded; not applied."""
OPENED: Final = "opened"
"""A token file, whose extracts are noted beside it."""
KNOWN: Final = "known"
"""A token file of extracts that were all dealt with before; not applied."""


@dataclass(frozen=True)
class Opened:
    """A delivery that can be read, and its files as (name, keyed digest, bytes); `sealed` is the token file, if any.

    `known` says that its extracts were all dealt with before; `births_only` are files read for birth dates alone.
    """

    delivery: Delivery | Received
    delivered_for: date
    files: tuple[tuple[str, bytes, int], ...]
    sealed: tuple[str, bytes, int] | None = None
    births_only: frozenset[str] = frozenset()
    known: bool = False

    def noted(self, state: str) -> list[Delivered]:
        """Return what the book is to say of the files once they are left in this state."""
        held = [(self.sealed, KNOWN if state == KNOWN else OPENED)] if self.sealed else []
        held += [(file, state) for file in self.files] if state != KNOWN else []
        return [Delivered(*file, self.delivered_for, self.delivery.mode, left) for file, left in held]


def open_pending(night: Night, source: SourcePolicy, pending: Pending, states: Mapping[bytes, str]) -> Opened:
    """Open what a source delivered in one folder; raises DeliveryError when it cannot be used."""
    fresh = [file for file in pending.files if file.digest not in states]
    sealed = next((file for file in fresh if _is_sealed(file)), None)
    if sealed is None:
        return _raw(night, source, pending, fresh)
    if len(fresh) > 1:
        raise DeliveryError(
            sealed.path.name,
            f"a token file beside {len(fresh) - 1} other new files of {source.source}, expected it alone",
            "have the agency make one token file of all extracts of the night, and take the others away",
        )
    return _sealed(night, source, pending, sealed, states)


def _raw(night: Night, source: SourcePolicy, pending: Pending, fresh: list[LandingFile]) -> Opened:
    """Open raw files.

    Of a delta, a file loaded before is not applied again, lest it undo what came after it; it is still read where the
    new files ask for ages. A full delivery is always read whole.
    """
    if night.keys.mode == AGENCY_TOKENISED:
        raise DeliveryError(
            fresh[0].path.name,
            "a raw extract, expected a token file: this city is agency-tokenised",
            "delete it here, and have the agency make a token file with `cradlepath tokenise`",
        )
    raw = [file.path for file in pending.files if not _is_sealed(file)]
    noted = tuple((file.path.name, file.digest, file.size) for file in fresh)
    limits = night.settings.limits
    delivery = open_delivery(source, raw, limits)
    new = [file.path for file in fresh]
    old = frozenset(path.name for path in raw if path not in new)
    if delivery.mode == "full" or not old:
        return Opened(delivery, pending.delivered_for, noted)
    if needs_births(source):
        return Opened(delivery, pending.delivered_for, noted, births_only=old)
    return Opened(open_delivery(source, new, limits), pending.delivered_for, noted)


def _sealed(
    night: Night, source: SourcePolicy, pending: Pending, sealed: LandingFile, states: Mapping[bytes, str]
) -> Opened:
    """Open a token file; it counts for the night it was made for, which a dated folder must bear."""
    received = Received(sealed.path, night.keys, Terms(source, night.policy, night.keys))
    name = sealed.path.name
    if received.night > night.date or (pending.dated and received.night != pending.delivered_for):
        raise DeliveryError(
            name,
            f"made for the night {received.night}, found in the landing place of {pending.delivered_for}",
            "move it to the folder of its night, or have the agency make it again with --night",
        )
    secret = night.keys.derive("landing-file")
    files = tuple(
        (file.name, file_digest(bytes.fromhex(file.sha256), received.k1, secret), file.bytes) for file in received.files
    )
    before = sum(digest in states for _, digest, _ in files)
    if received.mode == "delta" and 0 < before < len(files):
        raise DeliveryError(
            name,
            f"{before} of its {len(files)} extracts were loaded before, and they would undo what came after them",
            "have the agency make a token file of the new extracts alone",
        )
    own = (name, sealed.digest, sealed.size)
    return Opened(received, received.night, files, own, known=bool(files) and before == len(files))


def _is_sealed(file: LandingFile) -> bool:
    return file.path.suffix == SUFFIX
