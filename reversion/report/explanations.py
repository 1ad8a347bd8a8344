"""Why features are in their states: one explanation, or all of a plan's, each before and after."""

from collections.abc import Iterable

from reversion.features.explaining import Explanation, Item, Share, Witness
from reversion.features.values import Feature
from reversion.plan import Plan
from reversion.report.pages import Page
from reversion.report.tables import named, table
from reversion.text import counted, markdown

LONGEST = 100_000
"""How many characters the explanations of one plan may have together; the rest is named in a line."""

_ROWS = 200
_FEW_ROWS = 20
_ROLES = {
    "change": "",
    "pick": "picked: ",
    "same change": "the same change: ",
    "revert": "takes it back: ",
    "restore": "brings it back: ",
}


def explanation(told: Explanation) -> str:
    """Write why one feature is in its state in one place."""
    feature = told.feature
    lines = [
        f"## {_title(feature)}",
        "",
        f"**{feature.told}** {markdown(told.place)}.",
        "",
        *_notes(told.notes),
    ]
    for share in told.shares:
        lines += [f"### {_headed(share)}", "", *_shares((share,), ("In effect",), _ROWS)]
    return "\n".join(lines).rstrip()


def reasons_page(plan: Plan, pairs: Iterable[tuple[Explanation, Explanation]]) -> Page:
    """Write of each feature why it is in its state now, and why in another afterwards, as far as there is room."""
    key = reasons_key(plan.environment)
    lines = [
        f"## {plan.environment} back to {plan.snapshot}: why",
        "",
        "The commits that decide what becomes of each feature. More of one, and of those that are left out: "
        f"`reversion why FEATURE {plan.environment}` and `reversion why FEATURE {plan.snapshot}`.",
        "",
    ]
    length, left_out = sum(map(len, lines)), 0
    for before, after in pairs:
        text = _pair(before, after)
        if length + len(text) > LONGEST:
            left_out += 1
            continue
        length += len(text) + 1
        lines.append(text)
    if left_out:
        lines += [f"... and {counted(left_out, 'more feature')}, left out to keep this short."]
    return Page(key=key, text="\n".join(lines).rstrip(), description=f"Why, for plan {plan.digest[:12]}")


def reasons_key(environment: str) -> str:
    """Return the key of the page that explains what becomes of an environment's features."""
    return f"why-{environment}"


def _pair(before: Explanation, after: Explanation) -> str:
    lines = [
        f"### {_title(before.feature)}",
        "",
        f"**{before.feature.told}** now, **{after.feature.told}** afterwards.",
        "",
        *_notes(tuple(dict.fromkeys((*before.notes, *after.notes)))),
    ]
    later = {share.service: share for share in after.shares}
    for share in before.shares:
        then = later.get(share.service)
        if then is None or then == share:
            lines += [f"**{_headed(share)}**", "", *_shares((share,), ("Now and afterwards",), _FEW_ROWS)]
        else:
            lines += [f"**{_headed(share)}; afterwards {_headed(then, named=False)}**", ""]
            lines += _shares((share, then), ("Now", "Afterwards"), _FEW_ROWS)
    return "\n".join(lines)


def _title(feature: Feature) -> str:
    return f"{named(feature)}: {feature.kind}" + (f" of {markdown(feature.owner)}" if feature.owner else "")


def _notes(notes: tuple[str, ...]) -> list[str]:
    return [*(f"- {markdown(note, 600)}" for note in notes), *([""] if notes else [])]


def _headed(share: Share, *, named: bool = True) -> str:
    """Say what a service has: `cart 1.1.0: has 1 of 2`."""
    service = f"{share.service} " if named else ""
    has = "not known" if share.unknown else f"has {share.have} of {share.need}"
    version = share.version if share.version != share.commit else (share.commit or "")[:10]
    return f"{service}{markdown(version or '')}".strip() + f": {has}"


def _shares(shares: tuple[Share, ...], heads: tuple[str, ...], most: int) -> list[str]:
    """Lay out what a service has at one or two versions: the rows are the same, each with a verdict a version."""
    problems = dict.fromkeys(share.problem.removesuffix(".") for share in shares if share.problem)
    lines = [line for problem in problems for line in (f"{markdown(problem[:1].upper() + problem[1:], 400)}.", "")]
    rows = [row for same in zip(*(share.items for share in shares), strict=True) for row in _item_rows(same)]
    if not rows:
        return lines
    more = [f"... and {len(rows) - most} more commits.", ""] if len(rows) > most else []
    return [*lines, *table(("Commit", "What it says", *heads, "First in"), rows[:most], raw=1), *more]


def _item_rows(same: tuple[Item, ...]) -> list[tuple[str, ...]]:
    rows = []
    for place, witness in enumerate(same[0].witnesses):
        alike = [item.witnesses[place] for item in same]
        verdicts = (item.why for item in same) if not place else map(_verdict, alike)
        check = " (check)" if witness.role == "revert" and not witness.is_whole else ""
        rows.append(
            (
                f"`{witness.commit[:10]}`",
                f"{_ROLES[witness.role]}{witness.subject}{check}",
                *verdicts,
                witness.first or "no version yet",
            )
        )
    return rows


def _verdict(witness: Witness) -> str:
    if not witness.is_there:
        return "not there"
    if witness.role in ("revert", "restore"):
        return "counts" if witness.counts else "undone by a later one"
    return "there"
