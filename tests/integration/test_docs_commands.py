"""Every command in the README and in docs/ exists as written; those a reader runs on the demo city are run here."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`((?:cradlepath|make) [^`]+)`")
SERVERS = {"dagster", "serve"}
READS_THE_MODEL = [["cradlepath", "model", "list"], ["cradlepath", "model", "show"]]
"""What works on a city of any size; `train` and `use` are run by `tests/unit/test_cli_model.py`."""


def commands(page: Path) -> list[str]:
    """Return the shell commands of a page: lines of its sh blocks (continued lines joined) and inline ones."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in BLOCK.findall(text):
        joined = re.sub(r'"([^"]*)"', lambda quoted: '"' + " ".join(quoted[1].split()) + '"', block)
        found += [line.split("  #")[0].strip() for line in joined.splitlines()]
    found += INLINE.findall(text)
    return [line for line in found if line.startswith(("cradlepath ", "make "))]


ALL = sorted({(page.name, command) for page in PAGES for command in commands(page)})


def test_pages_show_commands() -> None:
    assert {page.name for page in PAGES} >= {
        "README.md",
        "agency.md",
        "agreements.md",
        "model.md",
        "operator.md",
        "steward.md",
    }
    assert len(ALL) > 25


@pytest.mark.parametrize(("page", "command"), ALL)
def test_a_command_in_the_docs_exists_as_written(page: str, command: str) -> None:
    words = shlex.split(command)
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = [word for word in words[1:] if "=" not in word]
        assert all(re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) for target in targets)
        return
    from pipelines.cli import app

    node, rest = typer.main.get_command(app), words[1:]
    while rest and rest[0] in getattr(node, "commands", {}):
        node, rest = node.commands[rest[0]], rest[1:]
    assert not getattr(node, "commands", {}) or not [word for word in rest if not word.startswith(("-", "<", "…", "."))]
    known = {option for parameter in node.params for option in parameter.opts} | {"--help"}
    assert {word.split("=")[0] for word in rest if word.startswith("--")} <= known


def readers_commands() -> list[str]:
    """Commands of the README, the steward's, the auditor's and the model's page that a reader runs on the demo city."""
    shown = [*commands(ROOT / "README.md"), *commands(ROOT / "docs" / "steward.md")]
    shown += commands(ROOT / "docs" / "auditor.md")
    shown += [line for line in commands(ROOT / "docs" / "model.md") if line.split() in READS_THE_MODEL]
    chosen = [line for line in shown if line.startswith("cradlepath ") and line.split()[1] not in SERVERS]
    return list(dict.fromkeys(line for line in chosen if line.split()[1] not in {"demo", "nightly"}))


def test_the_readers_commands_run_on_the_demo_city(city, tmp_path: Path) -> None:
    shutil.copytree(city.home, tmp_path / "demo-city")
    environment = os.environ | {"CRADLEPATH_WORKSPACE": str(tmp_path / "demo-city"), "TMPDIR": str(tmp_path)}
    program = str(Path(sys.executable).with_name("cradlepath"))
    chosen = readers_commands()
    assert len(chosen) >= 6
    for line in chosen:
        words = [program, *shlex.split(line)[1:]]
        done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        assert done.stdout.strip(), line
