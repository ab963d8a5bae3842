"""Spark and DuckDB link the same records: the same ledger, the same evidence, and nothing of either left behind."""

import os
import shutil
from datetime import date

import numpy as np
import psutil
import pytest
from support.linkage_city import ONE_RECORD, make_city
from support.linkage_keys import fixed_ring

from linkage.backends import choose_backend
from linkage.errors import LinkageError
from linkage.evidence import evidence_store
from linkage.ledger import Ledger
from linkage.model import load_model
from linkage.rules import ROUND
from linkage.run import LinkSettings, link
from linkage.score import Records, score
from linkage.spark import Spark, local_session
from linkage.tokens import encode
from linkage.vault import Vault

pytest.importorskip("pyspark", reason="pyspark is not installed: install cradlepath[spark]")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("java") or "JAVA_HOME" in os.environ), reason="Java is not installed"),
]


def linked(folder, backend):
    """Link a small city; return who is which child, the evidence, and how many pairs were scored."""
    ring, city = fixed_ring(folder / "keys"), make_city(900, seed=8)
    vault = Vault(folder / "vault", ring)
    for source in city.tables:
        vault.upsert(source, encode(city.keyed(source, ring), source, ring))
    places = (folder / "vault", folder / "ledger", folder / "evidence")
    report = link(*places, ONE_RECORD, date(2026, 9, 1), ring, LinkSettings(backend=backend))
    return (
        Ledger(folder / "ledger", ring).record_child(),
        evidence_store(folder / "evidence", ring).read(),
        report.pairs_scored,
    )


def test_both_backends_write_the_same_ledger_and_nothing_stays_on_disk(tmp_path):
    spill = tmp_path / "spill"
    ledger, evidence, pairs = linked(tmp_path / "duckdb", choose_backend("duckdb"))
    other = linked(tmp_path / "spark", choose_backend("spark", "1GB", spill))
    assert pairs > 100
    assert other[2] == pairs
    assert other[0].equals(ledger)
    assert other[1].keys() == evidence.keys()
    assert all(other[1][name].equals(table) for name, table in evidence.items())
    assert not list(spill.iterdir())


def test_a_spark_that_stops_is_one_line_without_a_token_and_the_folder_is_emptied(tmp_path):
    tokens = np.full((len(ROUND.columns), 3_000), 2**63, np.uint64)
    crowd = Records(np.arange(3_000, dtype=np.int32), np.zeros(3_000, np.uint64), tokens, 3_000)
    with pytest.raises(LinkageError, match=r"^[^\n]+; raise [^\n]+$") as caught:
        score(crowd, ROUND, load_model(), Spark(tmp_path, "100MB"))
    assert str(2**63) not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_the_jvm_encrypts_its_files_shows_no_page_and_hears_this_machine_alone(tmp_path):
    with local_session(str(tmp_path), "1GB") as session:
        context = session.sparkContext
        jvm = context._gateway.proc
        listens = [at.laddr.ip for at in psutil.Process(jvm.pid).net_connections("inet") if at.status == "LISTEN"]
        assert context._encryption_enabled
        assert context.uiWebUrl is None
        assert listens
        assert {ip.removeprefix("::ffff:") for ip in listens} == {"127.0.0.1"}
    assert jvm.poll() is not None
