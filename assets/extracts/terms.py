"""The terms under which a delivery is read: whose it is, what its agreement grants, and the keys at hand.

The same at the hub and at an agency. Where anything is stored, and who opted out, is the hub's and not here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pyarrow as pa

from linkage.agency_keys import Derives
from linkage.keys import KeyRing
from linkage.records import record_keys
from mou_policies.model import SourcePolicy
from mou_policies.policy import Policy


@dataclass(frozen=True)
class Terms:
    """One source, the policy in force, and whatever derives keys: the hub's ring or an agency's."""

    source: SourcePolicy
    policy: Policy
    keys: Derives = field(repr=False)

    def record_keys(self, ids: pa.Array, namespace: str) -> pa.Array:
        """Return the record keys (fixed_size_binary(16)) of raw ids in a namespace; null stays null."""
        return record_keys(ids, namespace, cast("KeyRing", self.keys))  # it only ever derives
