"""Read a service's version tags, with the commits that they alone hold, and the picks among these."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from reversion.adapters.repository import Repository
from reversion.environment import VERSION_PATTERN
from reversion.features.messages import picked_from, subject_of
from reversion.features.releases import Besides
from reversion.product import Service

_VERSION = re.compile(VERSION_PATTERN.removesuffix("$"))
_TIMEOUT = 60


@dataclass(frozen=True)
class Tags:
    """Version tags with the commits they name, and what only tags hold: ids with their parents, parents first."""

    commits: dict[str, str]
    besides: Besides


class Pick(NamedTuple):
    """A commit that is marked as picked from others, told by their ids."""

    commit: str
    subject: str
    sources: tuple[str, ...]


def read_tags(repository: Repository, service: Service, known: Collection[str], tips: tuple[str, ...]) -> Tags:
    """Read all tags that are versions of the service, and what they hold besides all that the tips contain."""
    names = ((name.removeprefix("refs/tags/"), commit) for name, commit in repository.refs().items())
    commits = {name: commit for name, commit in names if not name.startswith("refs/") and _is_version(service, name)}
    new = sorted({commit for commit in commits.values() if commit not in known})
    if not new:
        return Tags(commits, ())
    wanted = "".join(f"{commit}\n" for commit in new) + "".join(f"^{tip}\n" for tip in tips)
    listed = repository.run(
        "rev-list", "--topo-order", "--reverse", "--parents", "--stdin", stdin=wanted, timeout=_TIMEOUT
    )
    more = (line.split() for line in listed.splitlines())
    return Tags(commits, tuple((id, tuple(parents)) for id, *parents in more))


def read_picks(repository: Repository, tags: Tags, tips: tuple[str, ...]) -> tuple[Pick, ...]:
    """Return the marked picks that only tags hold, and not the tips."""
    if not tags.besides:
        return ()
    limits = (*tags.commits.values(), *(f"^{tip}" for tip in tips))
    log = repository.run(
        *("log", "--fixed-strings", "--grep=(cherry picked from commit "),
        *("-z", "--encoding=UTF-8", "--no-notes", "--format=%H%x1f%s%x1f%b", "--stdin"),
        stdin="".join(f"{limit}\n" for limit in limits),
        timeout=_TIMEOUT,
    )
    records = (record.split("\x1f", 2) for record in log.split("\0") if record.count("\x1f") >= 2)
    return tuple(Pick(id, subject_of(subject), picked_from(body)) for id, subject, body in records)


def _is_version(service: Service, tag: str) -> bool:
    for form in service.references("{version}"):
        before, _, after = form.partition("{version}")
        long_enough = len(tag) > len(before) + len(after)
        if long_enough and tag.startswith(before) and tag.endswith(after):
            middle = tag[len(before) : len(tag) - len(after)]
            if _VERSION.fullmatch(middle):
                return True
    return False
