"""The tutorial's own example is loaded, signed and enforced; its errors are those the loader gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.mou import NIGHT, sign_all, write

from mou_policies import vocabulary
from mou_policies.fields import DATE_FORMATS
from mou_policies.language import AgreementError, load_agreement
from mou_policies.policy import compile_policy
from mou_policies.sources import OPTIONS

DOC = Path(__file__).resolve().parents[2] / "docs" / "agreements.md"
COLUMNS = """
    record_id first_name middle_initial last_name dob sex zip mother_first mother_last ssn medicaid_id visits
"""


def example() -> str:
    (found,) = re.findall(r"```yaml\n(.*?)```", DOC.read_text(encoding="utf-8"), flags=re.DOTALL)
    return str(found)


def test_the_example_is_in_force_once_signed(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    write(folder, example())
    policy = compile_policy(sign_all(folder), NIGHT)
    assert not policy.refusals
    source = policy.sources["clinic"]
    table = source.tables["visits"]
    assert (source.files, source.date_format) == (("visits_*.csv",), "MM/DD/YYYY")
    assert table.wanted == tuple(COLUMNS.split())
    assert (table.record, table.key) == ("record_id", ("record_id",))
    assert len(table.link_fields) == 10
    assert [f.name for f in table.content_fields] == ["visits"]


def test_the_example_works_for_parquet_as_the_tutorial_says(tmp_path: Path) -> None:
    text = example().replace("standard: csv", "standard: parquet").replace("visits_*.csv", "visits_*.parquet")
    assert load_agreement(write(tmp_path, text)).sources["clinic"].standard == "parquet"


def test_the_example_is_short() -> None:
    assert len(example().splitlines()) <= 35


def test_the_error_shown_is_the_error_given(tmp_path: Path) -> None:
    said = re.search(r"^clinic\.yaml:(\d+):(\d+): (.*)$", DOC.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert said is not None
    text = re.sub(r"(ssn: .*)use: link,    treatment: tokenise,", r"\1use: content, treatment: keep,    ", example())
    with pytest.raises(AgreementError) as caught:
        load_agreement(write(tmp_path, text))
    assert str(caught.value) == said.group(0)


def test_the_reference_lists_every_word() -> None:
    text = DOC.read_text(encoding="utf-8")
    words = [*OPTIONS, *DATE_FORMATS, *vocabulary.uses(), *vocabulary.MARKS]
    words += [name.split(".")[-1] for name in vocabulary.treatments() if name != "drop"]
    assert [word for word in words if word not in text] == []
