"""Ed25519 keys in PEM files, as auditors and second parties keep them: SubjectPublicKeyInfo and PKCS 8.

What does not belong here: the hub's own ring (`linkage.keys`), who may sign an agreement (`mou_policies.trust`).
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from consent.trail_errors import AnchorError


def read_public(file: Path) -> Ed25519PublicKey:
    """Return the public key of a PEM file; that of a private key will not do, so that none travels by mistake."""
    try:
        key = serialization.load_pem_public_key(_bytes(file))
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise AnchorError(
            f"{file}: this is no public Ed25519 key, expected PEM that begins with BEGIN PUBLIC KEY; make it with "
            "`cradlepath audit public-key`"
        )
    return key


def read_private(file: Path) -> Ed25519PrivateKey:
    """Return the private key of a PEM file without a password."""
    try:
        key = serialization.load_pem_private_key(_bytes(file), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise AnchorError(
            f"{file}: this is no private Ed25519 key without a password, expected PEM that begins with BEGIN PRIVATE "
            "KEY; name the file of the signer's own key"
        )
    return key


def public_pem(key: Ed25519PublicKey) -> str:
    """Return a public key as PEM."""
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(*form).decode()


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise AnchorError(f"{file}: the key cannot be read ({error.strerror}); name a key file that is there") from None
