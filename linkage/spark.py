"""Scoring on Spark in local mode: one JVM on this machine for the time of scoring, bound to the loopback address.

What belongs here: how that JVM is started, fed and ended. Its temporary files are encrypted with a key that is in its
memory only, and lie in the spill folder until it has ended. Needs `cradlepath[spark]` and Java 17.
"""

import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from linkage.backends import OutOfMemoryLimitError, bytes_of, predicted, scratch, sweep, too_small
from linkage.errors import LinkageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from splink import SettingsCreator

_HEAP: Final = "2GB"
_FACTOR: Final = 4
"""Bytes of heap that one byte of tokens needs, measured; a batch that needs more is halved."""

_OUT_OF_MEMORY: Final = 3
"""The code with which a JVM ends that was told to end when its heap is full."""

_ELSEWHERE: Final = ("SPARK_LOCAL_DIRS", "SPARK_EXECUTOR_DIRS", "PYSPARK_GATEWAY_PORT")
"""Variables that would make Spark write elsewhere, or use a JVM that is not ours."""


@dataclass(frozen=True)
class Spark:
    """Spark in local mode, with a heap of `memory_limit` and its temporary files in `spill`."""

    spill: Path
    memory_limit: str | None = None

    def sweep(self) -> None:
        """Empty what an interrupted night left in the spill folder."""
        sweep(self.spill)

    def batches(self, size: int) -> int:
        """Return in how many batches to score `size` bytes of tokens: what Spark is handed lies in its heap."""
        return math.ceil(_FACTOR * size / bytes_of(self.memory_limit or _HEAP))

    def predict(self, table: pa.Table, settings: "SettingsCreator", columns: tuple[str, ...]) -> pa.Table:
        """See `linkage.backends.Backend.predict`."""
        _require_pyspark()
        from splink import SparkAPI  # noqa: PLC0415  (needs pyspark)

        with scratch(self.spill) as folder, local_session(folder, self.memory_limit or _HEAP) as session:
            # Intermediate tables stay in memory as far as it goes; Splink's own way writes them as Parquet. Its jar of
            # string comparisons is not needed: tokens are the same or not.
            options = {
                "spark_session": session,
                "break_lineage_method": "persist",
                "register_udfs_automatically": False,
            }
            query = predicted(SparkAPI, options, signed(table), settings, columns)
            found: pa.Table = session.sql(query).toArrow()
        return found


def signed(table: pa.Table) -> pa.Table:
    """Return the table with unsigned 64-bit columns read as signed ones, bit by bit: Spark has no unsigned numbers."""
    columns = [
        column.combine_chunks().view(pa.int64()) if column.type == pa.uint64() else column for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _require_pyspark() -> None:
    # Spark is handed Arrow tables and gives Arrow tables back: how well it knows pandas does not matter here.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    try:
        import pyspark  # noqa: F401, PLC0415
    except ModuleNotFoundError:
        raise LinkageError(
            "linkage.backend spark: found no pyspark in this environment; install cradlepath[spark]"
        ) from None
    if found := [name for name in _ELSEWHERE if name in os.environ]:
        raise LinkageError(f"linkage.backend spark: found {found[0]} set, expected it unset; unset it and run again")


@contextmanager
def local_session(folder: str, heap: str) -> Iterator["SparkSession"]:
    """Start a JVM that writes to `folder` only, and end it with everything it holds."""
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415
    from pyspark.java_gateway import launch_gateway  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    conf = SparkConf(loadDefaults=False).setAll(list(_settings(folder, heap).items()))
    try:
        gateway = launch_gateway(conf, {"stdout": DEVNULL, "stderr": DEVNULL})
    except Exception:  # the reason is on standard error, which is closed
        raise LinkageError(
            "linkage.backend spark: the JVM did not start, expected Java 17 or later; install it or set JAVA_HOME"
        ) from None
    try:
        context = SparkContext(conf=conf, gateway=gateway)
        yield SparkSession(context)
        context.stop()
    except Exception as error:  # what the JVM says may hold a value
        raise _translated(error, gateway.proc, heap) from None
    finally:
        _end(gateway)
        SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
        SparkSession._instantiatedSession = None


def _end(gateway: Any) -> None:
    """End the JVM: it stops by itself when its standard input closes."""
    gateway.shutdown()
    gateway.proc.stdin.close()
    try:
        gateway.proc.wait(60)
    finally:
        gateway.proc.kill()
        gateway.proc.wait()


def _settings(folder: str, heap: str) -> dict[str, str]:
    return {
        "spark.app.name": "cradlepath",
        "spark.master": "local[*]",
        "spark.driver.memory": f"{bytes_of(heap) // 2**20}m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": folder,
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={folder} -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.io.encryption.enabled": "true",
        "spark.io.encryption.keySizeBits": "256",
        # A table that is part of the plan is copied with every step of it.
        "spark.sql.execution.arrow.localRelationThreshold": "0",
        "spark.sql.maxPlanStringLength": "0",
        "spark.sql.shuffle.partitions": "16",
    }


def _translated(error: Exception, jvm: Popen[bytes], heap: str) -> LinkageError:
    """Return an error of ours for whatever stopped Spark."""
    with suppress(TimeoutExpired):
        jvm.wait(5)
    if jvm.returncode == _OUT_OF_MEMORY or "OutOfMemory" in str(error):
        return OutOfMemoryLimitError(too_small(heap))
    return LinkageError(
        f"linkage.backend spark: found that Spark stopped ({type(error).__name__}), expected scores; raise "
        "linkage.memory_limit, or use linkage.backend duckdb, and run the night again"
    )
