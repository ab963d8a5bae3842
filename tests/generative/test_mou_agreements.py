"""Random changes of an agreement: an unknown word is an error, and no change widens silently."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.mou import NIGHT, SMALL, sign_all, write

from mou_policies import vocabulary
from mou_policies.agreement import Agreement
from mou_policies.fields import snake
from mou_policies.language import AgreementError, load_agreement
from mou_policies.policy import Policy, compile_policy
from mou_policies.signing import sidecar_of

WORD = st.from_regex(r"[a-z][a-z_]{2,12}", fullmatch=True)
LINES = SMALL.splitlines()


def load(text: str) -> Agreement | AgreementError:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return load_agreement(write(Path(folder), text))
        except AgreementError as error:
            return error


@pytest.fixture(scope="module")
def signed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed") / "agreements"
    write(folder)
    return sign_all(folder)


def grants(policy: Policy) -> list[tuple[object, ...]]:
    fields = policy.sources["clinic"].tables["visits"].fields
    return [(f.field, f.cls, f.use, f.treatment, f.name) for f in fields]


def inserted(line: int, key: str) -> str:
    """Put `key: "x"` before a line, at its depth, as one more key of the mapping the line belongs to."""
    depth = len(LINES[line]) - len(LINES[line].lstrip())
    return "\n".join([*LINES[:line], " " * depth + f'{key}: "x"', *LINES[line:]]) + "\n"


BLOCK_KEYS = [i for i, line in enumerate(LINES) if not line.strip().startswith("-") and i < 24]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(BLOCK_KEYS), WORD)
def test_an_unknown_key_anywhere_is_an_error(line: int, key: str) -> None:
    known = {
        "terms", "kind", "records_of", "one_record_a_child", "expects_days", "options", "population",
        "transfer", "means", "optional", "excludes", "exception", "cite", "elements", "files",
    }  # fmt: skip
    assume(key not in known and f"{key}:" not in SMALL)
    assert isinstance(load(inserted(line, key)), AgreementError)


@settings(max_examples=40, deadline=None)
@given(WORD)
def test_an_unknown_key_in_a_field_is_an_error_at_the_key(key: str) -> None:
    assume(key not in {"class", "use", "treatment", "as", "reason", "required", "format"})
    error = load(SMALL.replace("{class: health.visit", "{" + key + ": 1, class: health.visit"))
    assert isinstance(error, AgreementError)
    assert (error.line, error.column) == (32, 20)
    assert key in error.what


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(vocabulary.field_classes())),
    st.sampled_from(sorted(vocabulary.uses())),
    st.sampled_from(sorted(vocabulary.treatments())),
)
def test_a_field_never_has_more_than_its_class_allows(cls: str, use: str, treatment: str) -> None:
    written = "{date: " + treatment[5:] + "}" if treatment.startswith("date.") else treatment
    settings_ = {"top_code": "{top_code: 5}", "band": "{band: [1, 2]}", "recode": "{recode: {A: x}}"}
    written = settings_.get(written, written)
    text = SMALL.replace(
        "{class: health.visit, use: publish, treatment: {top_code: 20}",
        "{class: " + cls + ", use: " + use + ", treatment: " + written,
    )
    loaded = load(text)
    if isinstance(loaded, AgreementError):
        return
    field = next(f for f in loaded.sources["clinic"].tables["visits"].fields if f.field == "visits")
    rule = vocabulary.field_classes()[cls]
    assert field.use == "none" or field.use in rule.uses
    if field.is_content:
        assert field.treatment.token in rule.treatments
    if field.use == "link":
        assert field.treatment.kind == ("record" if cls == "id.record" else "tokenise")
    if cls == "id.ssn":
        assert field.use in {"link", "none"}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**9))
def test_a_changed_byte_never_widens_what_was_signed(signed_folder: Path, seed: int) -> None:
    """After signing, an edit leaves the policy as signed or grants nothing, and never crashes."""
    draw = random.Random(seed)
    file = signed_folder / "clinic.yaml"
    text = list(SMALL)
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(text))
        text[place] = draw.choice(["", text[place] * 2, *"abz019 :{}[],\"'\n-#&*!|>%@`\t\u2028é\x00"])
    file.write_text("".join(text), encoding="utf-8")
    try:
        policy = compile_policy(signed_folder, NIGHT)
    finally:
        file.write_text(SMALL, encoding="utf-8")
    granted = compile_policy(signed_folder, NIGHT)
    assert granted.sources
    if policy.sources:
        assert policy.digest == granted.digest
        assert grants(policy) == grants(granted)
    else:
        assert policy.refusals[0].remedy


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_a_changed_byte_of_the_signatures_never_admits_another_wording(signed_folder: Path, seed: int) -> None:
    draw = random.Random(seed)
    sidecar = sidecar_of(signed_folder / "clinic.yaml")
    good = sidecar.read_bytes()
    data = bytearray(good)
    for _ in range(draw.randint(1, 4)):
        data[draw.randrange(len(data))] = draw.randrange(256)
    sidecar.write_bytes(bytes(data))
    try:
        policy = compile_policy(signed_folder, NIGHT)
    finally:
        sidecar.write_bytes(good)
    assert policy.sources or policy.refusals[0].reason


@given(st.text(max_size=30))
def test_a_default_column_name_is_safe_or_refused(name: str) -> None:
    assert set(snake(name)) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
    assert snake(snake(name)) == snake(name)
