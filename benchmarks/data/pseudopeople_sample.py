"""`pseudopeople`: births, a census and WIC of its bundled sample, with its default noise, as three sources.

Births are the Social Security file's creation events since 2011; the census is that of 2030, children born since then
by age; WIC is every person's newest row of 2020 to 2030, of those born since 2011. Runs in an environment of its own,
as a script: `python benchmarks/data/pseudopeople_sample.py FOLDER` writes plain Parquet, `make_sample` maps it to our
identifiers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SEED = 1
FIRST_YEAR, CENSUS, LAST_AGE = 2011, 2030, 18
FORMATS = {"birth": "YYYYMMDD", "census": "MM/DD/YYYY", "wic": "%m%d%Y"}
SEXES = {"Male": "M", "Female": "F"}
COLUMNS = {
    "first_name": "given",
    "middle_name": "middle",
    "middle_initial": "middle",
    "last_name": "surname",
    "date_of_birth": "birth_date",
    "sex": "sex",
    "zipcode": "zip",
    "street": "street",
    "ssn": "ssn",
}


def make_sample(path: Path, raw: Path):
    """Write the data set from what the script left in `raw`."""
    from benchmarks.data.folder import write_folder  # noqa: PLC0415 - not in the other environment

    tables, people = {}, {}
    for source in FORMATS:
        table = pq.read_table(raw / f"{source}.parquet")
        people[source] = table.column("simulant_id").to_pylist()
        columns = {to: table.column(of).cast(pa.string()) for of, to in COLUMNS.items() if of in table.column_names}
        tables[source] = pa.table(columns)
    every = [person for source in FORMATS for person in people[source]]
    child = np.unique(every, return_inverse=True)[1]
    truth = pa.table({"child": child, "twin": np.zeros(len(child), bool)})
    name = "pseudopeople sample, births x census x WIC"
    return write_folder(path, name, tables, truth, ["birth", "wic"], FORMATS)


def births():
    """Return the births."""
    import pseudopeople as made  # noqa: PLC0415

    rows = made.generate_social_security(seed=SEED, year=CENSUS)
    year = rows.event_date.astype(str).str[:4]
    return rows[(rows.event_type == "creation") & year.str.isdigit() & (year >= str(FIRST_YEAR))]


def census():
    """Return the children of the census."""
    import pandas as pd  # noqa: PLC0415
    import pseudopeople as made  # noqa: PLC0415

    rows = made.generate_decennial_census(seed=SEED, year=CENSUS)
    return rows[pd.to_numeric(rows.age, errors="coerce") <= LAST_AGE]


def wic():
    """Return every child's newest row of WIC."""
    import pandas as pd  # noqa: PLC0415
    import pseudopeople as made  # noqa: PLC0415

    years = range(2020, CENSUS + 1)
    rows = pd.concat([made.generate_women_infants_and_children(seed=SEED, year=year) for year in years])
    born = rows.date_of_birth.astype(str).str[-4:]
    return rows[born.str.isdigit() & (born >= str(FIRST_YEAR))].drop_duplicates("simulant_id", keep="last")


def main() -> None:
    """Write the three tables into the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("birth", births()), ("census", census()), ("wic", wic())):
        text = rows.astype(object).where(rows.notna(), None)
        if "street_name" in text.columns:
            text["street"] = [
                " ".join(p for p in pair if p) or None
                for pair in zip(text.street_number, text.street_name, strict=True)
            ]
        if "sex" in text.columns:
            text["sex"] = [SEXES.get(sex, sex) for sex in text["sex"]]
        columns = {c: [None if v is None else str(v) for v in text[c]] for c in ("simulant_id", *COLUMNS) if c in text}
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")


if __name__ == "__main__":
    main()
