"""Repositories of any size for the benchmarks, written by `git fast-import` from a fixed seed.

A history is like a real one: topic branches merged, squashes, a release branch with picks, reverts, reverts of
reverts, trailers, pull request numbers. A message is about 350 bytes long.
"""

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

_TEXT = """
add change improve rework gift card checkout basket price tax invoice stock order customer address payment refund
search filter sort page image review rating coupon shipping label track return account login session
"""
_WORDS = _TEXT.split()
_ENVIRONMENT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
_WHO = b"committer Ana Example <ana@example.com> %d +0000\n"
_RELEASE_EVERY = 50


def write_repository(path: Path, commits: int, seed: int, features: range, *, start: int = 0) -> None:
    """Make a bare repository of about that many commits, or add them to one that is there.

    Tags `v1`, `v2` ... are set on the main line every 50 commits. Each ordinary commit names one of the features.
    """
    if not path.exists():
        _git(path.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(path))
    stream = b"".join(_History(commits, seed, features, start).lines())
    subprocess.run(
        ["git", "-C", str(path), "-c", "core.fsync=none", "fast-import", "--quiet"],
        input=stream,
        check=True,
        env=os.environ | _ENVIRONMENT,
    )


def _git(folder: Path, *arguments: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, env=os.environ | _ENVIRONMENT)


class _History:
    def __init__(self, commits: int, seed: int, features: range, start: int) -> None:
        self._random = random.Random(seed * 1_000_003 + start)
        self._wanted, self._features, self._start = commits, features, start
        self._made, self._time = start, 1_600_000_000 + start * 60
        self._released = start // _RELEASE_EVERY
        self._subjects: list[tuple[int, str]] = []

    def lines(self) -> Iterator[bytes]:
        """Yield fast-import's commands: commits, now and then a merged topic, a revert, and a tag."""
        yield self._commit("refs/heads/main", self._message(), parent="refs/heads/main^0" if self._start else "")
        while self._made < self._start + self._wanted:
            kind = self._random.random()
            if kind < 0.08:
                yield from self._topic()
            elif kind < 0.10 and self._subjects:
                yield self._commit("refs/heads/main", self._revert())
            else:
                yield self._commit("refs/heads/main", self._message())
            if self._made // _RELEASE_EVERY > self._released:
                self._released = self._made // _RELEASE_EVERY
                yield f"reset refs/tags/v{self._released}\nfrom refs/heads/main\n\n".encode()

    def _topic(self) -> Iterator[bytes]:
        name = f"refs/heads/topic-{self._made}"
        yield f"reset {name}\nfrom refs/heads/main\n\n".encode()
        for _ in range(self._random.randint(1, 4)):
            yield self._commit(name, self._message())
        number = self._made
        message = f"Merge pull request #{number} from shop/topic-{number}\n\n{self._title()}\n"
        yield self._commit("refs/heads/main", message, merge=name)
        yield f"reset {name}\nfrom 0000000000000000000000000000000000000000\n\n".encode()

    def _commit(self, ref: str, message: str, *, parent: str = "", merge: str = "") -> bytes:
        self._made += 1
        self._time += 60
        text = message.encode()
        parts = [
            f"commit {ref}\nmark :{self._made}\n".encode(),
            _WHO % self._time,
            b"data %d\n" % len(text),
            text,
            b"\n",
        ]
        if parent:
            parts.append(f"from {parent}\n".encode())
        if merge:
            parts.append(f"merge {merge}\n".encode())
        content = f"{self._made}".encode()
        parts.append(b"M 100644 inline f%d\ndata %d\n%s\n" % (self._made % 97, len(content), content))
        return b"".join(parts)

    def _message(self) -> str:
        key = f"SHOP-{self._random.choice(self._features)}"
        kind = self._random.choice(("feat", "feat", "feat", "fix", "chore"))
        subject = f"{kind}: {key} {self._title()}"
        if self._random.random() < 0.5:
            subject += f" (#{self._made})"
        self._subjects.append((self._made, subject))
        body = "\n".join(" ".join(self._random.choices(_WORDS, k=11)) for _ in range(3))
        change = f"Change-Id: I{self._random.getrandbits(160):040x}\n" if self._random.random() < 0.2 else ""
        return f"{subject}\n\n{body}\n\n{change}Reviewed-by: Bo Example <bo@example.com>\n"

    def _revert(self) -> str:
        _, subject = self._subjects[-self._random.randint(1, min(20, len(self._subjects)))]
        return f'Revert "{subject}"\n\nIt broke the basket.\n'

    def _title(self) -> str:
        return " ".join(self._random.choices(_WORDS, k=5))
