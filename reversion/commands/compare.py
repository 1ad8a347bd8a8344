"""`reversion compare`: what lies between two commits, tags or snapshots of the product, told in features."""

from collections.abc import Iterator

import click

from reversion import report
from reversion.commands.printing import note, print_json, print_table
from reversion.features.values import Comparison
from reversion.operations import referring
from reversion.operations.referring import Difference
from reversion.operations.workspace import open_workspace
from reversion.text import counted
from reversion.version_sets import VersionSet

_SHOWN = ("lost", "made_partial", "resurrected", "regained", "completed", "unknown")


@click.command("compare")
@click.argument("before", metavar="REF")
@click.argument("after", metavar="REF")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--offline", is_flag=True, help="Ask no remote repository for anything new.")
@click.pass_obj
def compare_command(product: str, before: str, after: str, as_json: bool, offline: bool) -> None:
    """Show what going from one REF to the other does to features and services.

    A REF is a commit, tag, branch or snapshot of the product. Where the product keeps other versions for each
    environment, write ENVIRONMENT:REF, e.g. live:main staging:main.
    """
    workspace = open_workspace(product, refresh=not offline)
    found = referring.compare(workspace, before, after, refresh=not offline)
    if as_json:
        print_json(_document(found))
        return
    for line in found.notes:
        note(line)
    print_table(
        ("Change", "Feature", "Title", "Kind", "State", "Services (have/need)"),
        _feature_rows(found.comparison),
        title=f"From {before} to {after}",
    )
    kept = len(found.comparison.kept)
    print(f"Kept: {counted(kept, 'feature stays as it is', 'features stay as they are')}.\n")
    print_table(("Service", "Before", "After", "Way"), _service_rows(found))


def _feature_rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    for group in _SHOWN:
        for change in getattr(comparison, group):
            feature = change.feature
            yield (
                group.replace("_", " "),
                feature.id,
                feature.title,
                feature.kind,
                change.told + (f" ({', '.join(feature.remarks)})" if feature.remarks else ""),
                report.parts(change.parts_after),
            )


def _service_rows(found: Difference) -> Iterator[tuple[str, ...]]:
    for relation in found.relations:
        going = report.way(relation.direction, relation.leaving, relation.gaining)
        yield (
            relation.service,
            _version(found.before, relation.service),
            _version(found.after, relation.service),
            going,
        )


def _version(versions: VersionSet, service: str) -> str:
    """Return the version as people know it; a commit's id is shortened."""
    named = versions.services.get(service)
    if named is None:
        return ""
    version = named.version or "unknown"
    return version[:10] if version == named.commit else version


def _document(found: Difference) -> dict[str, object]:
    return {
        "before": found.before,
        "after": found.after,
        "features": found.comparison,
        "services": found.relations,
        "notes": found.notes,
    }
