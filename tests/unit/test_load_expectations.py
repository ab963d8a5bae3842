import json
import re

import pyarrow as pa
import pytest
from support.load_cases import field, table

from assets.extracts import expectations
from assets.extracts.expectations import expect, rule_of
from mou_policies.model import Treatment

MARKER = "Marisol-1987"


def rows(**columns):
    count = len(next(iter(columns.values())))
    keys = pa.array([n.to_bytes(16, "little") for n in range(count)], pa.binary(16))
    return pa.table({"record_key": keys, "row_key": keys, "digest": keys, **columns})


def visits(*fields):
    return table("visits", ["visit"], "id", *fields)


SEX = field("sex", "sex", "keep", use="content")
AGE = field("on", "date.event", "date.age_days", name="age_days")
YEAR = field("year", "period.school_year", "keep")


def failed(outcomes):
    return [(o.column, o.expectation, o.unexpected) for o in outcomes if not o.passed]


def test_rows_as_they_should_be_pass():
    good = rows(sex=["F", "M", None], age_days=pa.array([1, -200, 400], pa.int32()), year=["2025-26"] * 3)
    outcomes = expect("csv", visits(SEX, AGE, YEAR), good, 0.2)
    assert failed(outcomes) == []
    assert [(o.expectation, o.column) for o in outcomes] == [
        ("granted columns", "*"),
        ("not null", "row_key"),
        ("unique", "row_key"),
        ("code list", "sex"),
        ("range", "age_days"),
        ("pattern", "year"),
    ]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"sex": ["F", MARKER, MARKER]}, ("sex", "code list", 2)),
        ({"age_days": pa.array([1, 99_999, -9_999], pa.int32())}, ("age_days", "range", 2)),
        ({"year": ["2025-26", MARKER, "2025/26"]}, ("year", "pattern", 2)),
    ],
)
def test_values_beyond_the_share_fail_with_counts_and_no_value(columns, expected):
    wrong = {"sex": ["F"] * 3, "age_days": pa.array([1] * 3, pa.int32()), "year": ["2025-26"] * 3, **columns}
    outcomes = expect("csv", visits(SEX, AGE, YEAR), rows(**wrong), 0.2)
    assert failed(outcomes) == [expected]
    assert MARKER not in json.dumps([o.__dict__ for o in outcomes])


def test_within_the_share_differing_values_are_counted_and_pass():
    mixed = rows(sex=["F"] * 9 + [MARKER], age_days=pa.array([1] * 10, pa.int32()), year=["2025-26"] * 10)
    outcomes = expect("csv", visits(SEX, AGE, YEAR), mixed, 0.2)
    assert failed(outcomes) == []
    assert [o.unexpected for o in outcomes if o.column == "sex"] == [1]


def test_a_column_that_was_not_granted_or_is_not_there_fails():
    for columns in ({"sex": ["F"], "extra": [MARKER]}, {"other": ["F"]}):
        outcomes = expect("csv", visits(SEX), rows(**columns), 0.2)
        assert ("*", "granted columns", 0) in failed(outcomes)
        assert MARKER not in repr(outcomes)


def test_repeated_keys_beyond_the_share_fail():
    repeated = pa.concat_tables([rows(sex=["F"] * 3)] * 2)
    assert failed(expect("csv", visits(SEX), repeated, 0.2)) == [("row_key", "unique", 6)]


def test_no_rows_pass():
    empty = rows(sex=["F"]).slice(0, 0)
    assert failed(expect("csv", visits(SEX), empty, 0.2)) == []


def test_great_expectations_says_nothing_on_its_own(caplog, capfd):
    expect("csv", visits(SEX), rows(sex=[MARKER] * 5), 0.2)
    out, err = capfd.readouterr()
    assert MARKER not in out + err + caplog.text


def test_rules_are_taken_by_field_then_class_then_date_unit():
    cvx = field("vaccineCode.cvx", "health.immunization", "keep", name="cvx")
    assert rule_of("fhir-bulk-r4", "Immunization", cvx)["pattern"] == r"^\d{2,3}$"
    assert rule_of("csv", "Immunization", cvx) is None
    assert "M" in rule_of("csv", "any", SEX)["values"]
    assert rule_of("csv", "any", AGE)["most"] > 30_000


def test_rules_do_not_judge_what_a_treatment_has_already_made():
    recoded = field("sex", "sex", "keep", use="content").__class__(
        **{**SEX.__dict__, "treatment": Treatment("recode", recode=(("1", "M"),))}
    )
    assert rule_of("csv", "any", recoded) is None


def test_every_rule_can_be_used():
    from assets.extracts.expectations import _rules

    every = [rule for group in ("dates", "classes") for rule in _rules()[group].values()]
    every += [rule for fields in _rules()["standards"].values() for rule in fields.values()]
    for rule in every:
        assert len({"values", "pattern", "least"} & set(rule)) == 1
        if "pattern" in rule:
            re.compile(rule["pattern"])


def test_a_module_is_unseen_for_a_while_and_then_there_again() -> None:
    with expectations._unseen("tabnanny"), pytest.raises(ImportError):
        import tabnanny
    import tabnanny

    assert tabnanny.check
