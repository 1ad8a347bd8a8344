"""What a commit message says by itself: subject, trailers, pull requests, picks, reverts. Pure."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

SHORT = 1_000
"""A message that is no longer is looked at whole."""
_LONGEST_MESSAGE = 200_000
_LONGEST_LINE = SHORT

_TRAILER = re.compile(r"([A-Za-z0-9-]+)[ \t]*:[ \t]*(.*)")
_MADE_BY_GIT = ("Signed-off-by: ", "(cherry picked from commit ")
_PULL_IN_WORDS = "pull request #"
_PULL_AT_START = re.compile(r"(?:Merge pull request #?|Merged PR |Pull request #(?=[0-9]{1,9}:))([0-9]{1,9})\b")
_TITLED_MERGE = re.compile(r"(?:Merged PR |Pull request #)[0-9]{1,9}: (.+)")
_PULL_IN_BODY = re.compile(r"^See merge request (?:[\w./-]{1,200})?!([0-9]{1,9})\b", re.MULTILINE)
_CHANGE = re.compile(r"Change-Id:[ \t]*(I[0-9a-f]{6,40})[ \t]*$", re.MULTILINE)
_PICKED = re.compile(r"^\(cherry picked from commit ([0-9a-f]{7,40})\)[ \t]*$", re.MULTILINE)
_COMMIT = r"[0-9a-f]{7,40}"
_BY_ID = re.compile(
    rf"(?:^[ \t]*|[.:;!] )[Tt]his reverts commits? ({_COMMIT})"
    rf"((?:(?:,\s{{1,5}}and|,|\s{{1,5}}and)\s{{1,5}}(?:commit )?{_COMMIT}){{0,50}})"
    r"(?:(?: \([^\n]{0,1000}?\))?,?\s{1,5}reversing\s{1,5}changes\s{1,5}made\s{1,5}to\s{1,5}"
    rf"({_COMMIT}))?",
    re.MULTILINE,
)
"""Git's words, with the subject in brackets by `--reference`; people add more commits."""
_BY_PULL = re.compile(
    r"^[ \t]*(?:Reverts|This reverts merge request|This reverts pull request)[ \t]+"
    r"(?:[\w.-]{1,100}/){0,9}[\w.-]{0,100}[#!]([0-9]{1,9})\b",
    re.MULTILINE,
)
_QUOTED = re.compile(r'(?:(?:\[[^\]]{1,60}\]|[A-Z][A-Z0-9_]{1,30}-[0-9]{1,10}:?) ){0,5}(Revert|Reapply) "(.+)"')
"""Hooks of trackers put keys before it."""
_CONVENTIONAL = re.compile(r"revert(?:\([^)]{0,100}\))?!?:[ \t]*(.*)", re.IGNORECASE)
_REFS = re.compile(r"^Refs:[ \t]*([0-9a-f]{7,40}(?:[, \t]+[0-9a-f]{7,40}){0,50})[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Undoing:
    """What a message says that its commit reverts: ids with the parent a merge goes back to, numbers, or a subject.

    `by_subject` tells that the subject alone says it is a revert.
    """

    ids: tuple[tuple[str, str], ...] = ()
    pulls: tuple[str, ...] = ()
    subject: str = ""
    by_subject: bool = False


class Messages:
    """Some messages, each clipped, that are searched all at once: most say nothing of what is looked for.

    `added` are the paths that each commit adds, or nothing where nobody asked for them.
    """

    def __init__(self, texts: Sequence[str], added: Sequence[tuple[str, ...]] = ()) -> None:
        self.texts, self.added = texts, added
        self._whole = "\0".join(texts)
        self._starts = list(accumulate([len(text) + 1 for text in texts], initial=0))

    def holding(self, mark: str) -> Iterator[tuple[int, int]]:
        """Yield the number of each message that holds the mark, and where in it the first one is."""
        return self._holding(self._whole, mark)

    def holding_in_any_case(self, mark: str) -> Iterator[tuple[int, int]]:
        """Yield what `holding` does; the mark is in lower case."""
        return self._holding(self._lowered, mark)

    def lowered(self, number: int) -> str:
        """Return a message in lower case and of the same length."""
        return self._lowered[self._starts[number] : self._starts[number + 1] - 1]

    @cached_property
    def _lowered(self) -> str:
        """All in lower case: only the capital I with a dot would become longer."""
        lowered = self._whole.lower()
        return lowered if len(lowered) == len(self._whole) else self._whole.replace("\u0130", "I").lower()

    def _holding(self, whole: str, mark: str) -> Iterator[tuple[int, int]]:
        starts = self._starts
        at = whole.find(mark)
        while at >= 0:
            number = bisect_right(starts, at) - 1
            yield number, at - starts[number]
            at = whole.find(mark, starts[number + 1])


def clip(message: str) -> str:
    """Return the part of a message that is looked at."""
    if len(message) <= _LONGEST_LINE:
        return message
    return "\n".join(line[:_LONGEST_LINE] for line in message[:_LONGEST_MESSAGE].split("\n"))


def subject_of(message: str) -> str:
    return message.lstrip("\r\n")[:_LONGEST_LINE].split("\n", 1)[0].strip()


def trailers(message: str) -> tuple[tuple[str, str], ...]:
    """Return the (name, value) pairs that Git itself sees at a message's end.

    The last paragraph counts when it is not the first, and holds nothing but trailers, or one that Git made and at
    least a quarter trailers.
    """
    paragraphs = re.split(r"\n(?:[ \t]*\n)+", message.strip("\n").replace("\r\n", "\n").rstrip())
    if len(paragraphs) < 2:
        return ()
    unfolded: list[str] = []
    for line in paragraphs[-1].split("\n"):
        if line.startswith("#"):
            continue
        if line[:1] in " \t" and unfolded:
            unfolded[-1] += " " + line.strip()
        else:
            unfolded.append(line)
    found = [(match[1], match[2].strip()) for line in unfolded if (match := _TRAILER.fullmatch(line))]
    made_by_git = [line for line in unfolded if line.startswith(_MADE_BY_GIT)]
    is_trailer = len(found) + sum(line.startswith("(") for line in made_by_git)
    others = len(unfolded) - is_trailer
    if others == 0 or (made_by_git and is_trailer * 3 >= others):
        return tuple(found)
    return ()


def pull_requests(message: str, subject: str) -> tuple[str, ...]:
    """Return the numbers of the pull requests that a commit landed by, the original before its backports."""
    if subject[:1] in "MP" and (match := _PULL_AT_START.match(subject)):
        return (match[1],)
    if subject[-1:] == ")" and (numbers := _parted(subject)[1]):
        return numbers
    if "See merge request" in message:
        return tuple(_PULL_IN_BODY.findall(message)[-1:])
    return ()


def without_pull_requests(subject: str) -> str:
    return _parted(subject)[0] if subject.endswith(")") else subject


def _parted(subject: str) -> tuple[str, tuple[str, ...]]:
    """Part a subject from the numbers at its end, of which each stands in brackets of its own: `(#12)`."""
    numbers: tuple[str, ...] = ()
    while subject[-1:] == ")":
        rest, bracket, said = subject.rpartition("(")
        begin = said[0] if said[0] in "#!" else _PULL_IN_WORDS
        number = said[len(begin) : -1] if said.startswith(begin) else ""
        if not (bracket and number.isdecimal() and number.isascii() and len(number) < 10):
            break
        numbers, subject = (number, *numbers), rest.rstrip()
    return subject.strip(), numbers


def merged_title(message: str, subject: str) -> str:
    """Return the title of the pull request that such a merge landed, or nothing where it has none."""
    if match := _TITLED_MERGE.match(subject):
        return match[1]
    lines = map(str.strip, message.lstrip("\r\n").split("\n")[1:])
    return next((line for line in lines if line and not line.startswith("See merge request")), "")


def change_id(message: str) -> str:
    """Return the last Change-Id, or nothing."""
    at = message.rfind("\nChange-Id:")
    while at >= 0:
        if found := _CHANGE.match(message, at + 1):
            return found[1]
        at = message.rfind("\nChange-Id:", 0, at)
    return ""


def picked_from(message: str) -> tuple[str, ...]:
    """Return the ids in the last paragraph that tells what the commit was picked from."""
    for paragraph in reversed(re.split(r"\n[ \t]*\n", message)):
        if found := _PICKED.findall(paragraph):
            return tuple(found)
    return ()


def undoing(message: str, subject: str) -> Undoing | None:
    """Return what the message says that its commit reverts, or None where it says nothing of the kind."""
    subject = without_pull_requests(subject)
    quoted, conventional = _QUOTED.match(subject), _CONVENTIONAL.match(subject)
    ids = []
    for id, more, base in _BY_ID.findall(message):
        ids += [(id, base), *((other, "") for other in re.findall(_COMMIT, more))]
    if conventional:
        ids += [(id, "") for listed in _REFS.findall(message) for id in re.findall("[0-9a-f]+", listed)]
    said = ""
    if quoted:
        said = quoted[2] if quoted[1] == "Revert" else f'Revert "{quoted[2]}"'
    elif conventional:
        said = conventional[1].strip()
    pulls = tuple(_BY_PULL.findall(message))
    if not (quoted or conventional or ids or pulls):
        return None
    return Undoing(tuple(ids), pulls, said, bool(quoted or conventional))
