"""The lists of `domain.yaml` are those of the SQL files."""

from __future__ import annotations

import re

from assets.outcomes.definitions import measures
from assets.outcomes.domain import listed


def test_every_reason_for_leaving_a_child_out_is_listed():
    said = {}
    for definition in measures():
        text = definition.file.path.read_text(encoding="utf-8")
        cases = re.findall(r"\bcase\b((?:(?!\bcase\b).)*?)end as excluded", text, re.DOTALL)
        cases += re.findall(r"as numerator,\s*case\b((?:(?!\bcase\b).)*?)end\s*from", text, re.DOTALL)
        reasons = [reason for case in cases for reason in re.findall(r"then '([^']+)'", case)]
        if reasons:
            said[definition.key] = reasons
    assert {key: set(reasons) for key, reasons in said.items()} == {
        key: set(reasons) for key, reasons in listed()["excluded"].items()
    }


def test_every_breakdown_of_a_measure_has_its_values():
    kinds = {"school_year.grade", "child_year.age_band"}
    for definition in measures():
        shown = {str(one) for one in definition.file.shows.get("grade_or_age_band", ())}
        if "grade_or_age_band" in definition.by:
            assert len({kind for kind in kinds if any(kind.rpartition(".")[2] in one for one in shown)}) == 1
    assert set(listed()["grades"]) <= {definition.key for definition in measures()}
    assert kinds | {"place", "race_ethnicity", "sex", "economic_status"} == set(listed()["breakdowns"])
