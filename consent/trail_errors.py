"""The errors of the audit trail: one line each, with what was found, what was expected and what to do."""


class TrailError(Exception):
    """Something that the trail cannot take in, sign, destroy or read."""


class AnchorError(TrailError):
    """An anchor that cannot be read, written or trusted."""
