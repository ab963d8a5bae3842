"""What a key ring says of itself in ``keyring.json``: the city, the mode, the agencies' K1 by its fingerprint.

Nothing here is secret; the keys are in `linkage.keys`.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from linkage.errors import KeyRingError
from linkage.key_files import checked_city, checked_fingerprint, read_private, replace_private

HUB_TOKENISED: Final = "hub-tokenised"
"""The mode in which the hub holds K1 as well as K2, so that its operator could read everything."""
AGENCY_TOKENISED: Final = "agency-tokenised"
"""The mode in which K1 is the agencies' and the hub never holds it."""
MODES: Final = (HUB_TOKENISED, AGENCY_TOKENISED)

ABOUT_FILE: Final = "keyring.json"
_VERSION: Final = 2


@dataclass(frozen=True)
class About:
    """What `keyring.json` says: nothing secret.

    `k1_fingerprint` and `k1_next_fingerprint` name the agencies' K1 and the one it is being rotated to. They are None
    in hub-tokenised mode, where the keys themselves are at hand, and before the agencies' fingerprint was accepted.
    """

    city: str
    mode: str = HUB_TOKENISED
    k1_fingerprint: str | None = None
    k1_next_fingerprint: str | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check `keyring.json`; raises KeyRingError for one this version cannot use."""
        content = read_private(path)
        try:
            found = json.loads(content)
            if found.pop("version") != _VERSION:
                raise ValueError
            about = cls(**found)
            about.check()
        except (ValueError, TypeError, KeyError, AttributeError, KeyRingError):
            raise KeyRingError(
                f"{path}: not a key ring of version {_VERSION}: this version of Cradlepath cannot use this key "
                "ring; restore the file from a backup, or use the version that wrote it"
            ) from None
        return about

    def write(self, path: Path) -> None:
        """Replace `keyring.json` in one step."""
        replace_private(path, json.dumps({"version": _VERSION} | asdict(self), indent=2).encode() + b"\n")

    def check(self) -> None:
        """Raise KeyRingError unless every field has its form."""
        checked_city(self.city)
        if self.mode not in MODES:
            raise KeyRingError(f"found another mode, expected one of {', '.join(MODES)}")
        for fingerprint in (self.k1_fingerprint, self.k1_next_fingerprint):
            if fingerprint is not None:
                checked_fingerprint(fingerprint)
                if self.mode == HUB_TOKENISED:
                    raise KeyRingError(
                        "a hub that holds K1 computes its fingerprint; give one only with --mode agency-tokenised"
                    )
