"""The review: what a plan would do, as its approver reads it, and what was decided on it."""

from collections.abc import Sequence

from reversion.candidates import Nearer
from reversion.features.values import Change, State
from reversion.outcome import Approval
from reversion.plan import Plan, Step
from reversion.report.explanations import reasons_key
from reversion.report.pages import Listing, Page, paged
from reversion.report.tables import ROWS, named, parts, table, way
from reversion.text import Value, counted, markdown

ROWS_IN_FORM = 50
"""How many rows a list shows in the approval form: what a person reads before deciding. Its pages have all."""

_LOSSES = (
    ("lost", "You will lose", "no feature is lost"),
    ("made_partial", "Will be there only in part", ""),
    ("resurrected", "Comes back although it was deliberately reverted", ""),
)
_REST = (
    ("regained", "You will regain", "no feature is regained"),
    ("completed", "Will be complete again", ""),
    ("unknown", "Cannot be told, and may be lost", ""),
)
_WHY_UNKNOWN = (
    "A version or a history that decides these could not be read. The warnings say which and why; where they don't, "
    "the commits and the catalogue entry that named the feature are gone."
)
_KEPT_OTHERWISE = "Kept, and not what the snapshot says"


class Room(Value):
    """How many rows of each list are shown, where all of them are, by what the list is of, and where it says why."""

    rows: int = ROWS
    rest: str = "'reversion plan --json' has them all"
    why: str = ""

    def cut(self, listing: Listing) -> list[str]:
        """Lay out as much of a list as there is room for, and say how much is left out."""
        left_out = len(listing.rows) - self.rows
        lines = table(listing.heads, listing.rows[: self.rows], raw=listing.raw)
        return [*lines, *([f"... and {left_out} more; {self.where(listing)}.", ""] if left_out > 0 else [])]

    def where(self, listing: Listing) -> str:
        return self.rest.format(what=listing.what)


def review(plan: Plan, asked: str = "", hint: Nearer | None = None, room: Room = Room()) -> str:  # noqa: B008  frozen
    """Write the review that the approval form, the artifact and `reversion plan` all show.

    `asked` is why the reversion was asked for, `hint` a smaller way back that there may be.
    """
    changed = sum(step.is_needed for step in plan.steps)
    lines = [
        f"**Take {plan.environment} back to {plan.snapshot}**",
        "",
        f"Only **{plan.environment}** changes: {changed} of {counted(len(plan.steps), 'service')}, "
        f"{counted(len(plan.configuration), 'configuration file')}. Nothing has been changed yet.",
        "",
        *([f"**Asked for because:** {markdown(asked, 600)}", ""] if asked else []),
        *_groups(plan, _LOSSES, room),
        *_hint_lines(plan, hint),
        *_warning_lines(plan.warnings, room),
        *_groups(plan, _REST, room),
        *_kept_lines(plan.comparison.kept, room),
        f"**Why:** {room.why}`reversion why FEATURE {plan.environment}` shows the commits that decide.",
        "",
        "### Services",
        "",
        *room.cut(_services(plan)),
        *_configuration_lines(plan, room),
        f"**Proof:** {', '.join(plan.checks) or 'no production tests are named'}.",
        "",
        f"Plan `{plan.digest[:12]}`.",
    ]
    return "\n".join(lines)


def review_pages(plan: Plan, asked: str = "", hint: Nearer | None = None, reasons: str = "") -> tuple[Page, ...]:
    """Write the review as the approval form shows it, and after it, where that is not all, pages that have all.

    `reasons` is the path, at the server, of the page that explains what becomes of each feature.
    """
    key = f"plan-{plan.environment}"
    room = Room(
        rows=ROWS_IN_FORM,
        rest=f"`{key}-{{what}}` among this run's artifacts has them all",
        why=f"see [{reasons_key(plan.environment)}]({reasons}) for all that changes; " if reasons else "",
    )
    form = Page(key=key, text=review(plan, asked, hint, room), description=plan.digest)
    pages = [form]
    for listing, is_cut in _listings(plan):
        if is_cut:
            top = (f"## {plan.environment} back to {plan.snapshot}: {listing.what}", "")
            pages += paged(f"{key}-{listing.what}", top, listing, f"All {listing.what} of plan {plan.digest[:12]}")
    return tuple(pages)


def approval(plan: Plan, given: Approval) -> str:
    """Write who decided what, since no page of the server shows a form's answer later."""
    rows = (
        ("Decision", given.decision),
        ("Name", given.approver),
        ("Reason", given.reason),
        ("Left out", ", ".join(given.leave_out)),
        ("Way", "back to the safety snapshot" if given.goes_back else ""),
        ("Snapshot", plan.snapshot),
        ("Plan", plan.digest),
    )
    return "\n".join(["## Approval", "", *table(("", ""), (row for row in rows if row[1]))])


def _listings(plan: Plan) -> list[tuple[Listing, bool]]:
    """Return all that the review lists, and whether the form has no room for all of it."""
    groups = [(title, getattr(plan.comparison, name)) for name, title, _ in (*_LOSSES, *_REST)]
    groups.append((_KEPT_OTHERWISE, _otherwise(plan.comparison.kept)))
    changes = Listing(
        what="features",
        heads=("Feature", "Change", ""),
        rows=tuple((*_change_row(change), title) for title, changes in groups for change in changes),
    )
    cut = any(len(changes) > ROWS_IN_FORM for _, changes in groups)
    others = (_services(plan), _warnings(plan.warnings), _files(plan))
    return [(changes, cut), *((listing, len(listing.rows) > ROWS_IN_FORM) for listing in others)]


def _groups(plan: Plan, groups: tuple[tuple[str, str, str], ...], room: Room) -> list[str]:
    return [
        line for name, title, none in groups for line in _group(title, getattr(plan.comparison, name), none, room)
    ]


def _group(title: str, changes: Sequence[Change], none: str, room: Room) -> list[str]:
    if not changes:
        return [f"**{title}:** {none}.", ""] if none else []
    security = sum(change.feature.kind == "security" for change in changes)
    told = f", {counted(security, 'security fix', 'security fixes')}" if security and len(changes) > room.rows else ""
    listing = Listing(what="features", heads=("Feature", "Change"), rows=tuple(map(_change_row, changes)))
    is_unknown = any(State.UNKNOWN in (change.before, change.after) for change in changes)
    why = [_WHY_UNKNOWN, ""] if is_unknown else []
    return [f"### {title} ({len(changes)}{told})", "", *why, *room.cut(listing)]


def _change_row(change: Change) -> tuple[str, str]:
    """Say it in one cell, since the approval form is narrow: `security: complete to absent (pay 0/1)`."""
    services = f" ({told})" if (told := parts(change.parts_after)) else ""
    return named(change.feature), f"{change.feature.kind}: {change.told}{services}"


def _kept_lines(kept: tuple[Change, ...], room: Room) -> list[str]:
    """Count what stays, and list what is judged otherwise than when the snapshot was taken."""
    count = counted(len(kept), "feature stays as it is", "features stay as they are")
    return [f"**Kept:** {count}.", "", *_group(_KEPT_OTHERWISE, _otherwise(kept), "", room)]


def _otherwise(kept: tuple[Change, ...]) -> tuple[Change, ...]:
    return tuple(change for change in kept if change.when_taken)


def _hint_lines(plan: Plan, hint: Nearer | None) -> list[str]:
    """Name a smaller way back. Only a person knows which feature is the bad one, so its losses are named too."""
    if hint is None:
        return []
    mine = (*plan.comparison.lost, *plan.comparison.made_partial)
    names = ", ".join(map(markdown, hint.losses[:10])) + (", ..." if len(hint.losses) > 10 else "")
    return [
        f"**Nearer:** `{hint.tag}` is newer, verified too, and by its record takes away only {len(hint.losses)} of "
        f"these {len(mine)} ({counted(hint.security, 'security fix', 'security fixes')}): {names}. "
        "If what went wrong is among them, that snapshot is enough.",
        "",
    ]


def _warnings(warnings: tuple[str, ...]) -> Listing:
    return Listing(what="warnings", heads=("Warning",), rows=tuple((markdown(each, 600),) for each in warnings))


def _warning_lines(warnings: tuple[str, ...], room: Room) -> list[str]:
    if not warnings:
        return []
    left_out = len(warnings) - room.rows
    more = [f"- ... and {left_out} more; {room.where(_warnings(warnings))}."] if left_out > 0 else []
    return ["### Warnings", "", *(f"- {markdown(each, 600)}" for each in warnings[: room.rows]), *more, ""]


def _services(plan: Plan) -> Listing:
    """List the services, in the order of the steps, those that change before those that stay."""
    steps = sorted(plan.steps, key=lambda step: not step.is_needed) if len(plan.steps) > ROWS_IN_FORM else plan.steps
    heads = ("Service", "Runs", "Will run", "Way", "Hosts")
    return Listing(what="services", heads=heads, rows=tuple(map(_step_row, steps)), raw=0)


def _step_row(step: Step) -> tuple[str, ...]:
    running = " and ".join(step.running) or "unknown"
    stays = step.direction == "same" and not step.is_needed
    going = (
        "already there" if step.is_there else "stays" if stays else way(step.direction, step.leaving, step.gaining)
    )
    return step.service, running, step.version, going, ", ".join(step.hosts)


def _files(plan: Plan) -> Listing:
    rows = tuple((change.path, change.change) for change in plan.configuration)
    return Listing(what="files", heads=("File", "Against now"), rows=rows, raw=0)


def _configuration_lines(plan: Plan, room: Room) -> list[str]:
    if not plan.configuration:
        return ["**Configuration:** as it is now.", ""]
    way = [
        f"Brought to the hosts by `{plan.configure}` and the restore playbook; Git keeps the newer files."
        if plan.configure
        else "No configure playbook is named: only the restore playbook sees these files. Git keeps the newer ones.",
        "",
    ]
    kept = [f"Never taken back: {', '.join(map(markdown, plan.keep_current))}.", ""] if plan.keep_current else []
    return ["### Configuration", "", *room.cut(_files(plan)), *way, *kept]
