"""The errors of this room. Each is one line: what was found, what was expected, where, what to do.

No message ever holds a value of a record or a part of a key.
"""


class LinkageError(Exception):
    """Anything that stops linking; `str()` is one line for people."""


class KeyRingError(LinkageError):
    """A key file is missing, too short, malformed or readable by others."""


class VaultError(LinkageError):
    """The token vault does not have the layout this version writes, or was given unusable tokens."""


class TruthError(LinkageError):
    """A truth file cannot be used: columns missing, or none of its records is in the ledger."""


class SealError(LinkageError):
    """A sealed file that does not open: cut, changed, or made with another key."""
