"""The table of docs/model.md is what the model says, and its figures are the code's.

`python tests/spec/test_docs_model.py` writes the table anew after a change of the model.
"""

from __future__ import annotations

import re
from pathlib import Path

import benchmarks.linkage_train as trained
from linkage import drift, evidence, model, training
from linkage.comparisons import comparisons
from linkage.model import load_model
from linkage.model_levels import explained
from linkage.rules import ROUND

PAGE = Path(__file__).resolve().parents[2] / "docs" / "model.md"
BEGIN, END = "<!-- comparisons: begin -->\n", "<!-- comparisons: end -->\n"


def table() -> str:
    """Return the comparisons and levels of this release's model as a table of the page."""
    known = load_model()
    lines = ["| comparison | level | m | u | bits | holds when |", "|---|---|---:|---:|---:|---|"]
    for one in comparisons(ROUND):
        words = explained()[one.name]
        mark = " (fixed)" if "fixed" in words else ""
        for number, level in enumerate(one.levels):
            p = known.probabilities[one.name][level.name]
            name = f"**{one.name}**{mark}" if number == 0 else ""
            says = words["levels"][level.name]["says"]
            lines.append(f"| {name} | {level.name} | {p.m:.3g} | {p.u:.3g} | {p.weight:+.1f} | {says} |")
    return "\n".join(lines) + "\n"


def parts() -> tuple[str, str, str]:
    """Return the page before, in and after the table."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    inside, after = rest.split(END)
    return before + BEGIN, inside, END + after


def test_the_table_is_what_the_model_says() -> None:
    assert parts()[1] == table(), "run python tests/spec/test_docs_model.py"


def figures() -> list[str]:
    """Return the sentences' figures, made of the constants of the code."""
    kept = f"{-evidence.KEEP_BITS:.0f}"
    return [
        f"over {drift.LIMIT}",
        f"at least {drift.LEAST_PAIRS} linked pairs",
        f"fewer than {training.LEAST_PAIRS} pairs of one child",
        f"at most {training.MAX_PAIRS:,} pairs",
        f"counts for {training._STRENGTH:.0f} pairs",
        f"from -{kept} bits up",
        f"{model._RECORDS_A_CHILD} records a child",
        f"less {model._IN_QUESTION_BITS} bits",
        f"at least {model._LEAST_BITS} bits",
        f"{trained.BIRTH_YEARS} birth years",
        f"1 in {trained.ZIP_CODES}",
        f"times {trained.CONCENTRATION:.0f}",
        f"at least {trained.LEAST_RARE:.0%}".replace("%", " %"),
        f"{trained.FLOOR:.5f}",
        *(f"{-bits:g} bits" for bits in trained.TWIN_GUARD.values() if bits),
    ]


def test_the_figures_are_the_codes() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert [figure for figure in figures() if figure not in text] == []


def test_the_model_in_the_page_is_the_one_of_this_release() -> None:
    origin = load_model().trained_on
    children, seed = re.findall(r"\d+", origin)[:2]
    text = PAGE.read_text(encoding="utf-8")
    assert f"`{model.VERSION}`" in text
    assert f"{int(children):,} made-up children, seed {seed}" in " ".join(text.split())


if __name__ == "__main__":
    before, _, after = parts()
    PAGE.write_text(before + table() + after, encoding="utf-8")
