"""What a grant makes of one made-up value: for people who judge a change by what they would see.

The values are data (`vocabulary/examples.yaml`), the treatments are those that real rows get. Not here: which grants
are compared, and how that is laid out; and no value of any record.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import pyarrow as pa

from mou_policies import vocabulary
from mou_policies.model import FieldPolicy
from mou_policies.nodes import Node
from mou_policies.treatments import apply_treatment
from mou_policies.vocabulary.loading import load

NOT_USED = "not used"
TOKEN = "keyed token, then forgotten"  # noqa: S105 - words, not a secret
RECORD_KEY = "keyed record key"
EMPTY = "(empty)"

_KEY = b"the example key of nobody's agency"
_SHOWN_OF_PSEUDONYM = 5


@lru_cache(maxsize=1)
def examples() -> Mapping[str, str]:
    """Return the made-up value of every field class, by class. Raises AgreementError like `read_examples`."""
    return read_examples(load("examples"))


def read_examples(node: Node) -> Mapping[str, str]:
    """Read the document of examples. Raises AgreementError for an unknown class and for one that has no example."""
    classes = vocabulary.field_classes()
    found = {key.word(classes, "field class"): value.text() for _, key, value in node.entries()}
    missing = [name for name in classes if name not in found]
    if missing:
        raise node.error(f"no example of {', '.join(missing)}", f"add {missing[0]}: a made-up value")
    return found


def example(*grants: FieldPolicy) -> str:
    """Return the made-up value that shows what all grants of one field make of it, as an agency would write it.

    That of the class; where they recode and none lists it, the first code that is listed.
    """
    value = examples()[grants[0].cls]
    codes = [code for grant in grants for code, _ in grant.treatment.recode]
    return codes[0] if codes and value not in codes else value


def shown(grant: FieldPolicy, came: str | None = None) -> dict[str, str]:
    """Return what a grant makes of one value, in words, by output column (two for a school day).

    `came` is the value as an agency would write it; without one, that of `example`. Ages are those of the child of
    `birth.date`; of a pseudonym the first digits are shown.
    """
    if grant.use == "none":
        return {grant.name: NOT_USED}
    if grant.treatment.kind == "record":
        return {grant.name: RECORD_KEY}
    if grant.use == "link":
        return {grant.name: TOKEN}
    values = pa.array([example(grant) if came is None else came], pa.string())
    birth = pa.array([date.fromisoformat(examples()["birth.date"])], pa.date32())
    columns = apply_treatment(grant, values, birth, _KEY).columns
    return {name: _words(grant, column[0].as_py()) for name, column in columns.items()}


def _words(grant: FieldPolicy, value: str | float | None) -> str:
    if value is None:
        return EMPTY
    if grant.treatment.kind == "pseudonymise":
        return f"{str(value)[:_SHOWN_OF_PSEUDONYM]}…"
    return f"{value:.15g}" if isinstance(value, float) else str(value)
