"""From a page back to the agreement: read what is shown, hold it against its fingerprint, and make the page again.

A page is believed only whole. Its clauses must give the fingerprint that it carries, and the page made anew from them
must say the same, tag by tag and word by word: no clause is hidden, and no explanation says what its clause does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from urllib.parse import unquote

from mou_policies.canonical import clauses, digest_of
from mou_policies.document.appendix import CLAUSE, SHORT
from mou_policies.document.page import edition, render
from mou_policies.document.reading import REMEDY, Found, Reading, Seen
from mou_policies.document.signatures import Signing
from mou_policies.document.values import LIST, TABLE, TYPED, steps
from mou_policies.emit import emit
from mou_policies.errors import AgreementError
from mou_policies.nodes import parse_yaml
from mou_policies.values import Node

MAX_BYTES = 20_000_000
OTHER_EDITION = (
    "The document was rendered by another edition of the explanations: its clauses and their fingerprint were checked, "
    "the words around them were not."
)


@dataclass(frozen=True)
class ReadBack:
    """What a page says: the agreement as YAML, its root, its SHA-256, what is shown of signatures, and a note.

    `note` is empty, or says what could not be checked.
    """

    text: str
    root: Node
    sha256: str
    signing: Signing
    note: str = ""


def load_rendered(file: Path) -> ReadBack:
    """Read a rendered agreement from its file. Raises AgreementError like `read_rendered`, and for what is no HTML."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise AgreementError(file, 1, 1, f"the document has more than {MAX_BYTES:,} bytes", REMEDY)
        html = file.read_text(encoding="utf-8")
    except OSError as error:
        what = f"the document cannot be read ({error.strerror or 'unreadable'})"
        raise AgreementError(file, 1, 1, what, "check its path and rights") from None
    except UnicodeDecodeError:
        raise AgreementError(file, 1, 1, "the document is not UTF-8", REMEDY) from None
    return read_rendered(file, html)


def read_rendered(file: Path, html: str) -> ReadBack:
    """Return the agreement that a page (the text of `file`) states. Raises AgreementError where the page was altered.

    Signatures are returned as shown; only `signing.verify` says what they are worth.
    """
    page = Reading(file, html)
    facts = {at: found for at, found in page.values.items() if at.startswith("doc:")}
    for wanted in ("doc:sha256", "doc:edition", "doc:state"):
        if wanted not in facts:
            remedy = "name an HTML file that `cradlepath mou render` made"
            raise AgreementError(file, 1, 1, f"this is no rendered agreement: it has no {wanted[4:]}", remedy)
    tree = _Tree(file)
    for at, found in page.values.items():
        if at not in facts:
            tree.add(at, found)
    shown = tree.node()
    text = emit(shown)
    root = parse_yaml(file, text)
    sha256 = _checked(file, root, facts)
    signing = _signing(file, facts)
    read = ReadBack(text, root, sha256, signing)
    if facts["doc:edition"].text != edition():
        return ReadBack(text, root, sha256, signing, OTHER_EDITION)
    _compare(file, page.seen, Reading(file, render(shown, signing)).seen)
    return read


def _checked(file: Path, root: Node, facts: Mapping[str, Found]) -> str:
    """Return the SHA-256 of what was read. Raises AgreementError naming the clauses that differ from the page's own."""
    digests, _ = clauses(root)
    sha256, carried = digest_of(digests), facts["doc:sha256"]
    if sha256 == carried.text:
        return sha256
    printed = {at: found.text for at, found in facts.items() if at.startswith(CLAUSE + "/")}
    named = {unquote(at.removeprefix(CLAUSE + "/")): digest for at, digest in printed.items()}
    differ = differences(named, {path: digest[:SHORT] for path, digest in digests.items()})
    what = f"the document was altered after it was rendered: {differ or 'its fingerprint is that of another'}"
    raise AgreementError(file, carried.line, carried.column, what, REMEDY)


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return which clauses differ between two lists of clause digests, in words (at most five); empty if none does."""
    paths = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    words = [f"{p} {'removed' if p not in after else 'changed' if p in before else 'added'}" for p in paths]
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")


def _signing(file: Path, facts: Mapping[str, Found]) -> Signing:
    try:
        return Signing.of({at: found.text for at, found in facts.items()})
    except (KeyError, ValueError, IndexError):
        raise AgreementError(file, 1, 1, "the signatures of the document are not whole", REMEDY) from None


def _compare(file: Path, given: list[Seen], made: list[Seen]) -> None:
    """Raise AgreementError at the first word or tag that the page of the same agreement does not have there."""
    for found, expected in zip_longest(given, made):
        if found is None or expected is None or found.what != expected.what:
            place = found or given[-1]
            seen = f"found {_quoted(found)} where {_quoted(expected)} is expected"
            what = f"the document does not say what its clauses say: {seen}"
            raise AgreementError(file, place.line, place.column, what, REMEDY)


def _quoted(seen: Seen | None) -> str:
    if seen is None:
        return "the end"
    return repr(seen.what if len(seen.what) < 70 else seen.what[:67] + "...")


class _Tree:
    """Grows a tree from values with their addresses; a place is taken once, and a list has no gaps."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._root: dict[str | int, object] = {}

    def add(self, at: str, found: Found) -> None:
        """Put a value at its address. Raises AgreementError where the address is none or already taken."""
        path = steps(at)
        if path is None:
            raise self._error(found, f"{at!r} is no place in an agreement")
        here: dict[str | int, object] = self._root
        for step in ["", *path][:-1]:
            below_here = here.setdefault(step, {})
            if not isinstance(below_here, dict):
                raise self._error(found, f"{at} stands within another value")
            here = below_here
        last = ["", *path][-1]
        if last in here:
            raise self._error(found, f"{at} stands within another value, or holds others")
        here[last] = found

    def node(self) -> Node:
        """Return the tree. Raises AgreementError for a list with gaps, or one that has keys."""
        return self._node(self._root.get("", {}))

    def _node(self, grown: object) -> Node:
        if isinstance(grown, Found):
            return Node(str(self.file), grown.line, grown.column, _raw(grown), grown.means == TYPED)
        steps_here = dict(grown) if isinstance(grown, dict) else {}
        children = {step: self._node(value) for step, value in steps_here.items()}
        first = next(iter(children.values()), None)
        line, column = (first.line, first.column) if first is not None else (1, 1)
        numbers = [step for step in children if isinstance(step, int)]
        if not numbers:
            return Node(str(self.file), line, column, {str(key): child for key, child in children.items()})
        if sorted(numbers) != list(range(len(children))):
            raise AgreementError(self.file, line, column, "an entry of a list is missing here", REMEDY)
        return Node(str(self.file), line, column, [children[number] for number in sorted(numbers)])

    def _error(self, found: Found, what: str) -> AgreementError:
        return AgreementError(self.file, found.line, found.column, what, REMEDY)


def _raw(found: Found) -> str | list[Node] | dict[str, Node]:
    return [] if found.means == LIST else {} if found.means == TABLE else found.text
