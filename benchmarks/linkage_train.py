"""Write linkage/data/model_v1.json: u from public name tables, m counted on a made-up city.

    .venv/bin/python benchmarks/linkage_train.py            # 6,000 children of
    tests/support/linkage_city.py, seed 101

The city it counts m on is not the demo city. Run it again only for a new model version: a released
version never changes, because every weight, link and manifest names it.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jellyfish
import numpy as np
import pyarrow as pa

from linkage.comparisons import comparisons
from linkage.keys import KeyRing
from linkage.model import Model, Probability
from linkage.names import canonical_given, given_frequencies, surname_frequencies
from linkage.records import record_keys
from linkage.rules import ONE_ROUND
from linkage.run import read_records
from linkage.score import predict
from linkage.tokens import encode
from linkage.vault import Vault

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.linkage_city import ONE_RECORD, make_city  # noqa: E402 - a helper of the tests

BIRTH_YEARS, ZIP_CODES = 15, 30  # a city's children from birth to grade 12, and how many ZIP codes it has
CONCENTRATION = 2.0  # a name is about twice as common in one city as in the nation: families and neighbourhoods
SMOOTHING = 2.0  # added to every count: no level is certain
FLOOR = 1e-5  # parents' numbers written for their children: an id agreement is never worth more than this
LEAST_M = {  # how often clerks get it wrong at the least, where a made-up city is too clean to show it
    ("sex", "differs"): 0.005,
    ("middle_initial", "differs"): 0.01,
    ("mother_given_name", "differs"): 0.02,
    ("ssn", "differs"): 0.02,
    ("medicaid_id", "differs"): 0.02,
    ("birth_order", "differs"): 0.02,
}
TWIN_GUARD = {  # the soft veto, in bits; see docs/linkage.md
    "given name and middle initial differ": -17.0,
    "given name differs, same mother": -15.5,
    "given name differs": -8.0,
    "no sign of a twin": 0.0,
}


def agreement(frequencies: dict[str, float], form: Callable[[str], str]) -> float:
    """Chance that two random bearers share `form` of their name."""
    pooled: Counter[str] = Counter()
    for name, share in frequencies.items():
        pooled[form(name)] += share
    total = sum(pooled.values())
    return sum((share / total) ** 2 for share in pooled.values())


def probabilities_u() -> dict[str, dict[str, float]]:
    given, surname = given_frequencies(), surname_frequencies()
    canonical = CONCENTRATION * agreement(given, canonical_given)
    alike = agreement(given, jellyfish.soundex) + agreement(given, lambda name: name[:3])
    part = 3 * CONCENTRATION * agreement(surname, str)  # three slots a record: about three chances to meet
    sound = agreement(surname, jellyfish.soundex)
    initial = agreement(given, lambda name: name[0])
    same_day, days = 1 / (365.25 * BIRTH_YEARS), 30.4
    partly = 1 / (12 * BIRTH_YEARS) + 1 / 365.25 + 1 / (days * BIRTH_YEARS)
    return {
        "birth_date": {"same": same_day, "two of three parts": partly},
        "given_name": {"same or nickname": canonical, "alike": alike},
        "surname": {"a part the same": part, "sounds alike": sound},
        "sex": {"same": 0.5},
        "middle_initial": {"same": initial},
        "zip": {"same": 1 / ZIP_CODES},
        "mother_given_name": {"same": canonical},
        "ssn": {"same": FLOOR},
        "medicaid_id": {"same": FLOOR},
        "birth_order": {"same": 0.5},
    }


def complete(levels: dict[str, float], names: list[str]) -> dict[str, float]:
    return levels | {names[-1]: 1 - sum(levels.values())}


def count_m(children: int, seed: int, u: dict) -> dict[str, dict[str, float]]:
    city = make_city(children, seed)
    with tempfile.TemporaryDirectory() as folder:
        ring = KeyRing.create(Path(folder) / "keys")
        vault = Vault(Path(folder) / "vault.duckdb")
        for source in city.tables:
            vault.upsert(source, encode(city.keyed(source, ring), source, ring))
        records, names = read_records(vault, ONE_RECORD, ONE_ROUND)
        child = truth_of(city, ring, names)
        shapes = [one for one in comparisons(ONE_ROUND) if one.name != "twin_guard"]
        columns = tuple(f"gamma_{one.name}" for one in shapes)
        pairs = predict(records, ONE_ROUND, untrained(u), columns)
    left, right = (pairs.column(f"record_{side}").to_numpy() for side in "lr")
    same = child[left] == child[right]
    m = {}
    for shape in shapes:
        gamma = pairs.column(f"gamma_{shape.name}").to_numpy()[same]
        counts = [SMOOTHING + np.sum(gamma == len(shape.levels) - 1 - n) for n in range(len(shape.levels))]
        m[shape.name] = {lv.name: float(c / sum(counts)) for lv, c in zip(shape.levels, counts, strict=True)}
    return {name: raised(name, levels) for name, levels in m.items()}


def raised(name: str, levels: dict[str, float]) -> dict[str, float]:
    """Raise the level "differs" to its least share, and lower the others in proportion."""
    floor = LEAST_M.get((name, "differs"), 0.0)
    if name == "birth_order":  # too few twins in a city of any size to count
        return {"same": 1 - floor, "differs": floor}
    least = max(levels["differs"], floor)
    scale = (1 - least) / (1 - levels["differs"])
    return {level: share * scale for level, share in levels.items()} | {"differs": least}


def truth_of(city, ring, names) -> np.ndarray:
    of = {}
    for source in city.tables:
        ids = [(record_id, child) for s, record_id, child, _ in city.truth if s == source]
        keys = record_keys(pa.array([record_id for record_id, _ in ids]), source, ring).to_pylist()
        of |= {(source, key): child for key, (_, child) in zip(keys, ids, strict=True)}
    return np.array([of[names.sources[s], bytes(k)] for s, k in zip(names.source, names.keys, strict=True)])


def untrained(u: dict) -> Model:
    shapes = comparisons(ONE_ROUND)
    table = {one.name: {lv.name: Probability(0.5, 0.5) for lv in one.levels} for one in shapes}
    return Model("untrained", "", table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--out", type=Path, default=ROOT / "linkage" / "data" / "model_v1.json")
    args = parser.parse_args()
    shapes = {one.name: [level.name for level in one.levels] for one in comparisons(ONE_ROUND)}
    u = {name: complete(levels, shapes[name]) for name, levels in probabilities_u().items()}
    m = count_m(args.children, args.seed, u)
    table = {
        name: {level: {"m": round(m[name][level], 6), "u": round(u[name][level], 9)} for level in levels}
        for name, levels in shapes.items()
        if name != "twin_guard"
    }
    table["twin_guard"] = {name: {"m": 0.001 * 2.0**bits, "u": 0.001} for name, bits in TWIN_GUARD.items()}
    table["twin_guard"]["no sign of a twin"] = {"m": 0.998, "u": 0.998}
    model = {
        "version": "v1",
        "trained_on": f"m: made-up city of {args.children} children, seed {args.seed}; "
        "u: 1990 Census name tables, fixed shares for date, sex, ZIP and numbers",
        "probabilities": table,
    }
    args.out.write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    for name, levels in table.items():
        for level, p in levels.items():
            print(f"{name:18} {level:38} m {p['m']:.4f}  u {p['u']:.6f}  {np.log2(p['m'] / p['u']):+6.1f} bits")


if __name__ == "__main__":
    main()
