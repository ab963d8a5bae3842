"""The load of one source: read, check, split, treat, tokenise, store. Counts come out.

`load_source` deals with each pending delivery as one unit, applied whole or not at all. The order of commits
is content store, vault, book of nights; a load that dies between them is found unrecorded and done again, and
since rows and tokens are written by key, doing it again mends what was left half done.

Opening is `assets.extracts.opening`, reading `assets.extracts.unit`, storing `assets.extracts.settle`, a steward's view
`assets.extracts.report`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from assets.extracts.checks import IN_FORCE, READABLE, SOUND
from assets.extracts.columns import as_record_keys, is_in, key_array
from assets.extracts.delivery import DeliveryError
from assets.extracts.landing import Pending, deliveries_of
from assets.extracts.nights import CheckResult, FileCount, Nights, Page, Tokens, open_nights
from assets.extracts.opening import KNOWN, LOADED, SUPERSEDED, open_pending
from assets.extracts.refusal import SourceRefusedError
from assets.extracts.settle import Settled, purge_optouts, settle
from assets.extracts.store import held_content, open_content
from assets.extracts.unit import Progress, Unit
from assets.guard import no_values_in_errors
from assets.night import Night
from linkage.vault import Vault
from mou_policies.model import SourcePolicy

Status = Literal["loaded", "nothing new", "refused"]


@dataclass(frozen=True)
class LoadReport:
    """What tonight's load of one source came to: counts, checks and reasons, no value of a record.

    `already_loaded` are files met again with the same bytes, `superseded` files of full deliveries older than one
    already loaded; neither was read. `tokens` says how many records were made into tokens and how many of these are
    unlinkable. `purged` are stored rows that opt-outs removed, `tokens_changed` records whose
    tokens are new or other than before (a corrected name changes tokens and no content). `records` are the records the
    source has now, `rows` its stored rows by table. `counts`, `checks` and `tokens` are all that the book has for this
    night.
    """

    source: str
    status: Status
    counts: tuple[FileCount, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    tokens: Tokens = field(default_factory=Tokens)
    refusal: str | None = None
    remedy: str | None = None
    already_loaded: int = 0
    superseded: int = 0
    purged: int = 0
    tokens_changed: int = 0
    records: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)


def load_source(night: Night, source_id: str, progress: Progress | None = None) -> LoadReport:
    """Load what `source_id` has delivered up to this night, and say what became of it.

    A delivery that cannot be trusted, or an agreement not in force, refuses the source for tonight: what was
    stored before stays. Anything unexpected (a full disk) raises, with its text withheld; nothing is half
    kept.
    """
    with (
        no_values_in_errors(f"the load of {source_id}"),
        open_nights(night.paths.nights) as book,
        held_content(night.paths.content),
    ):
        source = night.policy.sources.get(source_id)
        purged = purge_optouts(night, source.namespace if source else source_id)
        if source is None:
            return _not_in_force(night, source_id, book, purged)
        return _load(night, source, book, purged, progress or _silent)


def _silent(table: str, rows: int) -> None:
    """Hear of progress and say nothing."""


def _not_in_force(night: Night, source_id: str, book: Nights, purged: int) -> LoadReport:
    """Refuse a source that no agreement in force grants; what was stored before stays."""
    held = next((r for r in night.policy.refusals if source_id in r.sources), None)
    file = f"{held.agreement_file}:{held.line}" if held else "no agreement"
    reason = held.reason if held else f"no agreement names the source {source_id}"
    remedy = held.remedy if held else "add an agreement for it, signed by both parties"
    failed = CheckResult(IN_FORCE, False, {"agreements": 0})
    return _finish(night, source_id, book, [failed], refusal=(file, reason, remedy), purged=purged)


def _load(night: Night, source: SourcePolicy, book: Nights, purged: int, progress: Progress) -> LoadReport:
    results = [CheckResult(IN_FORCE, True, {"agreements": 1})]
    refusal: tuple[str, str, str] | None = None
    known = superseded = loaded = retokenised = 0
    for pending in deliveries_of(night, source):
        states = book.states(source.source)
        known += sum(file.digest in states for file in pending.files)
        if all(file.digest in states for file in pending.files):
            continue
        try:
            settled = _load_delivery(night, source, pending, book, progress)
        except DeliveryError as error:
            results.append(CheckResult(READABLE, False, {"files": len(pending.files)}))
            refusal = (source.agreement_file, f"{error.file}: {error.what}", error.remedy)
            break
        except SourceRefusedError as error:
            results.append(error.check)
            if error.page is not None:
                book.write(night.date, source.source, source.agency, error.page)
            refusal = (source.agreement_file, error.what, error.remedy)
            break
        results += settled.checks
        states_now = [noted.state for noted in settled.page.delivered]
        loaded += KNOWN not in states_now
        known += states_now.count(KNOWN)
        retokenised += settled.tokens_changed
        superseded += states_now.count(SUPERSEDED)
        book.write(night.date, source.source, source.agency, settled.page)
    results.append(check_sound(night, source))
    outcome = {
        "already_loaded": known,
        "superseded": superseded,
        "purged": purged,
        "loaded": loaded,
        "tokens_changed": retokenised,
    }
    return _finish(night, source.source, book, results, refusal=refusal, **outcome)


def _load_delivery(
    night: Night,
    source: SourcePolicy,
    pending: Pending,
    book: Nights,
    progress: Progress,
) -> Settled:
    """Load one delivery whole, and return the page of the book that says so."""
    newest = book.newest(source.source)
    opened = open_pending(night, source, pending, book.states(source.source))
    if opened.known:
        return Settled(Page(delivered=opened.noted(KNOWN)), (), 0)
    if opened.delivery.mode == "full" and newest is not None and opened.delivered_for < newest:
        return Settled(Page(delivered=opened.noted(SUPERSEDED)), (), 0)
    with open_content(night.paths.content) as store:
        unit = Unit(night, source, opened.delivery, store, opened.births_only)
        unit.read(progress)
        # two nights may deliver files of one name: those of another night are named with their folder
        folder = "" if opened.delivered_for == night.date else f"{opened.delivered_for}/"
        settled = settle(unit, night, folder)
    settled.page.delivered += opened.noted(LOADED)
    readable = CheckResult(READABLE, True, {"files": len(opened.files if opened.sealed else pending.files)})
    return replace(settled, checks=(readable, *settled.checks))


def check_sound(night: Night, source: SourcePolicy) -> CheckResult:
    """Check that vault and content store know the same records of a source, and none that opted out of linkage."""
    with open_content(night.paths.content) as store:
        known = store.known(source.source)
    if any(table.link_fields for table in source.tables.values()):
        held = key_array(Vault(night.paths.vault, night.keys).keys(source.source))
        apart = int((~is_in(held, known)).sum() + (~is_in(known, held)).sum())
    else:
        apart = 0
    optouts = int(is_in(known, as_record_keys(night.optouts(source.namespace))).sum())
    counts = {"records": len(known), "in_one_store_only": apart, "opted_out": optouts}
    return CheckResult(SOUND, apart == 0 and optouts == 0, counts)


def _finish(
    night: Night,
    source: str,
    book: Nights,
    results: Iterable[CheckResult],
    *,
    refusal: tuple[str, str, str] | None,
    loaded: int = 0,
    **outcome: int,
) -> LoadReport:
    """Write refusal and checks to the book, and return the report of the whole night so far."""
    earlier = {check.name: check for check in book.checks(night.date, source) if check.passed}
    checks = {**earlier, **merged(results)}
    book.refuse(night.date, source, refusal)
    book.note_checks(night.date, source, [checks[name] for name in sorted(checks)])
    with open_content(night.paths.content) as store:
        rows, records = store.rows(source), len(store.known(source))
    return LoadReport(
        source=source,
        status="refused" if refusal else "loaded" if loaded else "nothing new",
        counts=tuple(book.counts(night.date, source)),
        checks=tuple(checks.values()),
        tokens=book.tokens(night.date, source),
        refusal=refusal[1] if refusal else None,
        remedy=refusal[2] if refusal else None,
        records=records,
        rows=rows,
        **outcome,
    )


def merged(results: Iterable[CheckResult]) -> dict[str, CheckResult]:
    """Return one result a check: passed if it passed for every delivery, with the counts added up."""
    together: dict[str, CheckResult] = {}
    for result in results:
        before = together.get(result.name, CheckResult(result.name, True, {}))
        counts = {name: before.counts.get(name, 0) + number for name, number in result.counts.items()}
        together[result.name] = CheckResult(result.name, before.passed and result.passed, counts)
    return together
