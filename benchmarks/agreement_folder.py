"""A folder of generated agreements: an EMOU, DSAs of 2,000 fields each under it, and a licence over them; all signed.

Classes, exceptions, purposes, uses and treatments are those of the vocabulary, so that reading, lint and compilation
do what they do in a city, and nothing is refused. The words of a reason are invented.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import cycle, islice
from pathlib import Path

from mou_policies import vocabulary
from mou_policies.language import agreement_files, load_agreement
from mou_policies.signing import new_signer, sign

SIGNED_ON = date(2025, 7, 1)
NIGHT = date(2026, 9, 1)
TABLES = 5
LICENSED = 200

_DOORS = ("ferpa.audit-evaluation", "hipaa.public-health", "snap.administration")
_PURPOSES = ("link-records", "evaluate-education", "public-health", "administer-programs", "measure-success")
_TERM = "term: {from: 2025-07-01, to: 2030-06-30}\n"
_HUB = 'hub: {agency: hub, name: "Cabinet", represented_by: "Director", contact: "hub@city.example"}\n'
_WRITTEN = {
    "date": "{date: year}",
    "top_code": "{top_code: 20}",
    "band": "{band: [10, 20, 30]}",
    "recode": '{recode: {"1": "yes", "2": "no"}, else: "unknown"}',
}
_WHY = ("Tells children apart when records are linked", "Breakdown of outcomes by group", "Whom programs reach")


def make_folder(folder: Path, agreements: int, fields: int) -> None:
    """Write and sign the folder: `agreements` DSAs of `fields` fields each, with their EMOU and their licence.

    The signers' keys lie in `signers` beside it.
    """
    folder.mkdir(parents=True)
    names = [f"agency_{number:02}" for number in range(agreements)]
    shares = {name: list(islice(_fields(name), fields)) for name in names}
    _write(folder / "cabinet.yaml", _emou(names))
    for name, listed in shares.items():
        _write(folder / f"{name}.yaml", _dsa(name, listed))
    _write(folder / "licence.yaml", _dul(shares))
    for file in agreement_files(folder):
        _sign(file)


def change_one(folder: Path, number: int) -> None:
    """Change a reason in one agreement and sign it anew, as its parties would."""
    file = folder / "agency_00.yaml"
    _write(file, file.read_text(encoding="utf-8").replace("Becomes a", f"For the {number}. time becomes a", 1))
    _sign(file)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def _fields(agency: str) -> Iterator[tuple[str, str, bool]]:
    """Yield (name, entry, whether it is published) of fields without end: each class in turn, each use it may have."""
    for number, (cls, use, treatment) in enumerate(cycle(_offers())):
        setting = f", treatment: {treatment}" if treatment else ""
        why = f"{_WHY[number % len(_WHY)]}; item {number} of the list agreed with {agency}"
        entry = f'{{class: {cls}, use: {use}{setting}, reason: "{why}"}}'
        yield f"{cls.replace('.', '_')}_{number:04}", entry, use == "publish"


def _offers() -> list[tuple[str, str, str]]:
    """Return (class, use, treatment as it is written): each use a class may have here, else its denial."""
    found = []
    for cls in vocabulary.field_classes().values():
        if cls.uses and vocabulary.doors(cls.name, _DOORS) and cls.name != "id.record":
            found += [(cls.name, use, "tokenise" if use == "link" else _written(cls)) for use in cls.uses]
        elif not cls.protects:
            found.append((cls.name, "none", ""))
    return found


def _written(cls: vocabulary.FieldClass) -> str:
    kind, _, unit = cls.treatments[-1].partition(".")
    return f"{{date: {unit}}}" if unit else _WRITTEN.get(kind, kind)


def _heading(name: str, kind: str, title: str) -> str:
    return f'agreement: {name}\nkind: {kind}\ntitle: "{title}"\n{_TERM}'


def _purposes(names: tuple[str, ...]) -> str:
    return "purposes:\n" + "".join(f'  {name}: "As the parties have agreed"\n' for name in names)


def _terms(kind: str) -> str:
    return "terms:\n" + "".join(f'  {name}: "As agreed"\n' for name in vocabulary.kinds()[kind].clauses)


def _emou(agencies: list[str]) -> str:
    members = "".join(f"    - {_party(name)}\n" for name in agencies)
    permits = 'permits: {link: ["*"], content: ["*"], publish: ["*"]}\n'
    limits = (
        "limits:\n  - {use: [content, publish], class: [address.zip], treatment: zip3, "
        'because: "No finer address", cite: "45 CFR 164.514(b)(2)(i)(B)"}\n'
    )
    prohibits = (
        "prohibits:\n  - {use: [publish], class: [education.score], "
        'because: "A score tells children apart", cite: "34 CFR 99.31(b)(1)"}\n'
    )
    heading = _heading("cabinet-2025", "emou", "The agreement above all others")
    parties = f"parties:\n  {_HUB}  members:\n{members}"
    return "".join([heading, parties, _purposes(_PURPOSES), permits, prohibits, limits, _terms("emou")])


def _party(agency: str) -> str:
    return f'{{agency: {agency}, name: "{agency}", represented_by: "Director", contact: "data@{agency}.example"}}'


def _dsa(agency: str, fields: list[tuple[str, str, bool]]) -> str:
    lines = [
        _heading(f"share-{agency.replace('_', '-')}", "dsa", f"Records of {agency}"),
        "under: [cabinet-2025]\n",
        f"parties:\n  provider: {_party(agency)}\n  {_HUB}",
        "authority:\n" + "".join(_door(name) for name in _DOORS),
        _purposes(_PURPOSES),
        'destruction: {period_days: 90, starts: "when this ends", method: "erased", certificate: "within 30 days"}\n',
        'redisclosure: {allowed: false, text: "Nothing is passed on"}\n',
        _terms("dsa"),
        f'sources:\n  {agency}:\n    title: "Records"\n    standard: csv\n    delivery: delta\n    tables:\n',
    ]
    size = -(-len(fields) // TABLES)
    for table in range(TABLES):
        lines.append(f'      t{table}:\n        files: ["t{table}_*.csv"]\n        fields:\n')
        record = '{class: id.record, use: link, treatment: record, reason: "Becomes a keyed record key"}'
        lines.append(f"          record_id: {record}\n")
        lines += [f"          {name}: {entry}\n" for name, entry, _ in fields[table * size : (table + 1) * size - 1]]
    return "".join(lines)


def _door(name: str) -> str:
    rule = vocabulary.exceptions()[name]
    elements = ", ".join(f'{element}: "As agreed"' for element in rule.elements)
    return f'  - {{exception: {name}, cite: "{rule.cite}", elements: {{{elements}}}}}\n'


def _dul(shares: dict[str, list[tuple[str, str, bool]]]) -> str:
    """Return a licence of the first fields that each agreement lets be published."""
    parents = ", ".join(f"share-{name.replace('_', '-')}" for name in shares)
    recipient = _party("cabinet_analytics")
    lines = [
        _heading("outcomes-2025", "dul", "Measures of the city's children"),
        f"under: [cabinet-2025, {parents}]\n",
        f"parties:\n  {_HUB}  recipient: {recipient}\n",
        _purposes(("measure-success",)),
        _terms("dul"),
        "release: {name: outcomes, level: aggregate, minimum_cell: 11, earlier_releases: considered}\n",
        "fields:\n",
    ]
    for name, fields in shares.items():
        size = -(-len(fields) // TABLES)
        lines.append(f"  {name}:\n")
        for table in range(TABLES):
            listed = fields[table * size : (table + 1) * size - 1]
            chosen = [field for field, _, published in listed if published and "score" not in field]
            lines.append(f"    t{table}:\n")
            lines += [f'      {field}: "A measure reads it"\n' for field in chosen[: LICENSED // TABLES]]
    return "".join(lines)


def _sign(file: Path) -> None:
    """Sign an agreement for every party, with keys made when they are needed first."""
    keys = file.parent.parent / "signers"
    for party in load_agreement(file).parties:
        key = keys / f"{party.agency.replace('_', '-')}-signer.key.pem"
        if not key.exists():
            new_signer(file.parent, "signer", "hub" if party.role == "hub" else "provider", party.agency)
        sign(file, key, SIGNED_ON)
