"""Token files: a file that opens and is not what the hub expects is refused before any of it is used."""

from datetime import date

import pyarrow as pa
import pytest

from linkage import token_file
from linkage.agency_keys import AgencyRing, new_k1
from linkage.keys import AGENCY_TOKENISED, KeyRing
from linkage.rules import layout
from linkage.token_file import Section, TokenFileError, open_token_file, tokens_of, write_token_file

CITY, NIGHT = "0123456789abcdef", date(2026, 9, 1)
SECTIONS = [Section("opens", {"mode": "full"}), Section("rows", {}, {"names": pa.table({"a": [1, 2]})})]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder of a hub's ring, and of one agency's K1 and kit."""
    folder = tmp_path_factory.mktemp("place")
    k1 = new_k1(folder / "k1.key", CITY)
    KeyRing.create(folder / "keys", AGENCY_TOKENISED, CITY, k1).export_kit(folder / "kit", ["record.school"], layout())
    return folder


@pytest.fixture
def hub(place):
    return KeyRing.load(place / "keys")


@pytest.fixture
def agency(place):
    return AgencyRing.load(place / "k1.key", place / "kit")


def written(agency, path, source="school", agreement="a" * 64):
    write_token_file(path, agency, source, agreement, NIGHT, SECTIONS)
    return path


def test_what_an_agency_writes_the_hub_reads(hub, agency, tmp_path):
    about, sections = open_token_file(written(agency, tmp_path / "school.tokens"), hub, "school", "a" * 64)
    assert (about.source, about.night, about.k1) == ("school", NIGHT, agency.k1_fingerprint)
    assert [(one.kind, dict(one.facts), dict(one.tables)) for one in sections] == [
        (one.kind, dict(one.facts), dict(one.tables)) for one in SECTIONS
    ]


EXPECTED = {  # what the hub expects instead -> what it says
    "another source": (("birth", "a" * 64), r"tokens of another source, expected birth; name it"),
    "another agreement": (("school", "b" * 64), r"another version of the agreement .*; give the agency"),
}


@pytest.mark.parametrize("case", EXPECTED)
def test_a_file_of_something_else_is_refused(hub, agency, tmp_path, case):
    (source, agreement), said = EXPECTED[case]
    with pytest.raises(TokenFileError, match=said):
        open_token_file(written(agency, tmp_path / "school.tokens"), hub, source, agreement)


VERSIONS = {"layout": (lambda: "f" * 16, "tokens of another layout"), "VERSION": (2, "content of another version")}


@pytest.mark.parametrize("name", VERSIONS)
def test_a_file_of_another_version_is_refused_by_hub_and_agency(hub, agency, tmp_path, monkeypatch, name):
    path, (other, said) = written(agency, tmp_path / "school.tokens"), VERSIONS[name]
    monkeypatch.setattr(token_file, name, other)
    with pytest.raises(TokenFileError, match=rf"{said}, expected .*; use the same version of Cradlepath"):
        open_token_file(path, hub, "school", "a" * 64)
    if name == "layout":
        with pytest.raises(TokenFileError, match="the kit is for tokens of layout"):
            written(agency, tmp_path / "again.tokens")
        assert not (tmp_path / "again.tokens").exists()


TABLES = {
    "no table": Section("tokens", {"unlinkable": 0}),
    "other columns": Section("tokens", {"unlinkable": 0}, {"tokens": pa.table({"a": [1]})}),
    "a gap": Section(
        "tokens",
        {"unlinkable": 0},
        {"tokens": pa.table([pa.nulls(1, one.type) for one in token_file.SCHEMA], schema=token_file.SCHEMA)},
    ),
    "no count": Section("tokens", {}, {"tokens": token_file.SCHEMA.empty_table()}),
}


@pytest.mark.parametrize("case", TABLES)
def test_tokens_of_another_shape_are_refused(tmp_path, case):
    with pytest.raises(TokenFileError, match="not as this version writes it"):
        tokens_of(tmp_path / "school.tokens", TABLES[case])
