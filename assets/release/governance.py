"""Under which agreements a release goes out: what of them leaves by it, its licences, and whether its claims hold.

What belongs here: what the outcomes say of themselves (`column_lineage`), put beside the policy of the night and the
releases whose rows stay, and the one-line reason where the release may not go out. What does not: the rules for a claim
(`mou_policies.claims`), hiding numbers (`suppress`), the form in the manifest (`governed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from assets.night import Night
from assets.release.agreed import agreed, quarrels, terms_of
from assets.release.folder import StoredRelease
from assets.release.policy import ReleaseError, ReleasePolicy
from assets.release.rows.request import RowRequest, requests
from assets.release.tables import Catalogue
from mou_policies import vocabulary
from mou_policies.agreement import Agreement
from mou_policies.claims import judge_all
from mou_policies.model import FieldPolicy, Treatment
from mou_policies.policy import Policy
from mou_policies.verdict import ReleasedField, Verdict

_AGAIN = "run the night again, so that outcomes and agreements are of one time"
_NEW_SERIES = "make no such claim in this series of releases, or begin a new one"

Place = tuple[str, str, str]
"""A stored column: source, table, column."""

Lineage = Mapping[Place, tuple[str, ...]]
"""Where the outcomes show each stored column, as `table.column`; nowhere: it is only counted."""


class NotLicensedError(ReleaseError):
    """A release that the agreements do not let go out: nothing is published, the rest of the night stands."""


@dataclass(frozen=True)
class Leaving:
    """One column of the agreements that leaves, and the columns of the release, as `table.column`, that show it."""

    column: str
    field: ReleasedField
    shown_in: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, Treatment]:
        """What tells two of them apart: the column, its class and its treatment."""
        return self.column, self.field.cls, self.field.treatment


@dataclass(frozen=True)
class Governance:
    """What governs one release.

    `leaves` are the columns it shows, those of rows that earlier releases showed first included; `counted` the columns
    that were only counted. `licences` are those in force for it, `refusals` why it may not go out (none: it may).
    `policy` is the rule after the licences' own minimum cells, `workspace` the threshold before. `rows` are the files
    of rows that licences ask for.
    """

    policy: ReleasePolicy = field(default_factory=ReleasePolicy)
    workspace: int = 0
    leaves: tuple[Leaving, ...] = ()
    counted: tuple[str, ...] = ()
    licences: tuple[Agreement, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    refusals: tuple[str, ...] = ()
    zip3: str = ""
    rows: tuple[RowRequest, ...] = ()

    def require(self) -> None:
        """Raise NotLicensedError, in one line, where the release may not go out."""
        if self.refusals:
            more = f"; and {len(self.refusals) - 1} more" if len(self.refusals) > 1 else ""
            raise NotLicensedError(f"nothing was published: {self.refusals[0]}{more}")


def governance_of(
    night: Night, catalogue: Catalogue, policy: ReleasePolicy, earlier: Sequence[StoredRelease]
) -> Governance:
    """Return what governs the release of a night, whose rows of closed periods `earlier` releases showed first."""
    lineage = _lineage(night)
    rows = requests(night.policy, lineage or {})
    found = _with_rows(lineage or {}, rows)
    licences = night.policy.licence.licences
    claiming = [a for a in licences if a.provisions.release is not None and a.provisions.release.claims]
    leaves = _leaves(night.policy, found, catalogue, earlier)
    verdicts = judge_all(claiming, [item.field for item in leaves], night.policy.agreements, night.date)
    return Governance(
        policy=agreed(policy, licences),
        workspace=policy.threshold,
        leaves=leaves,
        counted=tuple(".".join(place) for place, shown_in in found.items() if not shown_in),
        licences=licences,
        verdicts=verdicts,
        refusals=(
            *_unlicensed(night.policy),
            *quarrels(licences),
            *_strangers(night.policy, found),
            *(_silent(lineage, earlier) if claiming else ()),
            *(f"{one.licence} claims {one}" for one in verdicts if one.refused),
            *(line for one in verdicts for line in _small_cells(one, earlier)),
        ),
        zip3=night.policy.zip3,
        rows=rows,
    )


def _with_rows(lineage: Lineage, rows: Sequence[RowRequest]) -> Lineage:
    """Return where columns are shown when rows go out too: in a row an outcome shows what its measure reads."""
    shown = {place: list(shown_in) for place, shown_in in lineage.items()}
    for request in rows:
        for place, shown_in in request.shows():
            shown[place].append(shown_in)
    return {place: tuple(sorted(set(shown_in))) for place, shown_in in shown.items()}


def minimum_cells(licences: Sequence[Agreement]) -> dict[str, int]:
    """Return the smallest count that each licence lets its release show, by the clause that says so."""
    return {term.clause: term.minimum_cell for term in terms_of(licences) if term.minimum_cell is not None}


def _lineage(night: Night) -> Lineage | None:
    """Return where the outcomes show each column of the agreements; None where they do not say."""
    if not night.paths.outcomes.is_file():
        return None
    with duckdb.connect(str(night.paths.outcomes), read_only=True) as con:
        if not con.execute("select 1 from duckdb_tables() where table_name = 'column_lineage'").fetchall():
            return None
        rows = con.execute(
            "select source, table_name, column_name, "
            "list_sort(list(distinct shown_in) filter (shown_in is not null)) "
            "from column_lineage group by all order by all"
        ).fetchall()
    return {(source, table, column): tuple(shown or ()) for source, table, column, shown in rows}


def _leaves(
    policy: Policy, lineage: Lineage, catalogue: Catalogue, earlier: Sequence[StoredRelease]
) -> tuple[Leaving, ...]:
    """Return the columns that leave: those that tonight's outcomes show, and those behind rows that stay."""
    leaves: dict[tuple[str, str, Treatment], Leaving] = {}
    shown = [(place, shown_in) for place, shown_in in lineage.items() if shown_in]
    tonight = (
        Leaving(".".join(place), _released(place, granted), shown_in)
        for place, shown_in in shown
        if (granted := policy.kept(*place)) is not None
    )
    for item in (*tonight, *_of_closed_periods(catalogue, earlier)):
        held = leaves.get(item.key, item)
        leaves[item.key] = replace(held, shown_in=tuple(sorted({*held.shown_in, *item.shown_in})))
    return tuple(leaves.values())


def _released(place: Place, granted: FieldPolicy) -> ReleasedField:
    """Return a stored column as it leaves: of a school day, the column of its school year tells no more than that."""
    source, table, column = place
    treatment = granted.treatment
    if column != granted.name:
        treatment = Treatment("date", unit="school_year")
    return ReleasedField((source, table, granted.field), column, granted.cls, treatment, granted.clause)


def _of_closed_periods(catalogue: Catalogue, earlier: Sequence[StoredRelease]) -> Iterator[Leaving]:
    """Yield what rows of earlier releases show that stay in this one: those of the last, which has all before it."""
    kept = {spec.name for spec in catalogue.tables if spec.period}
    for entry in _governed(earlier[-1]).get("leaves", []) if earlier else []:
        shown_in = tuple(name for name in entry["shown_in"] if name.partition(".")[0] in kept)
        if shown_in:
            yield leaving_from(entry, shown_in)


def leaving_from(entry: Mapping[str, Any], shown_in: tuple[str, ...]) -> Leaving:
    """Read what `governed` wrote of a column that leaves."""
    source, table, name = entry["field"].split(".", 2)
    kind, _, unit = entry["treatment"].partition(".")
    treatment = Treatment(kind, unit=unit or None, bands=tuple(entry["bands"]))
    column = entry["column"].split(".", 2)[2]
    field_ = ReleasedField((source, table, name), column, entry["class"], treatment, entry["clause"])
    return Leaving(entry["column"], field_, shown_in)


def _governed(release: StoredRelease) -> Mapping[str, Any]:
    return release.manifest.get("governance") or {}


# -- why a release may not go out ----------------------------------------------------------------------------------


def _unlicensed(policy: Policy) -> Iterator[str]:
    """Yield that every source needs a licence for the release, and none is in force."""
    licence = policy.licence
    if licence.needed_by is None and not licence.licences:
        # Agreements that are no source's own are those that licence and allow.
        refused = next((one for one in policy.refusals if not one.sources), None)
        why = f": {refused.agreement_file}:{refused.line}: {refused.reason}; {refused.remedy}" if refused else ""
        yield f"no licence in force for the release {licence.release}{why}"


def _strangers(policy: Policy, lineage: Lineage) -> Iterator[str]:
    """Yield the columns in the outcomes that no agreement in force lets be published; pseudonyms may join tables."""
    for place, shown_in in lineage.items():
        kept = policy.kept(*place)
        joins = kept is not None and kept.treatment.kind == "pseudonymise" and not shown_in
        if not joins and policy.publishable(*place) is None:
            yield f"the outcomes hold {'.'.join(place)}, which no agreement in force lets be published; {_AGAIN}"


def _silent(lineage: Lineage | None, earlier: Sequence[StoredRelease]) -> Iterator[str]:
    """Yield what does not say which columns it shows, so that no claim about it can be proved."""
    rule = vocabulary.rules()["REL-003"]
    if lineage is None:
        yield f"the outcomes do not say which columns they show; {_AGAIN}"
    if earlier and "leaves" not in _governed(earlier[-1]):
        yield (
            f"rows of {earlier[-1].id} stay in the release, and its manifest does not say which fields they show "
            f"(REL-003; {rule.cite} [{rule.mark}]); {_NEW_SERIES}"
        )


def _small_cells(verdict: Verdict, earlier: Sequence[StoredRelease]) -> Iterator[str]:
    """Yield that rows which stay were released with smaller cells than a claim asks for."""
    least = verdict.claim.minimum_cell
    for release in earlier:
        shown = int(release.manifest["policy"]["threshold"])
        if shown < least.value:
            yield (
                f"{verdict.licence} claims {verdict.claim.name}, which asks for cells of {least.value} or more, and "
                f"rows of {release.id} stay that were released from {shown} on (REL-002; {least.cite} [{least.mark}]); "
                f"{_NEW_SERIES}"
            )
            return
