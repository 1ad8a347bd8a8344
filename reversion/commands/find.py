"""`reversion find`: which snapshot to go back to, by what it has and lacks, and how little it takes away."""

from datetime import UTC, datetime

import click

from reversion.candidates import Criteria, Distance
from reversion.commands.printing import note, print_json, print_table
from reversion.operations.finding import LOOKED_AT, Ranking, find
from reversion.operations.workspace import open_workspace
from reversion.text import counted

_HEADS = (
    "Snapshot",
    "Label",
    "Verified",
    "Complete",
    "Lost",
    "Partial",
    "Back again",
    "Regained",
    "Unknown",
    "Services",
)
_NAMED = 20


@click.command("find")
@click.argument("environment")
@click.option("--with", "present", multiple=True, metavar="FEATURE", help="It must have FEATURE, complete.")
@click.option("--without", "missing", multiple=True, metavar="FEATURE", help="It must not have FEATURE, nor a part.")
@click.option("--verified", is_flag=True, help="Its production tests must have passed.")
@click.option("--complete", is_flag=True, help="Every service must have been read when it was taken.")
@click.option("--since", type=click.DateTime(), metavar="DATE", help="It must not be older; in UTC.")
@click.option("--count", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many to show.")
@click.option("--look-at", default=LOOKED_AT, show_default=True, type=click.IntRange(1), help="How many to look at.")
@click.option("--offline", is_flag=True, help="Ask no remote repository for anything new.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the features of each.")
@click.pass_obj
def find_command(
    product: str,
    /,
    environment: str,
    since: datetime | None,
    count: int,
    look_at: int,
    offline: bool,
    as_json: bool,
    **criteria: bool | tuple[str, ...],
) -> int:
    """Rank the snapshots of ENVIRONMENT that fit by how little going back to them takes away from what runs now.

    Fewest security fixes first, then fewest features that are lost or made partial, then the newest. It is told from
    what the snapshots recorded; 'reversion plan' judges the chosen one anew. --with and --without may be repeated.
    """
    workspace = open_workspace(product, refresh=not offline)
    ranking = find(
        workspace,
        workspace.product.environment(environment),
        Criteria.model_validate(criteria),
        since=since.replace(tzinfo=UTC) if since else None,
        look_at=look_at,
        refresh=not offline,
    )
    shown = ranking.found[:count]
    for line in ranking.notes:
        note(f"reversion: {line}")
    if as_json:
        print_json(ranking.model_copy(update={"found": shown}))
    elif shown:
        print_table(_HEADS, map(_row, shown))
        _tell_first(environment, shown[0])
    _tell_rest(ranking, len(shown), environment)
    return 0 if shown else 1


def _row(found: Distance) -> tuple[str, ...]:
    security = f" ({len(found.security)} security)" if found.security else ""
    return (
        found.tag + (" *" if found.otherwise_named else ""),
        found.label,
        {True: "yes", False: "failed", None: "no"}[found.verified],
        "yes" if found.complete else "no",
        f"{len(found.lost)}{security}",
        *(str(len(group)) for group in (found.made_partial, found.resurrected, found.regained, found.unknown)),
        str(len(found.services)),
    )


def _tell_first(environment: str, first: Distance) -> None:
    if first.unknown:
        print(f"Whether the first one takes away these can't be told: {_listed(first.unknown)}.")
    elif not first.services and not first.losses:
        print("The first one is what runs now.")
        return
    print(f"The first one takes away: {_listed(first.losses)}.")
    print(f"Review it: reversion plan {environment} {first.tag}")


def _listed(ids: tuple[str, ...]) -> str:
    names = ids[:_NAMED]
    more = f" and {len(ids) - len(names)} more ('--json' names all)" if len(ids) > len(names) else ""
    return f"{', '.join(names) or 'nothing'}{more}"


def _tell_rest(ranking: Ranking, shown: int, environment: str) -> None:
    """Say what was left out, and why."""
    if not ranking.looked_at:
        note(f"There is no snapshot of {environment} to look at. Those there are: reversion snapshots {environment}")
    elif not ranking.found:
        note(f"Of {counted(ranking.looked_at, 'snapshot')} of {environment} none fits.")
    if any(found.otherwise_named for found in ranking.found[:shown]):
        note("* taken under other conventions: features may only seem to be lost or regained.")
    if same := sum(len(found.same) for found in ranking.found):
        note(f"{counted(same, 'snapshot')} of the same versions as one of these not told apart; '--json' names them.")
    if more := len(ranking.found) - shown:
        note(f"{more} more fit; '--count' shows them.")
    if ranking.older:
        note(
            f"{counted(ranking.older, 'older snapshot was', 'older snapshots were')} not looked at; '--look-at' does."
        )
    if ranking.broken:
        note(f"{ranking.broken} can't be used; 'reversion snapshots {environment}' says why.")
