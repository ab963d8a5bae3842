"""Write linkage/data/model_v3.json: u from public name tables, m counted on a made-up city.

    .venv/bin/python benchmarks/linkage_train.py            # 20,000 children of
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

import numpy as np
import pyarrow as pa

from linkage import likeness, names
from linkage.comparisons import comparisons
from linkage.decisions import Decisions
from linkage.keys import KeyRing
from linkage.linking import Clock, link_tonight
from linkage.model import Model, Probability
from linkage.names import canonical_given, given_frequencies, surname_frequencies
from linkage.records import record_keys
from linkage.rules import ROUND
from linkage.tokens import encode
from linkage.training import raised
from linkage.universe import NOBODY, build_universe
from linkage.vault import Vault

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.linkage_city import ONE_RECORD, make_city  # noqa: E402 - a helper of the tests

BIRTH_YEARS, ZIP_CODES = 15, 30  # a city's children from birth to grade 12, and how many ZIP codes it has
CONCENTRATION = 2.0  # a name is about twice as common in one city as in the nation: families and neighbourhoods
SMOOTHING = 2.0  # added to every count: no level is certain
FLOOR = 1e-5  # parents' numbers written for their children: an id agreement is never worth more than this
LEAST_RARE = 0.03  # cousins, and names that are rare in the nation and common in one neighbourhood
SAMPLE = 400_000  # pairs of names drawn from the tables
TWIN_GUARD = {  # the soft veto, in bits; see docs/linkage.md
    "given name and middle initial differ": -17.0,
    "given name differs, same mother": -16.5,
    "given name differs": -9.5,
    "no sign of a twin": 0.0,
}


def agreement(frequencies: dict[str, float], form: Callable[[str], str]) -> float:
    """Chance that two random bearers share `form` of their name."""
    pooled: Counter[str] = Counter()
    for name, share in frequencies.items():
        pooled[form(name)] += share
    total = sum(pooled.values())
    return sum((share / total) ** 2 for share in pooled.values())


def drawn(frequencies: dict[str, float], rng: np.random.Generator) -> list[str]:
    known = sorted(frequencies)
    shares = np.array([frequencies[name] for name in known])
    return [known[n] for n in rng.choice(len(known), SAMPLE, p=shares / shares.sum())]


def probabilities_u() -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(7)
    given, surname = given_frequencies(), surname_frequencies()
    canonical = CONCENTRATION * agreement(given, canonical_given)
    pairs = list(zip(drawn(given, rng), drawn(given, rng), strict=True))
    other = [pair for pair in pairs if canonical_given(pair[0]) != canonical_given(pair[1])]
    nickname = sum(bool(slots(one) & slots(two)) for one, two in other) / len(pairs)
    alike = sum(likely(one, two) for one, two in other) / len(pairs)
    families = list(zip(drawn(surname, rng), drawn(surname, rng), strict=True))
    sounds = ((names._sound(one), names._sound(two)) for one, two in families if one != two)
    alike_family = sum(one == two for one, two in sounds) / len(families)
    part = 3 * CONCENTRATION * agreement(surname, str)  # several slots a record: about three chances to meet
    initial = agreement(given, lambda name: name[0])
    same_day, days, years = 1 / (365.25 * BIRTH_YEARS), 30.4, 1 / BIRTH_YEARS
    partly = 1 / (12 * BIRTH_YEARS) + 1 / 365.25 + 1 / (days * BIRTH_YEARS) + same_day
    return {
        "birth_date": {"same": same_day, "two of three parts": partly, "the year": years},
        "given_name": {"same or nickname": canonical, "may be a nickname": nickname, "alike": alike},
        "surname": {"a part the same": part, "alike": alike_family},
        "names": {"both the same, surname rare": max(bearers(2), LEAST_RARE)},
        "sex": {"same": 0.5},
        "middle_initial": {"same": initial},
        "zip": {"same": 1 / ZIP_CODES},
        "mother_given_name": {"same": canonical},
        "ssn": {"same": FLOOR},
        "medicaid_id": {"same": FLOOR},
        "birth_order": {"same": 0.5},
    }


def slots(name: str) -> set[str]:
    return {canonical_given(name), *filter(None, likeness.other_formal_names(name))}


def likely(one: str, two: str) -> bool:
    forms = ((names._sound(name), *likeness.alike_forms(name)) for name in (one, two))
    return any(a == b and a is not None for a, b in zip(*forms, strict=True))


def bearers(power: int) -> float:
    """Of all people (power 1), or of pairs of strangers of one surname (power 2), how many have a rare one."""
    shares = surname_frequencies()
    rare = sum(p**power for name, p in shares.items() if likeness.is_rare(name))
    return rare / sum(p**power for p in shares.values())


def complete(levels: dict[str, float], names: list[str]) -> dict[str, float]:
    return levels | {names[-1]: 1 - sum(levels.values())}


def count_m(children: int, seed: int, u: dict) -> dict[str, dict[str, float]]:
    city = make_city(children, seed)
    with tempfile.TemporaryDirectory() as folder:
        ring = KeyRing.create(Path(folder) / "keys")
        vault = Vault(Path(folder) / "vault", ring)
        for source in city.tables:
            vault.upsert(source, encode(city.keyed(source, ring), source, ring))
        tonight = build_universe(vault, vault.waiting(), NOBODY, ONE_RECORD, Decisions())
        linked = link_tonight(tonight, vault, untrained(u), 0.0, Clock())
        child = truth_of(city, ring, vault.names, tonight)
    shapes = [one for one in comparisons(ROUND) if one.name != "twin_guard"]
    record, pairs = linked.opened.record, linked.pairs
    same = child[record[pairs.left]] == child[record[pairs.right]]
    names_of = [one.name for one in comparisons(ROUND)]
    m = {}
    for shape in shapes:
        found = pairs.levels[same, names_of.index(shape.name)]
        counts = [SMOOTHING + np.sum(found == n) for n in range(len(shape.levels))]
        m[shape.name] = {lv.name: float(c / sum(counts)) for lv, c in zip(shape.levels, counts, strict=True)}
    return {name: at_least(name, levels) for name, levels in m.items()}


def at_least(name: str, levels: dict[str, float]) -> dict[str, float]:
    """Raise rare levels to their least share (`linkage/data/model_levels.json`), at the cost of the first."""
    if name == "names":
        return {"both the same, surname rare": bearers(1), "both the same, common": 1 - bearers(1)}
    if name == "birth_order":  # too few twins in a city of any size to count
        levels = {"same": 1.0, "differs": 0.0}
    return dict(zip(levels, raised(name, np.array([*levels.values()])).tolist(), strict=True))


def truth_of(city, ring, names_of, tonight) -> np.ndarray:
    of = {}
    for source in city.tables:
        ids = [(record_id, child) for s, record_id, child, _ in city.truth if s == source]
        keys = record_keys(pa.array([record_id for record_id, _ in ids]), source, ring).to_pylist()
        of |= {(source, key): child for key, (_, child) in zip(keys, ids, strict=True)}
    return np.array([of[names_of[s], bytes(k)] for s, k in zip(tonight.source, tonight.keys, strict=True)])


def untrained(u: dict) -> Model:
    shapes = comparisons(ROUND)
    table = {one.name: {lv.name: Probability(0.5, 0.5) for lv in one.levels} for one in shapes}
    return Model("untrained", "", table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--out", type=Path, default=ROOT / "linkage" / "data" / "model_v3.json")
    args = parser.parse_args()
    shapes = {one.name: [level.name for level in one.levels] for one in comparisons(ROUND)}
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
        "version": "v3",
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
