"""What becomes of each row, as tables: the row, the rule that takes it, and its one outcome."""

from __future__ import annotations

import pytest
from support.load_cases import NIGHT_1, City, csv, people_source

from assets.extracts import report
from assets.extracts.load import load_source

# row (line 1 is the header) | column told | outcome
PEOPLE = """
1,Ana,Ruiz,2019-02-03,N       |          | loaded
2,Ben,Okafor,2018-11-30,N     |          | loaded
,Cleo,Nowak,2020-01-01,N      | id       | missing key
1,Ana,Ruiz,2019-02-03,N       | id       | duplicate key
3,Dov,Levi,2019-05-05,Y       |          | test.sealed
4,Eve,Low,,N                  |          | loaded
5,Flo,Kim,31 June 2019,N      |          | loaded
6,Gus,Ito,2019-07-07,N        |          | consent
7,Hal,Roe,2019-07-07,y        |          | test.sealed
8,Ida,Fox                     |          | fewer cells than the header
"""
VISITS = """
v1,1,flu,2019-02-13           |          | loaded
v2,2,flu,02/13/2019           |          | loaded
,1,flu,2019-02-13             | visit    | missing key
v3,,flu,2019-02-13            | id       | missing key
v1,1,flu,2019-02-13           | visit    | duplicate key
v4,9,flu,2019-02-13           | on       | person not in this delivery
v5,3,flu,2019-02-13           |          | test.sealed
v6,6,flu,2019-02-13           |          | consent
v7,1,flu,                     | on       | missing a required value
v8,1,flu,13.2.2019            | on       | not a date in the agreed form
v9,4,flu,2019-02-13           |          | loaded
"""


def rows_of(text):
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    city = City(tmp_path_factory.mktemp("outcomes"), people_source(), max_quarantined_share=0.9)
    files = {
        "people.csv": csv("id,first,last,dob,sealed", *(row for row, _, _ in rows_of(PEOPLE))),
        "visits.csv": csv("visit,id,kind,on", *(row for row, _, _ in rows_of(VISITS))),
    }
    city.deliver("clinic", NIGHT_1, files)
    night = city.night(optouts=lambda name: city.keys_of(name, "6"))
    return city, load_source(night, "clinic")


@pytest.mark.parametrize(("table", "text"), [("people", PEOPLE), ("visits", VISITS)])
def test_every_row_has_the_outcome_of_its_rule(loaded, table, text):
    city, outcome = loaded
    rows = rows_of(text)
    [count] = [c for c in outcome.counts if c.table == table]
    names = [result for _, _, result in rows]
    policies = {d.policy: d.rows for d in report.policy_drops(city.paths.nights, NIGHT_1) if d.table == table}
    wanted = {
        (column or None, reason, tuple(n for n, (_, c, r) in enumerate(rows, 2) if (c, r) == (column, reason)))
        for _, column, reason in rows
        if reason not in {"loaded", "consent", "test.sealed"}
    }
    found = {
        (r.column, r.reason, r.first_rows)
        for r in report.quarantine_reasons(city.paths.nights, NIGHT_1)
        if r.table == table
    }
    assert found == wanted
    assert policies == {"test.sealed": names.count("test.sealed")}
    assert (count.read, count.loaded, count.dropped_by_consent) == (
        len(rows),
        names.count("loaded"),
        names.count("consent"),
    )
    assert count.balanced
