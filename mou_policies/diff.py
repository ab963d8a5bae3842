"""What a change of agreements makes possible, and what it stops: exhaustive over the domain, not over the text.

Asked is what the second side allows and the first does not, and then the same the other way round, so that what has no
order (another treatment that is neither coarser nor finer) stands in both lists. Free words are listed for a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mou_policies.agreement import Agreement
from mou_policies.changes import Change, Side
from mou_policies.diff_agreements import Pair, paired, widened_agreements
from mou_policies.diff_points import View, widened_points
from mou_policies.diff_reading import widened_reading
from mou_policies.diff_words import Word, changed_words
from mou_policies.domain import Span, spans
from mou_policies.inforce import OUT_OF_TERM
from mou_policies.language import agreement_files, load_agreement
from mou_policies.nodes import read_yaml

Views = Mapping[Span, tuple[View, View]]


@dataclass(frozen=True)
class Difference:
    """What is newly possible, what is no longer, and words that changed.

    `clauses` are the paths of all clauses that are other, new or gone, by agreement: nothing changes unseen.
    `refused` says why agreements of the second side grant nothing as they stand, `mended` what of that is no longer so.
    """

    widened: tuple[Change, ...]
    narrowed: tuple[Change, ...]
    words: tuple[Word, ...]
    clauses: Mapping[str, tuple[str, ...]]
    refused: tuple[str, ...]
    mended: tuple[str, ...]

    @property
    def widens(self) -> bool:
        """Whether anything is newly possible, so that somebody must agree to it."""
        return bool(self.widened)


def diff(old: Side, new: Side) -> Difference:
    """Compare two sides on every date on which an agreement of either holds."""
    pairs = paired(old, new)
    views = {
        span: (View(old.policy(span.first)), View(new.policy(span.first)))
        for span in spans([*old.agreements, *new.agreements])
    }
    back = {span: (after, before) for span, (before, after) in views.items()}
    narrowed = _widened([pair.turned for pair in pairs], new, old, back)
    return Difference(
        widened=tuple(_widened(pairs, old, new, views)),
        narrowed=tuple(change.turned for change in narrowed),
        words=tuple(word for pair in pairs for word in _words(pair, old, new)),
        clauses=_clauses(pairs, old, new),
        refused=_refused(views),
        mended=_refused(back),
    )


def side_of(path: Path, other: Side | None = None) -> Side:
    """Read one agreement or a folder of them; files that are alike on the other side are not read again.

    Raises AgreementError for the first file that is malformed.
    """
    files = agreement_files(path) if path.is_dir() else [path]
    known = {a.file: a for a in other.agreements} if other else {}
    alike = {file for file in files if other and file.name in known and _same(file, other.files[file.name])}
    agreements = tuple(known[file.name] if file in alike else load_agreement(file) for file in files)
    return Side(agreements, not path.is_dir(), {file.name: file for file in files})


def _same(file: Path, other: Path) -> bool:
    return file.read_bytes() == other.read_bytes()


def _widened(pairs: Sequence[Pair], old: Side, new: Side, views: Views) -> Iterator[Change]:
    yield from widened_points(views)
    yield from widened_reading(views)
    yield from widened_agreements(pairs, old, new)


def _refused(views: Views) -> tuple[str, ...]:
    """Return why agreements of the second side are refused that were not on the first, but for the dates of terms."""
    found: dict[str, str] = {}
    for old, new in views.values():
        before = {refusal.reason for refusal in old.policy.refusals}
        found |= {
            r.reason: str(r) for r in new.policy.refusals if r.reason not in before and OUT_OF_TERM not in r.reason
        }
    return tuple(found.values())


def _words(pair: Pair, old: Side, new: Side) -> Iterator[Word]:
    before, after = old.files.get(pair.old.file), new.files.get(pair.new.file)
    if before is not None and after is not None and pair.old.sha256 != pair.new.sha256:
        yield from changed_words(read_yaml(before), read_yaml(after), pair.new.agreement_id)


def _clauses(pairs: Sequence[Pair], old: Side, new: Side) -> Mapping[str, tuple[str, ...]]:
    """Return the clauses that differ, by agreement; one that is on one side only is told as a whole."""
    found = {pair.new.agreement_id: _differing(pair.old, pair.new) for pair in pairs}
    for mine, side, word in (([p.old for p in pairs], old, "gone"), ([p.new for p in pairs], new, "new")):
        alone = [a for a in side.agreements if not any(a is other for other in mine)]
        found |= {a.agreement_id: (f"{word}: {a.file}, {a.title}",) for a in alone}
    return {name: paths for name, paths in found.items() if paths}


def _differing(old: Agreement, new: Agreement) -> tuple[str, ...]:
    paths = dict.fromkeys([*new.clauses, *old.clauses])
    return tuple(path for path in paths if old.clauses.get(path) != new.clauses.get(path))
