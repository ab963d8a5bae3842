"""Whatever is wrong with a delivery, no value of it is in a problem, an error, a log or on screen."""

from __future__ import annotations

import json
import logging
import traceback

import pyarrow as pa
import pytest
from pyarrow import parquet
from support.reader_sources import read_all, source, table, zipped

from assets.extracts.delivery import DeliveryError, Limits, open_delivery

PLANTED = "Zq7Wexford"
LIMITS = Limits(max_row_bytes=4096, max_problems=50)
COLUMNS = ["id", "name", "note"]


def csv_of(body: bytes, header: bytes = b"id,name,note\n") -> bytes:
    return header + body


S = PLANTED.encode()
ROW = b"1," + S + b",x\n"
TEXTS = {
    "no header": ROW * 3,
    "another header": b"number,%s,other\n" % S + ROW,
    "header twice": csv_of(ROW, b"id,name,name," + S + b"\n"),
    "short": csv_of(b"1," + S + b"\n"),
    "long": csv_of(b"1,%s,x,%s\n" % (S, S)),
    "cut short": csv_of(ROW + b"1," + S),
    "cut in quotes": csv_of(ROW + b'1,"' + S),
    "stray quote": csv_of(b'1,"%s,x\n2,%s",y\n' % (S, S)),
    "stray quote, wrong width": csv_of(b'1,"%s\n2,%s",y,,\n' % (S, S)),
    "quote without end": csv_of(ROW + b'1,"' + ROW * 2000),
    "row too long": csv_of(b"1," + S * 2000 + b",x\n"),
    "NUL": csv_of(ROW * 40 + b"1,%s\0,x\n" % S),
    "damaged bytes": csv_of("2,Zoë Núñez,x\n".encode() * 5 + b"1,%s\xe9,x\n" % S),
    "damaged bytes in a short row": csv_of("2,Zoë Núñez,x\n".encode() * 5 + b"1,%s\xe9\n" % S),
    "too many problems": csv_of((b"1," + S + b"\n") * 100),
    "UTF-16 without mark": csv_of(ROW).decode().encode("utf-16-le"),
    "empty": b"",
    "only a value": S,
}
PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": PLANTED}]}
JSON = {
    "no JSON": b'{"resourceType":"Patient","name":"%s\n' % S,
    "no JSON after good": json.dumps(PATIENT).encode() + b"\n{%s\n" % S,
    "trailing": json.dumps(PATIENT).encode() + b" %s\n" % S,
    "cut short": json.dumps(PATIENT).encode() + b'\n{"resourceType":"Patient","id":"%s' % S,
    "another type": json.dumps(PATIENT).encode() + b'\n{"resourceType":"%s","id":"1"}\n' % S,
    "another type first": b'{"resourceType":"%s","id":"1"}\n' % S,
    "NUL": b'{"resourceType":"Patient","id":"%s\\u0000"}\n' % S,
    "line too long": json.dumps(PATIENT | {"text": PLANTED * 4000}).encode(),
    "damaged bytes": json.dumps(PATIENT).encode() + '\n{"x":"Zoë Núñez"}\n'.encode() + b'{"id":"%s\xe9"}\n' % S,
    "wrong shapes": b'{"resourceType":"Patient","id":["%s"],"name":"%s","birthDate":{"a":"%s"}}\n' % (S, S, S),
    "reference": b'{"resourceType":"Immunization","id":"1","patient":{"reference":"Patient?identifier=%s"}}\n' % S,
}


def everything(made, paths, capfd, caplog):
    """Read all, and return every word that came out of it besides the rows themselves."""
    said = []
    with caplog.at_level(logging.DEBUG):
        try:
            delivery = open_delivery(made, paths, LIMITS)
            said.append(repr(delivery.files))
            for name in delivery.tables:
                read_all(delivery, name)
            said += [repr(delivery.problems), repr(delivery.rows_read)]
            said += [repr(delivery.unnamed_columns), repr(delivery.absent_columns)]
        except DeliveryError as error:
            assert error.__cause__ is None
            said.append("".join(traceback.format_exception(error)))
    out, err = capfd.readouterr()
    return "\n".join([*said, out, err, caplog.text])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", TEXTS)
def test_delimited(tmp_path, capfd, caplog, name):
    path = tmp_path / "rows.csv"
    path.write_bytes(TEXTS[name])
    said = everything(source("csv", [table("rows", COLUMNS)]), [path], capfd, caplog)
    assert PLANTED not in said
    assert PLANTED.encode("utf-16-le").decode("latin-1") not in said


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", JSON)
def test_json(tmp_path, capfd, caplog, name):
    path = tmp_path / "data.ndjson"
    path.write_bytes(JSON[name])
    tables = [
        table("Patient", ["id", "name.family", "birthDate"], record="id"),
        table("Immunization", ["id", "patient"], record="patient"),
    ]
    assert PLANTED not in everything(source("fhir-bulk-r4", tables), [path], capfd, caplog)


HMIS = {
    "version": {"Export.csv": f"ExportID,CSVVersion,HashStatus\ne,{PLANTED},1\n"},
    "hash status": {"Export.csv": f"ExportID,CSVVersion,HashStatus\ne,2026 v1,{PLANTED}\n"},
    "no header": {"Client.csv": f"p1,{PLANTED}\n"},
    "short row": {"Client.csv": f"PersonalID,FirstName,LastName\np1,{PLANTED}\n"},
    "member name": {f"../{PLANTED}.csv": "x"},
    "inner archive": {f"{PLANTED}.zip": "x"},
}


@pytest.mark.parametrize("name", HMIS)
def test_hmis(tmp_path, capfd, caplog, name):
    good = {
        "Export.csv": "ExportID,CSVVersion,HashStatus\ne,2026 v1,1\n",
        "Client.csv": "PersonalID,FirstName\np,x\n",
    }
    path = zipped(tmp_path / "hmis.zip", good | HMIS[name])
    made = source("hmis-csv-2026", [table("Client", ["PersonalID", "FirstName"], record="PersonalID")])
    assert PLANTED not in everything(made, [path], capfd, caplog)


ROSTER = {
    "version": ({"oneroster.version": PLANTED}, ""),
    "mode": ({"file.users": PLANTED}, ""),
    "property": ({PLANTED: "bulk"}, ""),
    "status": ({}, f"u1,{PLANTED},,student\n"),
    "delta without date": ({"file.users": "delta"}, f"u1,{PLANTED},,student\n"),
    "short row": ({}, f"{PLANTED}\n"),
}


@pytest.mark.parametrize("name", ROSTER)
def test_oneroster(tmp_path, capfd, caplog, name):
    manifest, rows = ROSTER[name]
    lines = {"oneroster.version": "1.1", "file.users": "bulk"} | manifest
    members = {
        "manifest.csv": "propertyName,value\n" + "".join(f"{k},{v}\n" for k, v in lines.items()),
        "users.csv": "sourcedId,status,dateLastModified,role\n" + rows,
    }
    path = zipped(tmp_path / "roster.zip", members)
    made = source("oneroster-1.1", [table("users", ["sourcedId", "role"], record="sourcedId")])
    assert PLANTED not in everything(made, [path], capfd, caplog)


def test_natality(tmp_path, capfd, caplog):
    path = tmp_path / "births.dat"
    good = ("2020" + " " * 996 + PLANTED).ljust(4000)
    made = source("ije-natality", [table("births", ["CERT", "KIDFNAME"], key=["CERT"], record="CERT")])
    for data in (f"{good}\n{PLANTED}\n", f"{good}\n{good[:1500]}", PLANTED, f"{good}\n{good}{PLANTED}\n"):
        path.write_text(data)
        assert PLANTED not in everything(made, [path], capfd, caplog)


def test_parquet(tmp_path, capfd, caplog):
    path = tmp_path / "rows.parquet"
    made = source("parquet", [table("rows", ["id"])])
    tables = [
        pa.table({"id": pa.array([PLANTED.encode() + b"\xff"], pa.binary())}),
        pa.table({PLANTED: [PLANTED]}),
        pa.table({"id": pa.array([[PLANTED]])}),
        pa.table({"id": [PLANTED + "\0"]}),
    ]
    for rows in tables:
        parquet.write_table(rows, path)
        assert PLANTED not in everything(made, [path], capfd, caplog)
    path.write_bytes(path.read_bytes()[:-9])
    assert PLANTED not in everything(made, [path], capfd, caplog)
