"""Single records out of a vault without a key: the birth file alone, and all sources together.

    .venv/bin/python benchmarks/linkage_reidentification.py STATE/vault.duckdb [--births birth]
        [--yardstick structure_attack.py]

With --yardstick it also exports the tokens to a temporary Parquet file and runs that independent attack
on it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from linkage.reidentify import vault_exposure
from linkage.rules import ONE_ROUND
from linkage.vault import Vault


def yardstick(script: Path, vault: Vault, sources: list[str], folder: Path) -> dict:
    stored = [vault.read(source)[1] for source in sources]
    tokens = np.concatenate([rows.view("<u8")[:, :, 0].T for rows in stored], axis=1)
    columns = dict(zip(ONE_ROUND.columns, tokens, strict=True))
    table = pa.table({"record_id": np.arange(tokens.shape[1]), **columns})
    path = folder / "tokens.parquet"
    pq.write_table(table, path, compression="none", use_dictionary=False)
    same = [",".join(group) for group in ONE_ROUND.comparable()]
    command = [sys.executable, str(script), str(path), "--same-domain", *same]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vault", type=Path)
    parser.add_argument("--births", default="birth")
    parser.add_argument("--yardstick", type=Path)
    args = parser.parse_args()
    vault = Vault(args.vault)
    for name, sources in {"birth file": [args.births], "all sources": vault.sources()}.items():
        print(json.dumps({"what": name, **asdict(vault_exposure(vault, sources))}))
        if args.yardstick:
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps({"yardstick": name, **yardstick(args.yardstick, vault, sources, Path(folder))}))


if __name__ == "__main__":
    main()
