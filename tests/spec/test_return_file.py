"""Who is in a return file with which flags, who is not, and that nothing of it is ever plain at the hub."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from sqlalchemy import text
from support.licences import folder_of
from support.mou import edited
from support.returning import AGREEMENTS, CLINIC, DUL, NIGHT, PURPOSE, SHELTER, city, raw, say
from typer.testing import CliRunner

from assets.night import Night
from assets.returns.consented import permitted_by_families
from assets.returns.counts import shown
from assets.returns.licensed import ReturnError
from assets.returns.made import Made, make_return
from assets.returns.request import read_request
from consent.bases import bases
from consent.child_sets import ChildSets
from consent.disclosures import Disclosures, Entry
from consent.errors import RegistryError
from consent.registry import open_registry
from linkage import return_file
from linkage.errors import KeyRingError, SealError
from mou_policies.policy import compile_policy

FERPA = ["date", "party", "purpose", "records", "signature", "who-signs"]
HIPAA = sorted(bases()["hipaa.authorization"].elements)
FULL = {
    "signer": "parent",
    "recipients": ["district"],
    "purposes": [PURPOSE],
    "elements": {"ferpa.consent": FERPA, "hipaa.authorization": HIPAA},
}
CHILDREN = ("ann", "bob", "cam", "dee", "eve", "fay", "gus", "hal", "ida", "zoe")


def forms(night: Night) -> None:
    say(night, "ann.1", **FULL)
    say(night, "bob.1", **{**FULL, "recipients": ["clinic"]})
    say(night, "cam.1", **FULL, sources=["hmis"])
    say(night, "dee.1", **FULL, expires="2026-09")
    say(night, "fay.1", **FULL, expires="2026-10")
    say(night, "fay.2", "refuse", "human_services")
    say(night, "gus.1", **FULL)
    say(night, "hal.1", **FULL, classes=["housing.*"])
    say(night, "ida.1", **{**FULL, "elements": {}})


RETURNED = """
child | no_well_child_visit | homeless_services_contact
ann   | no                  | yes
cam   |                     | yes
fay   | yes                 |
"""


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    made = city(tmp_path_factory.mktemp("city"), protected=["gus"])
    forms(made)
    return made


@pytest.fixture(scope="module")
def agency(night: Night, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agency's machine, with its key pair."""
    folder = tmp_path_factory.mktemp("agency")
    return_file.new_key(folder / "return.pem", night.keys.city, "district")
    return folder


def request(*children: str) -> bytes:
    return ("record_id\n" + "".join(f"{raw('school', child)}\n" for child in children)).encode()


def make(night: Night, agency: Path, out: Path, *children: str, to: str = "district") -> Made:
    public = return_file.read_public(agency / "return.pem.pub", night.keys.city, "district")
    asked = read_request("request.csv", request(*(children or CHILDREN)), to, night.policy, night.keys)
    return make_return(night, to, asked, permitted_by_families, public, out, actor="operator")


def account(night: Night) -> list[Entry]:
    book = Disclosures(open_registry(night.paths.registry_url), ChildSets(night.keys.derive))
    return [entry for entry in book.between() if entry.act.kind == "return"]


def test_who_gets_which_flag(night: Night, agency: Path, tmp_path: Path):
    made = make(night, agency, tmp_path / "back.sealed")
    header, content = return_file.open_file(tmp_path / "back.sealed", agency / "return.pem")
    lines = [[cell.strip() for cell in line.split("|")] for line in RETURNED.strip().splitlines()]
    expected = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    found = list(csv.DictReader(io.StringIO(content.decode())))
    assert [row["record_id"] for row in found] == [raw("school", row["child"]) for row in expected]
    assert [{name: row[name] for name in lines[0][1:]} for row in found] == [
        {name: row[name] for name in lines[0][1:]} for row in expected
    ]
    assert (header["agency"], header["licence"], header["act"]) == ("district", "return-2026", made.act)
    assert made.records == {"returned": 3, "protected": 1, "no child": 1, "not permitted": 5}
    assert "attendance" in made.withheld["chronically_absent"]


def test_it_is_accounted_for_and_the_same_again_is_the_same_act(night: Night, agency: Path, tmp_path: Path):
    made = [make(night, agency, tmp_path / name) for name in ("one", "two")]
    assert made[0].act == made[1].act
    rows = account(night)
    assert {entry.act.id for entry in rows} == {made[0].act}
    assert [(e.row.source, e.row.exception, e.row.classes, e.children) for e in rows] == [
        ("health", "hipaa.authorization", ("birth.date", "health.visit", "status.record"), 2),
        ("hmis", "hmis.privacy-notice", ("date.event",), 2),
    ]
    assert {(e.row.recipient, e.row.purpose, e.row.form, e.actor) for e in rows} == {
        ("Schools", PURPOSE, "identifiable", "operator")
    }


def test_nothing_is_plain_at_the_hub(night: Night, agency: Path, tmp_path: Path):
    make(night, agency, tmp_path / "back.sealed")
    root = night.paths.root.parent
    held = [path for path in (*root.rglob("*"), *tmp_path.rglob("*")) if path.is_file()]
    assert len(held) > 10
    assert [path.name for path in held if b"RAW-" in path.read_bytes() or b"-7f3a" in path.read_bytes()] == []


def test_where_the_account_cannot_be_written_no_file_is(night: Night, agency: Path, tmp_path: Path):
    nowhere = replace(night.paths, registry_url=f"sqlite:///{tmp_path / 'no' / 'registry.sqlite'}")
    public = return_file.read_public(agency / "return.pem.pub", night.keys.city, "district")
    asked = read_request("request.csv", request("ann"), "district", night.policy, night.keys)
    everything = pa.Table.from_pylist(
        [{"child_id": row["child_id"], "asked": n} for row in night.record_child().to_pylist() for n in range(4)],
        schema=pa.schema([("child_id", pa.string()), ("asked", pa.int32())]),
    )

    def nobody_refuses(con: duckdb.DuckDBPyConnection, *_: object) -> pa.Table:
        con.execute("create temp table refused_source (child_id varchar, source varchar, scope varchar)")
        return everything

    with pytest.raises(RegistryError, match="it cannot be opened"):
        make_return(
            replace(night, paths=nowhere),
            "district",
            asked,
            nobody_refuses,
            public,
            tmp_path / "back.sealed",
            actor="operator",
        )
    assert list(tmp_path.iterdir()) == []


# -- what is refused -----------------------------------------------------------------------------------------------

KEPT = edited("{allowed: true,", "{allowed: false,", SHELTER)
ALL_KEPT = (AGREEMENTS[0], AGREEMENTS[1], edited("{allowed: true,", "{allowed: false,", CLINIC), KEPT, DUL)
TO_CLINIC = edited("recipient: {agency: district", "recipient: {agency: clinic", DUL)
NARROW = edited('    Encounter: {status: "Finished visits", code: "Well-child visits"}\n', "", DUL)

POLICIES = {
    "no licence": (AGREEMENTS[:4], "found none in force for the release return-district, expected one licence"),
    "a licence for another release": ((*AGREEMENTS[:4], edited("name: return-district", "name: x", DUL)), "found none"),
    "another recipient": ((*AGREEMENTS[:4], TO_CLINIC), "its recipient is not district"),
    "aggregate": ((*AGREEMENTS[:4], edited("level: records", "level: aggregate", DUL)), "not at the level of records"),
    "no owner lets it be passed on": (ALL_KEPT, "no flag may be told: .*shelter-2025 does not let the hub pass"),
}


@pytest.mark.parametrize("name", POLICIES)
def test_no_return_without_its_agreements(night: Night, agency: Path, tmp_path: Path, name: str):
    texts, says = POLICIES[name]

    policy = compile_policy(folder_of(tmp_path / "agreements", *texts), NIGHT)
    with pytest.raises(ReturnError, match=says):
        make(replace(night, policy=policy), agency, tmp_path / "back.sealed")
    assert not (tmp_path / "back.sealed").exists()


def test_a_flag_that_one_owner_or_the_licence_does_not_let_through_is_withheld_alone(
    night: Night, agency: Path, tmp_path: Path
):

    for number, (texts, told) in enumerate(
        [
            ((*AGREEMENTS[:3], KEPT, DUL), ("no_well_child_visit",)),
            ((*AGREEMENTS[:4], NARROW), ("homeless_services_contact",)),
        ]
    ):
        policy = compile_policy(folder_of(tmp_path / str(number) / "agreements", *texts), NIGHT)
        made = make(replace(night, policy=policy), agency, tmp_path / f"{number}.sealed")
        assert made.flags == told


REQUESTS = {
    "no ids": ("record_id\n", "lines without a record id"),
    "other columns": ("record_id,name\nx,y\n", "found 2 columns"),
    "another agency's source": ("record_id,source\nx,school\ny,hmis\n", "1 lines name a source that is not this"),
    "no text": ("record_id\n\udcff\n", "cannot be read"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_is_none(night: Night, name: str):
    said, says = REQUESTS[name]
    content = said.encode(errors="surrogateescape")
    with pytest.raises(ReturnError, match=says):
        read_request("request.csv", content, "district", night.policy, night.keys)
    with pytest.raises(ReturnError, match="no agreement in force on records of nobody"):
        read_request("request.csv", content, "nobody", night.policy, night.keys)


def test_nobody_to_tell_of(night: Night, agency: Path, tmp_path: Path):
    with pytest.raises(ReturnError, match="nothing to return: of 2 records none has a child whose family permits"):
        make(night, agency, tmp_path / "back.sealed", "eve", "zoe")
    with open_registry(night.paths.registry_url).connect() as connection:
        last = connection.execute(text("select kind, actor, subject from audit_event order by sequence desc")).first()
    assert last == ("refusal", "operator", "return-district 2026-10-15")


COUNTS = {
    # returned, no child, protected, not permitted -> shown
    (40, 12, 0, 30): ("40", "not shown", "<10", "30"),
    (40, 12, 3, 4): ("40", "12", "<10", "<10"),
    (40, 12, 10, 30): ("40", "12", "10", "30"),
    (0, 1, 2, 3): ("0", "<10", "<10", "<10"),
}


@pytest.mark.parametrize("counts", COUNTS)
def test_no_small_count_is_shown_and_none_follows(counts: tuple[int, ...]):
    names = ("returned", "no child", "protected", "not permitted")
    found = shown(dict(zip(names, counts, strict=True)))
    assert tuple(found[name] for name in names) == COUNTS[counts]


# -- the file ------------------------------------------------------------------------------------------------------


def test_only_the_agency_s_key_opens_it_and_only_whole(night: Night, agency: Path, tmp_path: Path):
    make(night, agency, tmp_path / "back.sealed")
    return_file.new_key(tmp_path / "other.pem", night.keys.city, "district")
    sealed = (tmp_path / "back.sealed").read_bytes()
    with pytest.raises(SealError, match="does not open with this key"):
        return_file.open_file(tmp_path / "back.sealed", tmp_path / "other.pem")
    for at in (20, 40, len(sealed) // 2, len(sealed) - 1):
        (tmp_path / "spoilt").write_bytes(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        with pytest.raises(SealError):
            return_file.open_file(tmp_path / "spoilt", agency / "return.pem")
    (tmp_path / "spoilt").write_bytes(sealed[:-1])
    with pytest.raises(SealError):
        return_file.open_file(tmp_path / "spoilt", agency / "return.pem")
    with pytest.raises(SealError, match="the key of district"):
        return_file.read_public(agency / "return.pem.pub", night.keys.city, "clinic")
    with pytest.raises(KeyRingError, match="found a file, expected none"):
        return_file.new_key(agency / "return.pem", night.keys.city, "district")


def test_the_commands(night: Night, agency: Path, tmp_path: Path):
    from pipelines.cli import app

    def run(*words: str, given: bytes | None = None) -> str:
        result = CliRunner().invoke(app, list(words), input=given, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    root = night.paths.root.parent
    (root / "cradlepath.yaml").write_text("city: Small City\nstart: 2026-09-01\nkeys: {path: keys}\n")
    key = ["--agency", "district", "--city", night.keys.city, "--out", str(tmp_path / "key.pem")]
    told = run("return", "new-key", *key)
    words = ["--to", "district", "--records", "-", "--key", str(tmp_path / "key.pem.pub")]
    place = ["--on", NIGHT.isoformat(), "--workspace", str(root)]
    said = run("return", "make", *words, "--out", str(tmp_path / "back.sealed"), *place, given=request(*CHILDREN))
    assert "Withheld: chronically_absent" in said
    assert told.split("Fingerprint ")[1][:16] in said
    assert "RAW-" not in said
    out = tmp_path / "back.csv"
    run("return", "open", str(tmp_path / "back.sealed"), "--key", str(tmp_path / "key.pem"), "--out", str(out))
    assert raw("school", "ann") in out.read_text()
    assert out.stat().st_mode & 0o777 == 0o600
