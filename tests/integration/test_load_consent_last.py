"""An agency hears the same of its delivery whether a family opted a child out or not: nights in two worlds.

Delivered again and again by somebody who looks for child 7: repeated rows, rows that cannot be used, events about
records that are gone, files that lack just so many records.
"""

from __future__ import annotations

from dataclasses import asdict

import pytest
from support.load_cases import NIGHT_1, NIGHT_2, NIGHT_3, City, csv, people_source

from assets.extracts import report
from assets.extracts.load import load_source

HEAD, VISITS = "id,first,last,dob,sealed", "visit,id,kind,on"
KNOWN = [f"{n},Ana{n},Ruiz,2019-02-03,N" for n in range(1, 31)]
SEVEN = KNOWN[6]
DEPENDS = {"loaded", "new", "changed", "unchanged", "withdrawn", "absent", "dropped_by_consent"}


def told(city, on, opted_out):
    """What may reach the agency of a night: refusals, reasons with rows, checks, counts of its own delivery."""
    out = {"clinic": city.keys_of("clinic", "7")} if opted_out else {"clinic": city.keys_of("clinic")}
    loaded = load_source(city.night(on, optouts=out.__getitem__), "clinic")
    book = city.paths.nights
    return (
        (loaded.status, loaded.refusal, loaded.remedy),
        report.quarantine_reasons(book, on),
        report.policy_drops(book, on),
        report.unparsed_values(book, on),
        [
            (check.name, check.passed, dict(check.counts))
            for check in loaded.checks
            if check.name != "stored_state_sound"
        ],
        [{k: v for k, v in asdict(one).items() if k not in DEPENDS} for one in report.file_sums(book, on)],
    )


def deliver(city, on, people=(), visits=()):
    files = {"people.csv": csv(HEAD, *people)} if people else {}
    files |= {"visits.csv": csv(VISITS, *visits)} if visits else {}
    city.deliver("clinic", on, files)


PROBES = {
    "one row": [([SEVEN], [])],
    "the row again and again": [([SEVEN], []), ([SEVEN], ["v0,7,flu,2019-02-13"])],
    "the row twice in a file": [([SEVEN, SEVEN], ["v1,7,flu,2019-02-13", "v1,7,flu,2019-02-13"])],
    "a row that cannot be used": [([SEVEN], ["v1,7,flu,13.2.2019", "v2,7,flu,"])],
    "a date that cannot be read": [(["7,Ana7,Ruiz,31 June,N"], [])],
    "a short row": [(["7,Ana7,Ruiz"], [])],
    "nine others and the row": [(KNOWN[:9], [f"v{n},{n},flu,2019-02-13" for n in range(1, 10)])],
    "exactly as many bad rows as are borne": [(KNOWN[:20] + KNOWN[2:7], [])],
    "an event alone": [([], ["v3,7,flu,2019-02-13"])],
}


@pytest.mark.parametrize("mode", ["delta", "full"])
@pytest.mark.parametrize("probe", PROBES)
def test_what_a_probe_hears_is_the_same_in_both_worlds(tmp_path, probe, mode):
    heard = []
    for opted_out in (False, True):
        city = City(tmp_path / str(opted_out), people_source(delivery=mode))
        deliver(city, NIGHT_1, KNOWN)
        load_source(city.night(), "clinic")  # before anybody decided anything
        nights = [told(city, NIGHT_1, opted_out)]
        for on, (people, visits) in zip((NIGHT_2, NIGHT_3), PROBES[probe], strict=False):
            deliver(city, on, people, visits)
            nights.append(told(city, on, opted_out))
        heard.append(nights)
    assert heard[0] == heard[1]
