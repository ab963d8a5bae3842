"""The `cradlepath` command: a thin layer of words over functions that live elsewhere.

Here live argument parsing, tables on the screen and exit statuses. A command imports what it needs
when it runs, so that `--help` answers at once. Exit statuses: 0 done; 1 failed, nothing was published; 2 wrong use;
3 done, but something was refused and wants a person; 4 not for whoever asked, or nobody signed in, so nothing was done.
"""

from __future__ import annotations

import os
import sys

import typer
from typer.exceptions import Abort, TyperException

from assets.guard import ROOMS, is_for_people, place_of
from pipelines.admission import NotPermittedError
from pipelines.cli import (
    agreements,
    attack,
    audit,
    backup,
    child,
    city,
    consents,
    keys,
    links,
    model,
    night,
    people,
    releases,
    returns,
    review,
    serve,
    tokenise,
)
from pipelines.cli.asked import ask_everywhere
from pipelines.cli.extras import Commands

REFUSED = 3
NOT_PERMITTED = 4

app = typer.Typer(
    name="cradlepath",
    cls=Commands,
    help="One private ID per child from birth to grade 12: load agencies' extracts under their agreements, link them "
    "by keyed tokens, and publish de-identified outcomes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (
    city,
    night,
    links,
    child,
    review,
    model,
    attack,
    releases,
    returns,
    agreements,
    consents,
    audit,
    people,
    keys,
    backup,
    serve,
    tokenise,
):
    group.register(app)
ask_everywhere(app)


def main() -> None:
    """Run the command line; every failure is one line on standard error and a non-zero exit status."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    try:
        code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except (Abort, KeyboardInterrupt):
        sys.exit("cradlepath: stopped by you; a night that was under way kept nothing it had not committed")
    except TyperException as error:
        print(f"cradlepath: {_usage(error)} (see --help)", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except NotPermittedError as error:
        print(f"cradlepath: {one_line(error)}", file=sys.stderr)  # noqa: T201
        sys.exit(NOT_PERMITTED)
    except Exception as error:  # the last line of defence: an unknown text may quote a record, so it is withheld
        print(f"cradlepath: {one_line(error)}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _usage(error: TyperException) -> str:
    return error.format_message() if hasattr(error, "format_message") else str(error)


def one_line(error: Exception) -> str:
    """Return the text of one of our own errors, or the kind and place of any other."""
    if is_for_people(error):
        return " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.split(".")[0] not in ROOMS:
        return f"found no module {error.name}, which this command needs; install cradlepath[hub] (docs/operator.md)"
    if isinstance(error, OSError) and error.filename:
        return f"{error.strerror}: {error.filename}"
    return f"unexpected {type(error).__name__} at {place_of(error)}; nothing was published; please report this line"
