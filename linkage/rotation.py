"""Rotation of keys: K2 under a vault that stays linked, K1 while every source comes in full once.

**K2** re-keys the vault at rest. A copy of the vault is re-keyed and moved into place, then the key; whatever stops the
process, the next call goes on from what lies on the disk, and until then no key ring loads, so no night can mix keys:

1. ``k2.next`` is written: the journal, and the key to come;
2. the vault is copied to ``<vault>.next`` and the copy re-keyed; then it is renamed ``<vault>.ready``;
3. the vault is renamed ``<vault>.old``, and ``<vault>.ready`` becomes the vault;
4. ``k2.next`` becomes ``k2.key``, which ends the old key; ``<vault>.old`` is deleted.

**K1** makes the tokens, so it cannot be exchanged under them: between `begin_k1` and `finish_k1` a ring knows two. New
tokens are made with the next one (`KeyRing.derive`), token files made with either are accepted, and a record that comes
again stays with its child (`linkage.universe`), since its tokens cannot meet those of records that have not come yet.
Child IDs depend on neither. How tokens are made or re-keyed is not decided here.
"""

import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, Protocol

from linkage.errors import KeyRingError
from linkage.key_about import ABOUT_FILE, AGENCY_TOKENISED, About
from linkage.key_files import (
    KEY_BYTES,
    checked_fingerprint,
    fingerprint_of,
    key_text,
    read_key,
    replace_private,
    sync_folder,
    write_key,
)
from linkage.keys import FILES, K1_NEXT, K2_NEXT, KeyRing

Ending = Literal["rotated", "resumed"]
STEPS: Final = (
    "key written",
    "copy made",
    "copy re-keyed",
    "vault set aside",
    "vault in place",
    "key in place",
    "done",
)
"""The steps of a rotation of K2, in order, as `observe` hears of them."""


class Rekeyable(Protocol):
    """What rotation needs of a vault."""

    def rekey(self, old: KeyRing, new: KeyRing) -> None:
        """Bring everything at rest from under the K2 of `old` under that of `new`."""
        ...


def rotate_k2(
    keys: Path,
    vault: Path,
    open_vault: Callable[[Path, KeyRing], Rekeyable],
    observe: Callable[[str], None] = lambda _: None,
) -> Ending:
    """Put a new K2 in the place of the old one in folder `keys`, and the vault (a folder) under it.

    Goes on with a rotation that was stopped ("resumed") or makes a whole one ("rotated"). `open_vault` opens the vault
    at a path under a ring; `observe` hears of each of `STEPS` when it is done. Nothing else may use the vault
    meanwhile. A K2 that is lost is made anew once the vault, which nobody can read without it, is out of the way.
    Raises KeyRingError while tokens wait in the vault for linking.
    """
    aside, fresh, ready = (vault.with_name(f"{vault.name}.{end}") for end in ("old", "next", "ready"))
    begun = (keys / K2_NEXT).exists()
    if not begun and aside.exists():  # stopped between the key's move and the old vault's deletion
        _delete(aside, observe)
        return "resumed"
    if not (begun or vault.exists() or (keys / FILES["k2"]).exists()):
        write_key(keys / FILES["k2"], "k2", About.read(keys / ABOUT_FILE).city, secrets.token_bytes(KEY_BYTES))
        return "rotated"
    ring = KeyRing.load(keys, rotating=True)
    if not (ready.exists() or aside.exists()):
        _refuse_waiting(vault)
    if not begun:
        write_key(keys / K2_NEXT, "k2", ring.city, secrets.token_bytes(KEY_BYTES))
        observe("key written")
    _, key = read_key(keys / K2_NEXT, "k2", ring.city)
    if vault.exists() and not (ready.exists() or aside.exists()):
        _rekeyed_copy(vault, fresh, ring, ring.with_k2(key), open_vault, observe)
        fresh.rename(ready)
        sync_folder(ready.parent)
        observe("copy re-keyed")
    if ready.exists():
        if vault.exists():
            vault.rename(aside)
            observe("vault set aside")
        ready.rename(vault)
        sync_folder(vault.parent)
        observe("vault in place")
    (keys / K2_NEXT).replace(keys / FILES["k2"])
    sync_folder(keys)
    observe("key in place")
    _delete(aside, observe)
    return "resumed" if begun else "rotated"


def begin_k1(keys: Path, fingerprint: str | None = None) -> str:
    """Begin the rotation of K1 in folder `keys` and return the next K1's fingerprint.

    In hub-tokenised mode the next K1 is made here; in agency-tokenised mode one agency has made it, and `fingerprint`
    names it. Raises KeyRingError while a rotation of K1 is under way already.
    """
    ring = KeyRing.load(keys)
    if ring.k1_next_fingerprint is not None:
        raise KeyRingError(
            f"{keys}: a rotation of K1 to {ring.k1_next_fingerprint} is under way; end it first with "
            "`cradlepath keys rotate k1 --finish`"
        )
    if ring.mode == AGENCY_TOKENISED:
        _next_of_agencies(keys, ring, fingerprint)
    elif fingerprint is not None:
        raise KeyRingError("this hub holds K1 and makes the next one itself; leave the fingerprint out")
    else:
        write_key(keys / K1_NEXT, "k1", ring.city, secrets.token_bytes(KEY_BYTES))
    return str(KeyRing.load(keys).k1_next_fingerprint)


def finish_k1(keys: Path) -> str:
    """End the rotation of K1: the next K1 becomes K1, the old one is gone. Return the fingerprint of the new one.

    Raises KeyRingError while no rotation of K1 is under way.
    """
    following = KeyRing.load(keys).next_ring()
    if following.mode == AGENCY_TOKENISED:
        following.about.write(keys / ABOUT_FILE)
    else:
        (keys / K1_NEXT).replace(keys / FILES["k1"])
        sync_folder(keys)
    return str(following.k1_fingerprint)


def accept_k1(keys: Path, fingerprint: str) -> None:
    """Record with which K1 the agencies make tokens, so that token files made with any other are refused.

    Raises KeyRingError in hub-tokenised mode, and when another one is recorded already.
    """
    ring = KeyRing.load(keys)
    if ring.mode != AGENCY_TOKENISED:
        raise KeyRingError(f"{keys}: this hub holds K1 itself; there is no other to accept")
    if ring.k1_fingerprint not in {None, fingerprint}:
        raise KeyRingError(
            f"{keys}: found K1 {ring.k1_fingerprint} accepted already; to change it, use "
            "`cradlepath keys rotate k1 --begin --fingerprint ...`"
        )
    replace(ring.about, k1_fingerprint=checked_fingerprint(fingerprint)).write(keys / ABOUT_FILE)


def new_seal(keys: Path) -> None:
    """Put a new key pair in the place of the one to which agencies seal; every agency needs a new kit.

    Token files sealed to the old one are refused from now on. Works where the old key is lost, too.
    """
    city = About.read(keys / ABOUT_FILE).city
    replace_private(keys / FILES["hub_seal"], key_text("hub_seal", city, secrets.token_bytes(KEY_BYTES)))


def hand_over_k1(keys: Path, out: Path) -> str:
    """Make a hub-tokenised city agency-tokenised: K1 moves from `keys` to the file `out`. Return its fingerprint.

    Record keys, tokens and child IDs stay what they are. `out` belongs on a medium that goes to the agencies. Raises
    KeyRingError while K1 is being rotated, and when `out` exists. Stopped half-way, it leaves a ring that refuses to
    load and says which file to delete.
    """
    ring = KeyRing.load(keys)
    if ring.mode == AGENCY_TOKENISED or ring.k1_next_fingerprint is not None:
        raise KeyRingError(f"{keys}: K1 can be handed over by a hub that holds one, and not while K1 is being rotated")
    key = ring.roots()["k1"]
    write_key(out, "k1", ring.city, key)
    replace(ring.about, mode=AGENCY_TOKENISED, k1_fingerprint=fingerprint_of(key)).write(keys / ABOUT_FILE)
    (keys / FILES["k1"]).unlink()
    return fingerprint_of(key)


def _next_of_agencies(keys: Path, ring: KeyRing, fingerprint: str | None) -> None:
    if fingerprint is None or fingerprint == ring.k1_fingerprint:
        raise KeyRingError(
            "expected the fingerprint of the agencies' next K1; make that key at an agency with `cradlepath keys "
            "new-k1` and give its fingerprint with --fingerprint"
        )
    replace(ring.about, k1_next_fingerprint=checked_fingerprint(fingerprint)).write(keys / ABOUT_FILE)


def _refuse_waiting(vault: Path) -> None:
    if waiting := len(list((vault / "incoming").glob("*.sealed"))):
        raise KeyRingError(
            f"{vault}: found {waiting} files of tokens that wait for linking, expected none; run the night first, then "
            "rotate K2"
        )


def _rekeyed_copy(
    vault: Path,
    fresh: Path,
    old: KeyRing,
    new: KeyRing,
    open_vault: Callable[[Path, KeyRing], Rekeyable],
    observe: Callable[[str], None],
) -> None:
    if fresh.exists():
        shutil.rmtree(fresh)
    shutil.copytree(vault, fresh)
    observe("copy made")
    open_vault(fresh, old).rekey(old, new)
    for file in fresh.rglob("*"):
        if file.is_file():
            with file.open("rb") as held:
                os.fsync(held.fileno())


def _delete(aside: Path, observe: Callable[[str], None]) -> None:
    if aside.exists():
        shutil.rmtree(aside)
    observe("done")
