"""What may not be in one row: measures, models and breakdowns under prohibitions that name what stands beside."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hub import table_of
from support.licences import DSA, DUL, EMOU
from support.licensed import night_of, outcomes_of, withheld

from assets.spine.declared import DeclarationError, SqlFile, parse_sql_file
from assets.spine.exposure import Columns
from assets.spine.shown import shown


def prohibiting(text: str, what: str) -> str:
    """Add a prohibition on joined rows to an agreement."""
    return f'{text}prohibits:\n  - {{use: [publish], {what}, because: "Not together", cite: "A statute"}}\n'


WITHHELD = {"preterm": {"withheld"}}
LEFT_OUT = {f"without the breakdown by {name}" for name in ("economic_status", "race_ethnicity", "sex")}

JOINT = [
    # may not be in one row                               in      what becomes of low_birthweight and preterm
    ("class: [birth.gestation], with: [birth.date]",      "EMOU", WITHHELD),
    ("class: [birth.gestation], with: [birth.date]",      "DSA",  WITHHELD),
    ("class: [birth.gestation], with: [birth.date]",      "DUL",  WITHHELD),
    ('fields: ["birth.births.weeks"], with: [birth.*]',   "EMOU", WITHHELD),
    ("class: [birth.weight], with: [sex]",                "EMOU", {"low_birthweight": LEFT_OUT}),
    ("class: [birth.weight], with: [birth.gestation]",    "EMOU", {}),
    ('fields: ["school.*.*"], with: [birth.date]',        "EMOU", {}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "where", "expected"), JOINT)
def test_a_joint_prohibition_denies_the_measure_with_its_clause(
    tmp_path: Path, what: str, where: str, expected: dict[str, set[str]]
) -> None:
    texts = {"EMOU": EMOU, "DSA": DSA, "DUL": DUL}
    night = night_of(tmp_path, *(prohibiting(t, what) if key == where else t for key, t in texts.items()))
    outcomes_of(night)
    found: dict[str, set[str]] = {}
    name = texts[where].split()[1]
    for measure, effect, _, reason, clause in withheld(night):
        found.setdefault(str(measure), set()).add(str(effect))
        assert str(reason).startswith("not in one row with ")
        assert str(reason).endswith(": Not together")
        assert str(clause).startswith(f"{name}.yaml:")
        assert str(clause).endswith(f" {name} prohibits[1]")
    assert found == expected


def test_a_breakdown_that_may_not_be_beside_a_measure_is_left_out_of_it_alone(tmp_path: Path) -> None:
    night = night_of(tmp_path, prohibiting(EMOU, "class: [birth.weight], with: [sex]"), DSA, DUL)
    outcomes_of(night)
    assert table_of(night.paths.outcomes, "select measure, count(*) from measure where sex <> 'All' group by all") == [
        ("preterm", 4)
    ]
    assert table_of(
        night.paths.outcomes,
        "select distinct shown_in from column_lineage where name = 'low_birthweight' and shown_in is not null",
    ) == [("measure.period",)]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, SqlFile]:
    """A model over sex, a model over it, and a measure over that and birth weight."""
    texts = {
        "one": "-- model: one\n-- may read: birth.births.sex\n-- shows: sex = birth.births.sex\nselect 1",
        "two": "-- model: two\n-- uses: one\n-- shows: sex = one.sex; other = words\nselect 1",
        "three": "-- measure: three\n-- uses: two\n-- reads: birth.births.birth_weight_g\n"
        "-- may read: birth.births.gestation_weeks\n-- shows: a = two.sex; b = two.other; c = two.none\nselect 1",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.sql").write_text(text, encoding="utf-8")
    return {name: parse_sql_file(tmp_path / f"{name}.sql") for name in texts}


THROUGH = [
    # may not be in one row                        denied to the measure, and whether it can do without
    ("class: [birth.gestation], with: [sex]",      [("gestation_weeks", False)]),
    ("class: [birth.weight], with: [sex]",         [("birth_weight_g", True)]),
    ("class: [sex], with: [birth.weight]",         [("sex", True)]),
    ("class: [sex], with: [birth.date]",           []),
    ("class: [sex, birth.weight], with: [birth.gestation]", [("birth_weight_g", True), ("sex", True)]),
]  # fmt: skip


@pytest.mark.parametrize(("what", "expected"), THROUGH)
def test_what_the_models_behind_a_measure_read_is_in_its_rows(
    tmp_path: Path, files: dict[str, SqlFile], what: str, expected: list[tuple[str, bool]]
) -> None:
    night = night_of(tmp_path, prohibiting(EMOU, what), DSA, DUL)
    columns = Columns(night.policy, {"birth__births": ["sex", "birth_weight_g", "gestation_weeks"]}, files)
    assert [(item.ref.column, item.needed) for item in columns.denied(files["three"])] == expected


def test_what_a_result_shows_is_followed_through_the_models(tmp_path: Path, files: dict[str, SqlFile]) -> None:
    night = night_of(tmp_path)
    columns = Columns(night.policy, {"birth__births": ["sex", "birth_weight_g"]}, files)
    assert {str(ref) for ref in shown(files["three"], "a", columns)} == {"birth.births.sex"}
    assert shown(files["three"], "b", columns) == frozenset()
    with pytest.raises(DeclarationError, match=r"two\.sql: header does not say what `none` shows"):
        shown(files["three"], "c", columns)
    nothing = Columns(night.policy, {}, files)
    assert shown(files["three"], "a", nothing) == frozenset()


@pytest.mark.parametrize(
    ("shows", "message"),
    [
        ("a = birth.births.sex", "shows birth.births.sex, which it does not read"),
        ("a = child.sex", "shows `child.sex`, which is no column of a model it uses"),
        ("a", "`a` is not `column = where its values come from`"),
        ("a = ", "is not `column = where its values come from`"),
    ],
)
def test_a_header_that_shows_what_it_does_not_declare_is_an_error(tmp_path: Path, shows: str, message: str) -> None:
    path = tmp_path / "x.sql"
    path.write_text(f"-- measure: x\n-- reads: birth.births.zip3\n-- shows: {shows}\nselect 1", encoding="utf-8")
    with pytest.raises(DeclarationError, match=message.replace(".", r"\.")):
        parse_sql_file(path)
