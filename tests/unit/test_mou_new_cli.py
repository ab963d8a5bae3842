"""`mou new` and `mou schema` on the command line, and the header line of a csv file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.mou import write
from typer.testing import CliRunner

from mou_policies.header_line import MAX_BYTES, HeaderError, columns_of
from mou_policies.language import agreement_files
from mou_policies.nodes import parse_yaml
from pipelines.cli import app

RUN = CliRunner()

HEADERS = [
    # first line                                  columns
    (b"id,first_name,dob\nA1,Ann,2010-01-01\n",   ("id", "first_name", "dob")),
    (b"\xef\xbb\xbfid;Group (1);no\r\n1;2;3\r\n", ("id", "Group (1)", "no")),
    (b'"id"\t"a, b"\n',                           None),
    (b"score_2025|rate %|a.b\n",                  ("score_2025", "rate %", "a.b")),
    (b"only\n",                                   ("only",)),
    (b"student\xc3\xa9\n",                        ("student\u00e9",)),
    (b"A1,Ann,2010-01-01\n",                      None),
    (b"123456789,Smith\n",                        None),
    (b"id,a@b.example\n",                         None),
    (b"id,,name\n",                               None),
    (b"id,name,id\n",                             None),
    (b"id,\xff\n",                                None),
    (b"\nid,name\n",                              None),
    (b'"id,name\n',                               None),
    (b"",                                         None),
    (b"a," * MAX_BYTES,                           None),
]  # fmt: skip


@pytest.mark.parametrize(("data", "columns"), HEADERS, ids=[repr(data[:24]) for data, _ in HEADERS])
def test_columns_come_from_the_first_line(tmp_path: Path, data: bytes, columns: tuple[str, ...] | None) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(data)
    if columns is not None:
        assert columns_of(file) == columns
        return
    with pytest.raises(HeaderError) as caught:
        columns_of(file)
    said = str(caught.value)
    assert said.startswith("export.csv: ")
    assert not any(value in said for value in ("Ann", "2010", "123456789", "Smith", "a@b"))
    assert "\n" not in said


def test_no_byte_after_the_first_line_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    os.write(held, b"id,name\nA1,Ann\n")
    assert columns_of(pipe) == ("id", "name")
    assert os.read(held, 100) == b"A1,Ann\n"
    os.close(held)


def test_an_absent_file_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(HeaderError, match=r"none\.csv: cannot be read"):
        columns_of(tmp_path / "none.csv")


def test_a_draft_names_the_schema_that_lies_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "agreements"
    folder.mkdir()
    file = folder / "school.yaml"
    wrote = RUN.invoke(app, ["mou", "schema", "--out", str(folder / "agreement.schema.json")])
    made = RUN.invoke(app, ["mou", "new", "--kind", "dsa", "--standard", "oneroster-1.1", "--out", str(file)])
    assert (wrote.exit_code, made.exit_code) == (0, 0), made.output
    assert file.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=agreement.schema.json\n")
    assert agreement_files(folder) == [file]
    again = RUN.invoke(app, ["mou", "new", "--kind", "emou", "--out", str(file)])
    assert again.exit_code != 0
    assert file.read_text(encoding="utf-8").count("kind: dsa") == 1


def test_without_out_the_text_is_printed() -> None:
    assert parse_yaml(Path("draft.yaml"), RUN.invoke(app, ["mou", "new", "--kind", "emou"]).output)
    assert json.loads(RUN.invoke(app, ["mou", "schema"]).output)["title"] == "Agreement"


def test_columns_of_a_csv_file_are_listed_denied(tmp_path: Path) -> None:
    export = write(tmp_path, "id,First Name,no\nA1,Ann,x\n", "visits.csv")
    asked = ["mou", "new", "--kind", "dsa", "--standard", "csv", "--agency", "clinic", "--columns", str(export)]
    out = RUN.invoke(app, asked).output
    table = parse_yaml(Path("draft.yaml"), out).plain_value()["sources"]["clinic"]["tables"]["todo_table"]
    assert list(table["fields"]) == ["id", "First Name", "no"]
    assert {(f["class"], f["use"]) for f in table["fields"].values()} == {("text.free", "none")}
    assert "Ann" not in out


@pytest.mark.parametrize("asked", [["--kind", "dsa"], ["--kind", "law"], ["--kind", "emou", "--columns", "none.csv"]])
def test_wrong_use_is_refused(asked: list[str]) -> None:
    assert RUN.invoke(app, ["mou", "new", *asked]).exit_code != 0
