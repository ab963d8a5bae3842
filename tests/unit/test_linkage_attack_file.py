"""What an opened token file shows: who shares values, and nothing of those who share none."""

import pyarrow as pa
import pytest
from support.linkage_keys import fixed_ring

from linkage.attack.token_file import batch_table, measure_file
from linkage.batch import SCHEMA
from linkage.rules import HANDLES, ROUND
from linkage.tokens import encode


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    return fixed_ring(tmp_path_factory.mktemp("ring") / "keys")


def batch(ring, *people):
    columns = ("given", "surname", "birth_date", "sex")
    rows = {name: [person[at] for person in people] for at, name in enumerate(columns)}
    keys = pa.array([bytes([number]) * 16 for number in range(len(people))], SCHEMA.field("record_key").type)
    return encode(pa.table({"record_key": keys, **rows}), "school", ring)


ANA, BEN, CLEO = (
    ("Ana", "Ruiz", "2015-02-03", "F"),
    ("Benjamin", "Stone", "2016-07-08", "M"),
    ("Cleopatra", "Ito", "2014-11-30", "F"),
)


@pytest.mark.parametrize(
    ("people", "singled_out", "crowd"),
    [
        ((ANA, BEN, CLEO), 0.0, 3),  # nobody shares anything: all look alike
        ((ANA, BEN, CLEO, ANA), 0.0, 2),  # two look alike, and so do the other two
        ((ANA, ("Eva", "Ruiz", "2015-02-03", "F"), BEN, CLEO), 0.0, 2),  # of one birth: either may be Ana
        ((ANA, ANA, ("Eva", "Ruiz", "2015-02-03", "F"), BEN, CLEO), 0.2, 2),  # Eva shares less than the two Anas do
    ],
)
def test_structure_singles_out_whoever_shares_differently(ring, people, singled_out, crowd):
    shown = measure_file(batch(ring, *people))
    assert (shown.records, shown.singled_out, shown.median_class_size) == (len(people), singled_out, crowd)


def test_every_token_of_the_file_is_measured(ring):
    assert len(batch_table(batch(ring, ANA)).columns) == HANDLES + len(ROUND.features)
