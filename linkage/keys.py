"""The key ring of a city's hub: who holds which secret, and one derived key per use.

Root keys, each in a file of its own that only its owner may read (`linkage.key_files`):

* ``k1.key``: the agencies' token key. In *agency-tokenised* mode the hub never holds it and knows its fingerprint only.
* ``k2.key``: the hub's re-keying key, kept away from the disk that holds the vault.
* ``hub.key``: the hub's master: record keys, content digests, pseudonyms, child IDs, seals.
* ``hub_seal.pem``: the X25519 key to which agencies seal their token files (`linkage.envelope`).
* ``release_signing.pem``: the Ed25519 key that signs releases.

``keyring.json`` says whose ring it is (the city id), who makes tokens (the mode) and with which K1. ``k1.next`` and
``k2.next`` are there only while a rotation is under way (`linkage.rotation`). Every use derives its own key by
HKDF-SHA256 from one root, so that no key does two jobs. What does not belong here: any encryption or hashing of data
with these keys.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from linkage.agency_keys import AgencyRing, Derives, write_kit
from linkage.errors import KeyRingError
from linkage.key_about import ABOUT_FILE, AGENCY_TOKENISED, HUB_TOKENISED, MODES, About
from linkage.key_files import KEY_BYTES, check_folder, derive_from, fingerprint_of, new_city, read_key, write_key

__all__ = ["AGENCY_TOKENISED", "HUB_TOKENISED", "MODES", "About", "AgencyRing", "Derives", "KeyRing"]

K1_NEXT: Final = "k1.next"
K2_NEXT: Final = "k2.next"
FILES: Final = {
    "k1": "k1.key",
    "k2": "k2.key",
    "hub": "hub.key",
    "release_signing": "release_signing.pem",
    "hub_seal": "hub_seal.pem",
    "k1_next": K1_NEXT,
}
"""File of each key; `k1_next` is a K1 that waits for the end of a rotation."""
_KINDS: Final = {"k1_next": "k1"}


@dataclass(frozen=True)
class KeyRing:
    """The secrets of one hub, in memory.

    `repr` shows the fingerprint only. Build one with `create` or `load`.
    """

    _roots: Mapping[str, bytes] = field(repr=False)
    about: About

    @classmethod
    def create(
        cls, folder: Path, mode: str = HUB_TOKENISED, city: str | None = None, k1_fingerprint: str | None = None
    ) -> Self:
        """Write a new key ring into `folder` (created when absent, 0700) and return it.

        `city` names the city, 16 hex digits, drawn at random when not given. In agency-tokenised mode no K1 is made;
        `k1_fingerprint` names the agencies', if it is known already (`linkage.rotation.accept_k1` records it later).
        Raises KeyRingError when the folder already holds a key: a key is never overwritten.
        """
        about = About(city or new_city(), mode, k1_fingerprint)
        kinds = [kind for kind in FILES if kind != "k1_next" and (kind != "k1" or mode == HUB_TOKENISED)]
        return cls.write(folder, about, {kind: secrets.token_bytes(KEY_BYTES) for kind in kinds})

    @classmethod
    def write(cls, folder: Path, about: About, keys: Mapping[str, bytes]) -> Self:
        """Write a ring of given keys by kind (those of `FILES`, 32 bytes each) into a folder without any; return it.

        `keyring.json` comes last: without it the other files are no ring.
        """
        about.check()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_folder(folder)
        if existing := [name for name in (*FILES.values(), K2_NEXT, ABOUT_FILE) if (folder / name).exists()]:
            raise KeyRingError(
                f"{folder}: found {', '.join(existing)}, expected no keys here; "
                "use the existing ring, or move it away and keep it: its child IDs die with it"
            )
        for kind, key in keys.items():
            write_key(folder / FILES[kind], _KINDS.get(kind, kind), about.city, key)
        about.write(folder / ABOUT_FILE)
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path, *, rotating: bool = False) -> Self:
        """Read the key ring of `folder`.

        Raises KeyRingError when a file is missing, it or the folder is readable by others, or it is no key of this
        city; when the hub of an agency-tokenised city holds a K1; and, unless `rotating`, while a rotation of K2 is
        under way.
        """
        check_folder(folder)
        about = About.read(folder / ABOUT_FILE)
        if (folder / K2_NEXT).exists() and not rotating:
            raise KeyRingError(
                f"{folder / K2_NEXT}: a rotation of K2 was begun and not ended; end it with `cradlepath keys rotate k2`"
            )
        held = [kind for kind in FILES if kind != "k1_next" or (folder / K1_NEXT).exists()]
        if about.mode == AGENCY_TOKENISED:
            if found := [name for name in ("k1.key", K1_NEXT) if (folder / name).exists()]:
                raise KeyRingError(
                    f"{folder / found[0]}: found a K1, expected none: this city is agency-tokenised, where K1 is the "
                    "agencies' and the hub must not hold it; hand it to an agency and delete it here"
                )
            held.remove("k1")
        roots = {kind: read_key(folder / FILES[kind], _KINDS.get(kind, kind), about.city)[1] for kind in held}
        if len(set(roots.values())) < len(roots):
            raise KeyRingError(f"{folder}: two key files hold the same key; restore each from its own backup")
        return cls(roots, about)

    def derive(self, use: str, length: int = KEY_BYTES) -> bytes:
        """Return the `length`-byte key of one use, for instance ``content.digest``.

        Uses that begin with ``token.`` derive from K1 (from the next one, while K1 is being rotated), with ``rekey.``
        from K2, all others from the hub master. Raises KeyRingError for a ``token.`` use in agency-tokenised mode.
        """
        k1 = "k1_next" if "k1_next" in self._roots else "k1"
        root = {"token": k1, "rekey": "k2"}.get(use.split(".", 1)[0], "hub")
        if root not in self._roots:
            raise KeyRingError(
                f"no key for {use}: this city is agency-tokenised, K1 is the agencies' and the hub does not hold it; "
                "tokens are made at the agencies with `cradlepath tokenise`"
            )
        return derive_from(self._roots[root], use, length)

    @property
    def mode(self) -> str:
        """Who makes tokens: `HUB_TOKENISED` or `AGENCY_TOKENISED`."""
        return self.about.mode

    @property
    def city(self) -> str:
        """The city id, sixteen hex digits: no secret."""
        return self.about.city

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        """The key that signs releases."""
        return Ed25519PrivateKey.from_private_bytes(self._roots["release_signing"])

    @property
    def seal_key(self) -> X25519PrivateKey:
        """The key that opens what agencies seal to this hub; its public half is in every agency kit."""
        return X25519PrivateKey.from_private_bytes(self._roots["hub_seal"])

    @property
    def k1_fingerprint(self) -> str | None:
        """Sixteen hex digits that name the K1 in use; None in an agency-tokenised city that has accepted none yet."""
        return fingerprint_of(self._roots["k1"]) if "k1" in self._roots else self.about.k1_fingerprint

    @property
    def k1_next_fingerprint(self) -> str | None:
        """Sixteen hex digits that name the K1 being rotated to; None while no rotation of K1 is under way."""
        held = self._roots.get("k1_next")
        return self.about.k1_next_fingerprint if held is None else fingerprint_of(held)

    @property
    def k1_in_use(self) -> str | None:
        """Sixteen hex digits that name the K1 by which this hub makes tokens: the next one during a rotation."""
        return self.k1_next_fingerprint if "k1_next" in self._roots else self.k1_fingerprint

    @property
    def rotating_k1(self) -> bool:
        """Whether a rotation of K1 is under way: a record may come again under another K1, as the same child."""
        return self.k1_next_fingerprint is not None

    @property
    def accepted_k1(self) -> tuple[str, ...]:
        """Fingerprints of the K1s with which tokens may be made: one, or two while K1 is being rotated."""
        return tuple(name for name in (self.k1_fingerprint, self.k1_next_fingerprint) if name is not None)

    @property
    def k2_fingerprint(self) -> str:
        """Sixteen hex digits that name K2."""
        return fingerprint_of(self._roots["k2"])

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that name this ring and reveal nothing of it: safe to print and to sign.

        The same in both modes as long as the keys are the same.
        """
        names = [self.city, self.k1_fingerprint or "", self.k2_fingerprint, fingerprint_of(self._roots["hub"])]
        publics = (key.public_key().public_bytes_raw() for key in (self.signing_key, self.seal_key))
        return hashlib.sha256("/".join(names).encode() + b"".join(publics)).hexdigest()[:16]

    def next_ring(self) -> Self:
        """Return this ring with the next K1 in the place of K1; raises KeyRingError while none is being rotated to."""
        if self.k1_next_fingerprint is None:
            raise KeyRingError(
                "no rotation of K1 is under way, expected one; begin it with `cradlepath keys rotate k1 --begin`"
            )
        roots = {kind: key for kind, key in self._roots.items() if kind != "k1_next"}
        if "k1_next" in self._roots:
            return replace(self, _roots=roots | {"k1": self._roots["k1_next"]})
        about = replace(self.about, k1_fingerprint=self.about.k1_next_fingerprint, k1_next_fingerprint=None)
        return replace(self, _roots=roots, about=about)

    def with_k2(self, key: bytes) -> Self:
        """Return this ring with another K2: what the vault is re-keyed to."""
        return replace(self, _roots={**self._roots, "k2": key})

    def roots(self) -> dict[str, bytes]:
        """Return every root key by kind, for escrow alone."""
        return dict(self._roots)

    def export_kit(self, path: Path, uses: Iterable[str], layout: str) -> None:
        """Write an agency kit: what a machine at an agency needs of the hub, and no root key.

        `uses` are those of that agency's sources (for instance ``record.school``); `layout` is
        `linkage.rules.layout()`. Raises KeyRingError for a use that no agency may have, and when `path` exists.
        """
        write_kit(path, self.city, layout, self.accepted_k1, self.seal_key.public_key(), uses, self.derive)

    def __repr__(self) -> str:
        return f"KeyRing(fingerprint={self.fingerprint!r}, mode={self.mode!r})"
