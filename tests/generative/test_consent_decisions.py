"""Decisions against a naive model that takes one child, one question and one form at a time."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.decisions import ON, City, Form, decide_all

from consent.questions import Question
from consent.vocabulary import vocabulary

QUESTIONS = [
    Question("health", "health.immunization", "research", "uni"),
    Question("health", "health.immunization", "research", "uni", True, ("hipaa.authorization",)),
    Question("school", "education.grade", "measure-success", "cabinet"),
    Question("snap", "benefit.months"),
    Question("birth"),
]
MONTHS = [f"{year}-{month:02}" for year in (2024, 2025, 2026) for month in (1, 6)]
ORDER = {"refused": 0, "silent": 1, "permitted": 2}
WORDS = vocabulary()
SCOPES = [name for name, scope in WORDS.scopes.items() if scope.effect in {"child", "sources"}]

names = st.fixed_dictionaries(
    {},
    optional={
        "recipients": st.sampled_from([("uni",), ("cabinet",), ("lab", "uni")]),
        "purposes": st.sampled_from([("research",), ("measure-success",)]),
        "classes": st.sampled_from([("*",), ("health.*",), ("health.immunization",), ("education.*", "benefit.*")]),
        "sources": st.sampled_from([("health",), ("school", "snap")]),
    },
)
forms = st.builds(
    Form,
    sequence=st.just(0),
    child=st.just("ann"),
    decision=st.sampled_from(["grant", "grant", "grant", "refuse", "revoke", "opt_out", "transfer", "emergency"]),
    scope=st.sampled_from(["health", "health", "outcomes", *SCOPES]),
    month=st.sampled_from(MONTHS),
    names=st.none() | names,
    signer=st.sampled_from(["parent", "guardian", "student", "student", "agency", "unknown"]),
    bases=st.sampled_from([(), ("hipaa.authorization",), ("ferpa.consent",), ("agreement", "hipaa.authorization")]),
)
families = st.lists(forms, max_size=5)
years = st.none() | st.sampled_from([2006, 2007, 2008, 2009])
refusals = forms.map(lambda form: replace(form, decision="refuse"))


def told(form: Form, kind: str) -> tuple[str, ...]:
    return tuple((form.names or {}).get(kind, ()))


def effect(form: Form) -> str:
    return WORDS.decisions[form.decision].effect


def about_class(pattern: str, cls: str | None) -> bool:
    return cls is not None and (pattern in {"*", cls} or (pattern.endswith(".*") and cls.startswith(pattern[:-1])))


def speaks(form: Form, asked: Question) -> bool:
    refuses = effect(form) == "refuse"
    scope = WORDS.scopes[form.scope]
    in_scope = scope.effect == "child" or form.scope in WORDS.areas_of(asked.source)
    sources, classes = told(form, "sources"), told(form, "classes")
    if refuses and sources:
        in_scope = True
    if effect(form) != "exception" and not in_scope:
        return False
    if sources and asked.source not in sources:
        return False
    open_class = refuses and asked.field_class is None
    if classes and not open_class and not any(about_class(p, asked.field_class) for p in classes):
        return False
    for kind, word in (("purposes", asked.purpose), ("recipients", asked.recipient)):
        said = told(form, kind)
        if effect(form) == "exception" and word not in said:
            return False
        if said and word not in said and not (refuses and word is None):
            return False
    return effect(form) != "grant" or form.names is None or valid(form, asked)


def valid(form: Form, asked: Question) -> bool:
    if form.names is None or not form.bases:
        return False
    return not asked.bases or bool(set(form.bases) & set(asked.bases))


def specificity(form: Form, asked: Question) -> tuple[bool, bool, int, bool]:
    classes = told(form, "classes")
    width = 0 if not classes or "*" in classes else 1
    if asked.field_class is not None and asked.field_class in classes:
        width += 1
    return bool(told(form, "recipients")), bool(told(form, "purposes")), width, bool(told(form, "sources"))


def naive(family: list[Form], born: int | None, asked: Question) -> tuple[str, set[int | None]]:
    """Return the state, and the forms that may be cited for it."""
    exceptions = [f.sequence for f in family if effect(f) == "exception" and speaks(f, asked)]
    if exceptions:
        return "permitted", {max(exceptions)}
    transfers = [form.month for form in family if effect(form) == "transfer"]
    grown_from = min(
        [*transfers, *([f"{born + 18}-01"] if born is not None and born + 18 <= ON.year else [])], default=None
    )

    def signer(form: Form) -> str:
        return "unknown" if form.names is None else form.signer

    def own(form: Form) -> bool:
        return grown_from is not None and signer(form) == "student" and form.month >= grown_from

    refused, permitted = [], []
    for scope in SCOPES:
        said = [f for f in family if f.scope == scope and effect(f) in {"grant", "refuse"} and speaks(f, asked)]
        said = [
            f for f in said
            if effect(f) == "refuse" or (own(f) if signer(f) == "student" else grown_from is None)
        ]  # fmt: skip
        if any(own(form) for form in said):
            said = [form for form in said if own(form)]
        refusals = [form.month for form in said if effect(form) == "refuse"]
        said = [form for form in said if effect(form) == "refuse" or form.month >= max(refusals, default="")]
        if not said:
            continue
        best = max((specificity(f, asked), f.month, effect(f) == "refuse") for f in said)
        wins = [f for f in said if (specificity(f, asked), f.month, effect(f) == "refuse") == best]
        if best[2]:
            refused.append((scope, wins))
        elif any(valid(form, asked) for form in wins):
            permitted.append((best[0], WORDS.scopes[scope].order, [f for f in wins if valid(f, asked)]))
    if refused:
        return "refused", {form.sequence for form in refused[0][1]}
    if permitted:
        top = max(permitted, key=lambda one: one[:2])
        return "permitted", {form.sequence for form in top[2]}
    return ("refused" if asked.opt_in else "silent"), {None}


def numbered(*groups: tuple[str, list[Form]]) -> list[Form]:
    """Return the forms of several children, each under its child, numbered through."""
    listed = [(child, form) for child, family in groups for form in family]
    return [replace(form, child=child, sequence=n) for n, (child, form) in enumerate(listed, 1)]


quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@quick
@given(st.lists(st.tuples(families, years), min_size=4, max_size=12))
def test_everybody_at_once_is_as_one_child_at_a_time(city: list[tuple[list[Form], int | None]]):
    children = tuple(f"child {number}" for number in range(len(city)))
    made = numbered(*((child, family) for child, (family, _) in zip(children, city, strict=True)))
    births = tuple((child, born) for child, (_, born) in zip(children, city, strict=True) if born)
    found = decide_all(made, QUESTIONS, City(births=births, children=children))
    for child, (_, born) in zip(children, city, strict=True):
        for number, asked in enumerate(QUESTIONS):
            state, cited = naive([form for form in made if form.child == child], born, asked)
            assert found[child, number][0] == state, (child, asked)
            assert found[child, number][1] in cited


@quick
@given(families, families, years, years, refusals)
def test_a_refusal_more_and_a_merge_never_permit_more(
    ann: list[Form], bob: list[Form], ann_born: int | None, bob_born: int | None, refusal: Form
):
    made = numbered(("ann", ann), ("bob", bob), ("both", ann + bob), ("harsher", [*ann, refusal]))
    both = [form.sequence for form in made if form.child == "both"]
    of_part = [("was ann", n) for n in both[: len(ann)]] + [("was bob", n) for n in both[len(ann) :]]
    births = [("ann", ann_born), ("bob", bob_born), ("both", ann_born), ("both", bob_born), ("harsher", ann_born)]
    city = City(
        births=tuple((child, born) for child, born in births if born),
        parts=(("both", "was ann", "2026-08-15"), ("both", "was bob", "2026-08-15")),
        part_forms=tuple(of_part),
        children=("ann", "bob", "both", "harsher"),
    )
    found = {place: ORDER[state] for place, (state, _) in decide_all(made, QUESTIONS, city, exceptions=False).items()}
    for number in range(len(QUESTIONS)):
        assert found["harsher", number] <= found["ann", number]
        assert found["both", number] <= min(found["ann", number], found["bob", number])
