"""Ours, as a night runs it: encode, wait in the vault, link, write ledger and evidence. The model as released."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.data.folder import Folder
from benchmarks.peers.outcome import Laps, arguments, write_exposure, write_outcome
from linkage.attack import measure_transcript
from linkage.attack.at_rest import Store
from linkage.attack.token_file import measure_file
from linkage.batch import TokenBatch
from linkage.keys import KeyRing
from linkage.ledger import Ledger
from linkage.records import key_matrix
from linkage.run import LinkReport, link
from linkage.tokens import digests, encode
from linkage.transcript import Transcript
from linkage.vault import Vault

NIGHT = date(2026, 9, 1)
STEPS = {"read": "predict", "tags": "predict", "anchors": "predict", "score": "predict", "ledger": "store"}


class Hub:
    """A hub's stores in a folder, under keys of its own."""

    def __init__(self, path: Path, data: Folder):
        keys = path / "keys"
        self.ring = KeyRing.load(keys) if keys.exists() else KeyRing.create(keys)
        self.path, self.data = path, data
        self.vault = path / "vault"

    def load(self) -> None:
        """Make the tokens of the new and changed records of every source and let them wait."""
        about = self.data.about
        for source in about["sources"]:
            table, form = self.data.identifiers(source), about["date_format"].get(source)
            vault = Vault(self.vault, self.ring)
            if source in vault.names:
                keys = key_matrix(table.column("record_key"))
                changed = vault.changed(source, keys, digests(table, self.ring, form))
                table = table.filter(pa.array(changed))
            vault.upsert(source, encode(table, source, self.ring, form))

    def tokens(self, source: str) -> TokenBatch:
        """Return all tokens of one source, as its token file would hold them."""
        return encode(self.data.identifiers(source), source, self.ring, self.data.about["date_format"].get(source))

    def link(self, night: date = NIGHT, observe: Callable[[Transcript], None] | None = None) -> LinkReport:
        """Link what waits."""
        one = set(self.data.about["one_record"])
        ledger, evidence = self.path / "ledger.sealed", self.path / "evidence.sealed"
        return link(self.vault, ledger, evidence, one, night, self.ring, observe=observe)

    def clusters(self) -> np.ndarray:
        """Return the child of every record of the data set."""
        state = Ledger(self.path / "ledger.sealed", self.ring).state()
        keys = [key_matrix(self.data.identifiers(source).column("record_key")) for source in self.data.sources]
        return state.counter[state.find(np.concatenate(keys))]

    def bytes_at_rest(self) -> dict[str, int]:
        """Return the bytes of tokens, and of the sealed files beside them."""
        sealed = [self.path / name for name in ("ledger.sealed", "evidence.sealed")]
        tokens = sum(file.stat().st_size for file in self.vault.rglob("*") if file.is_file())
        return {"tokens": tokens, "sealed": sum(file.stat().st_size for file in sealed)}


def measure(hub: Hub, out: Path) -> None:
    """Link once and write the outcome."""
    laps = Laps()
    hub.load()
    laps.lap("encode")
    report = hub.link()
    laps.lap("link")
    steps = dict.fromkeys(("encode", "train", "predict", "resolve", "store"), 0.0)
    steps["encode"] = laps.seconds["encode"]
    for step, seconds in report.seconds.items():
        steps[STEPS.get(step, step)] += seconds
    steps["store"] += laps.seconds["link"] - sum(report.seconds.values())
    resolve = steps.pop("resolve")
    kept, records = hub.bytes_at_rest(), sum(report.records.values())
    write_outcome(
        out,
        steps,
        {0.0: hub.clusters()},
        {0.0: resolve},
        kept["tokens"] / records,
        sealed_bytes_a_record=kept["sealed"] / records,
        card={name: report.model_card[name] for name in ("version", "layout")},
        pairs=report.pairs_scored,
    )


def expose(hub: Hub, out: Path) -> None:
    """Link once and write what the store, the night's transcript and an opened token file give away."""
    seen: list[Transcript] = []
    hub.load()
    hub.link(observe=seen.append)
    sent = measure_transcript(seen[0])
    at_rest = Store.of(Vault(hub.vault, hub.ring)).measure()
    write_exposure(
        out,
        at_rest=at_rest["all"]["singled_out"],
        in_transit=max(one["singled_out"] for one in sent["sources"].values()),
        whole=sent["all"]["singled_out"],
        whole_with_sources=sent["all_with_sources"]["singled_out"],
        sources={name: one["singled_out"] for name, one in sent["sources"].items()},
        token_file=max(measure_file(hub.tokens(source)).singled_out for source in hub.data.sources),
    )


def main() -> None:
    """Measure or attack the data set of the command line."""
    args = arguments()
    with tempfile.TemporaryDirectory(prefix="cradlepath-bench-") as folder:
        hub = Hub(Path(folder), Folder(args.data))
        (expose if args.exposure else measure)(hub, args.out)


if __name__ == "__main__":
    main()
