"""A workspace: the one directory that holds a city.

Here live the settings file `cradlepath.yaml`, how a workspace is found, and where its parts lie. Nothing here knows how
a night runs (`pipelines.nightly`) or what an agreement says (`mou_policies`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

if TYPE_CHECKING:
    from linkage.attack.limits import Limits

SETTINGS_FILE = "cradlepath.yaml"
ENVIRONMENT = "CRADLEPATH_WORKSPACE"


class WorkspaceError(Exception):
    """A workspace that cannot be used: one line saying what was found, where, and what to do."""


class _Section(BaseModel):
    """Settings with a closed set of keys: an unknown one is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Keys(_Section):
    """Where the keys are: a folder that should not lie on the disk that holds the state."""

    provider: Literal["folder"] = "folder"
    path: str = "../keys"


class Linkage(_Section):
    """How records become children."""

    backend: Literal["duckdb", "spark"] = "duckdb"
    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?(MB|GB|TB)$")] | None = None
    spill: str | None = None
    mode: Literal["hub-tokenised", "agency-tokenised"] = "hub-tokenised"
    threshold_bits: float | None = None
    model: str | None = None


Share = Annotated[float, Field(ge=0, le=1)]


class ExposureLimit(_Section):
    """Shares (0..1) of records singled out without a key: beyond `warn` a check says so, beyond `stop` no release."""

    warn: Share
    stop: Share


class Exposure(_Section):
    """Limits of the token store at rest, of one source's tokens in transit, and of a night's whole transcript."""

    at_rest: ExposureLimit = ExposureLimit(warn=0.001, stop=0.01)
    transit: ExposureLimit = ExposureLimit(warn=0.01, stop=0.05)
    transcript: ExposureLimit = ExposureLimit(warn=0.10, stop=0.20)
    least_records: Annotated[int, Field(ge=1)] = 1000

    def limits(self) -> Limits:
        """Return the limits as attacks are judged by; raises LinkageError where a warning limit is above its stop."""
        from linkage.attack.limits import Limit, Limits  # noqa: PLC0415  (no command but a few needs them)

        at_rest, transit, transcript = (
            Limit(one.warn, one.stop) for one in (self.at_rest, self.transit, self.transcript)
        )
        return Limits(at_rest, transit, transcript, self.least_records)


class Schedule(_Section):
    """When the night runs, and how long a file must lie still before its arrival counts."""

    nightly: str = "30 2 * * *"
    timezone: str = "UTC"
    arrival_settle_seconds: Annotated[int, Field(ge=0)] = 60


class Landing(_Section):
    """What becomes of an agency's files once their night is committed."""

    after_commit: Literal["delete", "seal"] = "delete"


class Checks(_Section):
    """The shares (0..1) above which a source is refused for the night."""

    max_vanished: Share = 0.05
    max_quarantined: Share = 0.20


class Release(_Section):
    """The calendar of publications and the disclosure rule; an agreement may ask for a higher threshold.

    `weights`: what the data lead minds losing more than the rest, by table or table.dimension; 1 is as usual.
    """

    calendar: Literal["monthly", "quarterly", "yearly", "after_period_close"] | tuple[date, ...] = "quarterly"
    threshold: Annotated[int, Field(ge=3)] = 10
    zero_is_safe: bool = True
    certain_is_safe: bool = False
    weights: dict[str, Annotated[float, Field(ge=0.1, le=10)]] = Field(default_factory=dict)


class Audit(_Section):
    """Where the trail's checkpoints are kept outside the workspace: a file that is only ever added to."""

    anchor: str | None = None


class Settings(_Section):
    """The whole of `cradlepath.yaml`."""

    city: str
    start: date
    agreements: str = "agreements"
    landing: str = "landing"
    state: str = "state"
    registry: str | None = None
    keys: Keys = Keys()
    linkage: Linkage = Linkage()
    exposure: Exposure = Exposure()
    schedule: Schedule = Schedule()
    landing_files: Landing = Landing()
    checks: Checks = Checks()
    release: Release = Release()
    audit: Audit = Audit()


@dataclass(frozen=True)
class Workspace:
    """A workspace on disk: its root and its settings."""

    root: Path
    settings: Settings

    @property
    def agreements(self) -> Path:
        """Folder of the agreement files, their signatures and the trusted signers."""
        return self.root / self.settings.agreements

    @property
    def landing(self) -> Path:
        """Folder into which agencies deliver, one sub-folder an agency."""
        return self.root / self.settings.landing

    @property
    def state(self) -> Path:
        """Folder of everything Cradlepath keeps."""
        return self.root / self.settings.state

    @property
    def keys(self) -> Path:
        """Folder of the keys."""
        return (self.root / self.settings.keys.path).resolve()

    @property
    def spill(self) -> Path | None:
        """Folder for what scoring writes while it works; without one DuckDB keeps everything in memory."""
        return self.root / self.settings.linkage.spill if self.settings.linkage.spill else None

    @property
    def anchor_file(self) -> Path | None:
        """File to which every checkpoint of the audit trail is added; without one people keep printed lines."""
        return (self.root / self.settings.audit.anchor).resolve() if self.settings.audit.anchor else None

    @property
    def dagster_home(self) -> Path:
        """Folder of Dagster's own storage for this workspace."""
        return self.state / "dagster"

    @property
    def registry_url(self) -> str:
        """SQLAlchemy address of the registry: SQLite in the state folder unless the settings name a server."""
        return self.settings.registry or f"sqlite:///{self.state / 'registry.sqlite'}"


def find(named: Path | None = None) -> Path:
    """Return the root of the workspace to use: the one named, the environment's, or the current folder.

    A folder made by `cradlepath demo` holds its workspace in `workspace/`; naming the outer folder is enough.
    """
    chosen = named or (Path(env) if (env := os.environ.get(ENVIRONMENT)) else Path())
    for root in (chosen, chosen / "workspace"):
        if (root / SETTINGS_FILE).is_file():
            return root.resolve()
    how = (
        "named with --workspace"
        if named
        else f"from {ENVIRONMENT}"
        if os.environ.get(ENVIRONMENT)
        else "the current one"
    )
    raise WorkspaceError(
        f"no {SETTINGS_FILE} in {chosen} (the folder {how}); name a workspace with --workspace DIR or {ENVIRONMENT}, "
        f"or make one with `cradlepath init DIR` or `cradlepath demo --out DIR`"
    )


def load(root: Path) -> Workspace:
    """Read and check the settings of the workspace at `root`; raise `WorkspaceError` with file, line and remedy."""
    path = root / SETTINGS_FILE
    yaml = YAML(typ="rt")
    try:
        document = yaml.load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise WorkspaceError(f"{path}:{line}: not readable as YAML ({error.problem}); mend that line") from None
    if not isinstance(document, dict):
        raise WorkspaceError(
            f"{path}:1: expected a mapping of settings; see `cradlepath init --help` for a documented one"
        )
    try:
        return Workspace(root, Settings.model_validate(dict(document)))
    except ValidationError as error:
        raise WorkspaceError(_first_problem(path, document, error)) from None


def _first_problem(path: Path, document: dict[str, object], error: ValidationError) -> str:
    """Name the first setting at fault with its line, what it needs to be, and how many more there are."""
    problems = error.errors()
    where = [str(part) for part in problems[0]["loc"]]
    line = _line_of(document, where)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{path}:{line}: setting `{'.'.join(where)}`: {problems[0]['msg'].lower()}{more}; see docs/operator.md"


def _line_of(node: object, where: list[str]) -> int:
    """Line (1-based) of the innermost key on the path `where` that the YAML document has."""
    line = 1
    for key in where:
        position = getattr(node, "lc", None)
        if position is None or not isinstance(node, dict) or key not in node:
            break
        line = int(position.key(key)[0]) + 1
        node = node[key]
    return line


def open_workspace(named: Path | None = None) -> Workspace:
    """Find and load a workspace in one step."""
    return load(find(named))
