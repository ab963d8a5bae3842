"""What a machine at an agency holds: K1, and a kit from the hub. Never a root key of the hub.

A kit is a JSON file, private to its owner: the city id, the hub's public X25519 key, the layout of tokens, the
fingerprints of the K1s that the hub accepts, and one derived key for each use that the agency's sources need. With it
an agency computes the very record keys that the hub would, so that a city can change its mode and keep its child IDs.
A kit opens nothing: not the vault, not the ledger, not what other agencies seal. The hub's own ring is `linkage.keys`.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from linkage.errors import KeyRingError
from linkage.key_files import (
    KEY_BYTES,
    checked_city,
    checked_fingerprint,
    derive_from,
    fingerprint_of,
    read_key,
    read_private,
    refuse_existing,
    replace_private,
    write_key,
)

EXPORTABLE: Final = ("record.", "content.", "pseudonym:")
"""Beginnings of the uses that a kit may hold. Everything else stays at the hub."""
_FORMAT: Final = "cradlepath-agency-kit/1"
_FIELDS: Final = {"format", "city", "layout", "k1", "hub_public", "keys", "check"}


class Derives(Protocol):
    """Whatever gives one key per use: the hub's `KeyRing`, an agency's `AgencyRing`."""

    def derive(self, use: str, length: int = KEY_BYTES) -> bytes:
        """Return the key of one use; raises KeyRingError for a use it has no key for."""
        ...


@dataclass(frozen=True)
class AgencyRing:
    """The secrets of one agency's machine, in memory. Build one with `load`.

    `city`, `layout` and `hub_public` are the hub's; `k1_fingerprint` names the K1 that makes this agency's tokens.
    """

    _k1: bytes = field(repr=False)
    _keys: Mapping[str, bytes] = field(repr=False)
    city: str
    layout: str
    hub_public: X25519PublicKey = field(repr=False)

    @classmethod
    def load(cls, k1_path: Path, kit_path: Path) -> Self:
        """Read K1 and the kit; raises KeyRingError when either is unusable or they are of two cities or two K1s."""
        kit = _read_kit(kit_path)
        _, k1 = read_key(k1_path, "k1", kit["city"])
        found, accepted = fingerprint_of(k1), kit["k1"]
        if accepted and found not in accepted:
            raise KeyRingError(
                f"{k1_path}: found K1 {found}, expected {' or '.join(accepted)}, which the kit {kit_path} names; "
                "use that K1, or ask the hub for a new kit"
            )
        keys = {use: bytes.fromhex(key) for use, key in kit["keys"].items()}
        public = X25519PublicKey.from_public_bytes(bytes.fromhex(kit["hub_public"]))
        return cls(k1, keys, kit["city"], kit["layout"], public)

    @property
    def k1_fingerprint(self) -> str:
        """Sixteen hex digits that name K1; they go into every token file."""
        return fingerprint_of(self._k1)

    @property
    def uses(self) -> tuple[str, ...]:
        """The uses that the kit has keys for."""
        return tuple(sorted(self._keys))

    def derive(self, use: str, length: int = KEY_BYTES) -> bytes:
        """Return the key of a ``token.`` use (from K1) or of a use in the kit (at most 32 bytes).

        The same key that the hub's ring derives. Raises KeyRingError for any other use.
        """
        if use.startswith("token."):
            return derive_from(self._k1, use, length)
        if use not in self._keys or length > KEY_BYTES:
            raise KeyRingError(
                f"no key for {use} at this agency: the kit does not hold it; "
                "ask the hub for a kit of this agency's sources (`cradlepath keys agency-kit`)"
            )
        return self._keys[use][:length]  # a shorter HKDF output is the beginning of a longer one (RFC 5869, 2.3)


def new_k1(path: Path, city: str) -> str:
    """Make a K1 for a city at one of its agencies and return its fingerprint; raises KeyRingError if `path` exists."""
    key = secrets.token_bytes(KEY_BYTES)
    write_key(path, "k1", checked_city(city), key)
    return fingerprint_of(key)


def write_kit(
    path: Path,
    city: str,
    layout: str,
    k1: Iterable[str],
    hub_public: X25519PublicKey,
    uses: Iterable[str],
    derive: Callable[[str], bytes],
) -> None:
    """Write the kit file of an agency; raises KeyRingError for a use that must stay at the hub."""
    refuse_existing(path)
    wanted = sorted(set(uses))
    if refused := [use for use in wanted if not use.startswith(EXPORTABLE)]:
        raise KeyRingError(
            f"a kit may not hold {', '.join(refused)}: only uses that begin with {', '.join(EXPORTABLE)} leave the hub"
        )
    if not wanted:
        raise KeyRingError("a kit without any use serves no agency; name the sources it is for")
    kit = {
        "format": _FORMAT,
        "city": city,
        "layout": layout,
        "k1": list(k1),
        "hub_public": hub_public.public_bytes_raw().hex(),
        "keys": {use: derive(use).hex() for use in wanted},
    }
    replace_private(path, json.dumps(kit | {"check": _check(kit)}, indent=2).encode() + b"\n")


def _read_kit(path: Path) -> dict[str, Any]:
    """Return a kit whose fields have their form; raises KeyRingError for any other file."""
    content = read_private(path)
    try:
        kit: dict[str, Any] = json.loads(content)
        form = kit["format"]
    except (ValueError, TypeError, KeyError):
        raise KeyRingError(f"{path}: not an agency kit; ask the hub for one (`cradlepath keys agency-kit`)") from None
    if form != _FORMAT:
        raise KeyRingError(
            f"{path}: an agency kit of another version, expected {_FORMAT}; ask the hub for one of this version"
        )
    try:
        if set(kit) != _FIELDS or kit.pop("check") != _check(kit):
            raise ValueError
        checked_city(kit["city"])
        for fingerprint in kit["k1"]:
            checked_fingerprint(fingerprint)
    except (ValueError, TypeError, KeyRingError):
        raise KeyRingError(
            f"{path}: the agency kit is damaged: its check does not fit; ask the hub for it again"
        ) from None
    return kit


def _check(kit: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(kit, sort_keys=True).encode()).hexdigest()[:16]
