"""The book of nights: one that an earlier version wrote is taken over, with what it says."""

from __future__ import annotations

from datetime import date

import duckdb

from assets.extracts import report
from assets.extracts.nights import Page, Tokens, open_nights

NIGHT = date(2026, 9, 1)
EARLIER = """
create table policy_drops (
    night date, source varchar, file varchar, table_name varchar, policy varchar, "rows" bigint, cite varchar);
insert into policy_drops values ('2026-08-31', 'clinic', 'a.csv', 'people', 'sealed', 2, 'a statute');
"""


def test_a_book_without_reasons_and_tokens_goes_on(tmp_path):
    book = tmp_path / "nights.duckdb"
    with duckdb.connect(str(book)) as con:
        con.execute(EARLIER)
    page = Page(["b.csv"], policy_drops=[("b.csv", "people", "sealed", 1, "a statute", "flag not readable")])
    page.tokens = Tokens(5, 1)
    with open_nights(book) as nights:
        nights.write(NIGHT, "clinic", "clinic", page)
        nights.write(NIGHT, "clinic", "clinic", page)
    reasons = {d.file: d.reason for on in (date(2026, 8, 31), NIGHT) for d in report.policy_drops(book, on)}
    assert reasons == {"a.csv": "excluded value", "b.csv": "flag not readable"}
    assert report.token_counts(book, NIGHT) == [report.TokenCount("clinic", 5, 1)]
