"""Parts of what a night says on the screen, each from the story as plain data: on the hub, or as it may leave it.

What belongs here: the words around counts. What does not: which counts there are (`pipelines.story`), the commands
(`pipelines.cli.night`).
"""

from __future__ import annotations

from typing import Any

from pipelines.cli.screen import heading, say


def mode(story: dict[str, Any]) -> None:
    """Print who makes tokens."""
    from pipelines.summary import mode_sentence  # noqa: PLC0415

    say(mode_sentence(story["mode"]))


def unlinkable(story: dict[str, Any]) -> None:
    """Print how many records no rule of linking can use, where that may be told."""
    from pipelines.summary import unlinkable as in_words  # noqa: PLC0415

    if (said := in_words(story["sources"])) is not None:
        say(f"  {said}")


def city(story: dict[str, Any]) -> None:
    """Print how many children the records are; outside the hub rounded, as of the month's first night."""
    heading("Children")
    found = story["children"]
    if "not_told" not in story:
        say(
            f"  {found['records']:,} records of {found['sources']} sources are {found['children']:,} children, "
            "with one ID each."
        )
        return
    say(f"  As of this month's first night, {found['records']} records are {found['children']} children.")


def consent(story: dict[str, Any]) -> None:
    """Print what families' decisions took out of the hub's tables tonight, and which reach no child yet."""
    if "consent" not in story:
        return
    found = story["consent"]
    heading("Families' decisions")
    rows, children = found["rows"], found["newly_refused"]
    say(f"  {rows:,} rows are left out of the hub's tables; {children:,} children are out since tonight.")
    if found["pending"]:
        say(f"  {found['pending']:,} forms reach no child yet; they are tried every night (`cradlepath consent show`).")


def warnings(story: dict[str, Any]) -> None:
    """Print what checks warn of, a line each; and why a release was refused, if one was."""
    if story["warnings"]:
        heading("Warnings")
    for one in story["warnings"]:
        say(f"  {one['check']} of {one['asset']}: {one['said']}")


def ending(story: dict[str, Any]) -> None:
    """Print what of the agreements ends soon, or has just ended, a line each."""
    if story["ending"]:
        heading("Ends soon, or has just ended")
    for one in story["ending"]:
        say(f"  {one['stage']}: {one['says']}")
    if story.get("to_destroy"):
        heading("To be destroyed (`cradlepath audit destruction`)")
    for line in story.get("to_destroy", ()):
        say(f"  {line}")


def sum_of(story: dict[str, Any]) -> str:
    """Say what the rows read are the sum of."""
    loaded = "accepted" if "not_told" in story else "loaded"
    return f"{loaded} + quarantined + dropped by policy" + ("" if "not_told" in story else " + dropped by consent")


def not_told(story: dict[str, Any]) -> None:
    """Print the one sentence for the counts that a story leaves out, if it leaves any out."""
    if "not_told" in story:
        say(f"  {story['not_told']}")
