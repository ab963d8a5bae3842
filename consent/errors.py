"""The errors of this room. Each is one line: what was found, where, what to do.

No message ever holds a value of a record, a part of a key or the password of a database.
"""


class ConsentError(Exception):
    """Anything that stops what this room does; `str()` is one line for people."""


class RegistryError(ConsentError):
    """The registry database cannot be used, or refused a transaction, of which it kept nothing."""


class ConnectionLostError(RegistryError):
    """The connection broke: what was being written is there whole or not at all, and nobody was told which."""
