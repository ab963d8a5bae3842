"""The identifiers that tokens are made of, and the field class of an agreement that feeds each.

An agreement gives any column of any source one of these classes; that alone decides its part in linking.
Nothing here reads a value.
"""

from typing import Final

LINK_CLASSES: Final[dict[str, str]] = {
    "name.given": "given",
    "name.middle": "middle",
    "name.surname": "surname",
    "name.suffix": "suffix",
    "name.full": "full_name",
    "birth.date": "birth_date",
    "sex": "sex",
    "address.zip": "zip",
    "address.street": "street",
    "name.mother_given": "mother_given",
    "name.mother_surname": "mother_surname",
    "name.mother_maiden": "mother_maiden",
    "id.ssn": "ssn",
    "id.medicaid": "medicaid_id",
    "birth.order": "birth_order",
    "birth.plurality": "plurality",
}
"""Field class of an agreement -> identifier column of the table that `linkage.tokens.encode` takes."""

RECORD_CLASS: Final = "id.record"
"""The link class that names the record instead of describing the child; it becomes the record key."""

IDENTIFIERS: Final[tuple[str, ...]] = tuple(LINK_CLASSES.values())
"""All identifier columns, each an Arrow string column of raw values, any of which may be missing."""
