"""What raw identifiers become, as one digest: whoever changes it learns that stored tokens no longer meet new ones."""

import hashlib

import pyarrow as pa

from linkage.atoms import READ, build_atoms
from linkage.identifiers import IDENTIFIERS
from linkage.rules import NORMALISATION

RAW = {
    "given": ["José-María", "BabygirlA", "Bill", "Ng'endo", "o'neil", None, "Wendysgirl 2", "X"],
    "middle": ["de Jesús", "Q.", None, "unknown", "J", "", "III", "9"],
    "surname": [
        "de la Cruz-Ruiz",
        "O’Brien Jr.",
        "van der Berg",
        "TEST",
        "Müller",
        "Smith III",
        "St. Clair",
        "McDonald",
    ],
    "birth_date": ["2015-02-03", "02/03/2015", "20150203", "2015-13-40", "1900-01-01", "2012-01-01", None, "3/4/2016"],
    "sex": ["F", "male", "2", "U", "", "f", None, "M"],
    "zip": ["02901", "2901", "02901-1234", "00000", "abc", None, "029011234", "2901.0"],
    "mother_given": ["Peggy", "Liz", None, "UNKNOWN", "Ana", "Bo", "Kate", "Jo"],
    "mother_surname": ["Ruiz", "Smith", None, "Cruz", "Müller", "Lee", "Jones", "Ito"],
    "ssn": ["123-45-6789", "000-12-3456", "666111222", "123456789", "111111111", None, "1234", "9xx"],
    "medicaid_id": ["ab-123 45", "1234", "00000", None, "M12345678", "", "x1y2z", "55555"],
    "birth_order": ["1", "02", "2.0", "0", None, "A", "3", "12"],
    "plurality": ["1", "2", "2", "2", None, "1", "3", "2"],
}
DIGEST = "4e807998e36860c9"


def test_a_changed_normalisation_has_another_number():
    table = pa.table({name: pa.array(values, pa.string()) for name, values in RAW.items()})
    assert set(RAW) <= set(IDENTIFIERS)
    made = {name: values.to_pylist() for name, values in build_atoms(table).items()}
    digest = hashlib.sha256(repr(sorted(made.items())).encode()).hexdigest()[:16]
    assert (NORMALISATION, digest) == (2, DIGEST), (
        "identifiers become something else than before: raise NORMALISATION in linkage/rules.py, so that old and new "
        "tokens are not mixed, and write both numbers here"
    )


def test_the_identifiers_that_are_read_are_those_named():
    class Asked(dict):
        """A table of no rows that remembers which columns it was asked about."""

        num_rows = 0

        @property
        def column_names(self):
            return self

        def __contains__(self, name):
            self[name] = True
            return False

    asked = Asked()
    build_atoms(asked)
    assert set(asked) == READ < set(IDENTIFIERS)
