"""Real Git repositories for tests, built fast and always with the same ids.

Use: `from tests.gitbuilder import GitBuilder`.
"""

import os
import subprocess
from pathlib import Path

_START = 1_700_000_000
_SETTINGS = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_EDITOR": "true",
    "GIT_AUTHOR_NAME": "Ana Example",
    "GIT_AUTHOR_EMAIL": "ana@example.com",
    "GIT_COMMITTER_NAME": "Ana Example",
    "GIT_COMMITTER_EMAIL": "ana@example.com",
    "HOME": os.devnull,
    "LC_ALL": "C",
}
_CONFIG = """[core]
	repositoryformatversion = 0
	bare = false
	hooksPath = /dev/null
[commit]
	gpgSign = false
[tag]
	gpgSign = false
[gc]
	auto = 0
[advice]
	detachedHead = false
"""


class GitBuilder:
    """One repository with a work tree, on branch `main`; every step is one minute after the last.

    The repository at `path` is made when there is none, so a builder can go on with what another one began.
    Steps that meet a conflict raise `ConflictError` and leave the repository as it was before.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._steps = 0
        if not (self.path / ".git").exists():
            for folder in ("objects", "refs/heads", "refs/tags"):
                (self.path / ".git" / folder).mkdir(parents=True)
            (self.path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
            (self.path / ".git" / "config").write_text(_CONFIG)
        else:
            self._steps = int(self.git("rev-list", "--all", "--count"))

    def git(self, *arguments: str, stdin: str | None = None) -> str:
        """Run any Git command here and return what it printed, stripped."""
        environment = {"PATH": os.environ["PATH"]} | _SETTINGS | self._dates()
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=environment, input=stdin, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise ConflictError(f"git {' '.join(arguments)[:200]}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def commit(self, message: str, files: dict[str, str] | None = None) -> str:
        """Write the files (none: an empty commit) and commit them under exactly this message."""
        for name, text in (files or {}).items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        if files:
            self.git("add", "--", *files)
        return self._record("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-", stdin=message)

    def remove(self, message: str, *files: str) -> str:
        """Delete the files and commit that."""
        self.git("rm", "-q", "--", *files)
        return self._record("commit", "-q", "--cleanup=verbatim", "-F", "-", stdin=message)

    def branch(self, name: str, at: str | None = None) -> None:
        """Make a branch, at the current commit unless told, and check it out."""
        self.git("checkout", "-q", "-b", name, *([at] if at else []))

    def checkout(self, name: str) -> None:
        """Check out a branch, a tag or a commit."""
        self.git("checkout", "-q", name)

    def merge(self, name: str, message: str | None = None) -> str:
        """Merge with a merge commit of its own (--no-ff), under Git's message unless told."""
        said = ("-m", message) if message is not None else ("--no-edit",)
        return self._try("merge", "-q", "--no-ff", *said, name)

    def squash(self, name: str, message: str) -> str:
        """Squash a branch into one commit here."""
        self._try("merge", "-q", "--squash", name)
        return self._record("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-", stdin=message)

    def pick(self, commit: str, *, marked: bool = True) -> str:
        """Cherry-pick, with the `(cherry picked from commit ...)` line unless `marked` is False."""
        return self._try("cherry-pick", "--allow-empty", *(["-x"] if marked else []), commit)

    def revert(self, commit: str, mainline: int | None = None) -> str:
        """Revert a commit, or a merge with its `mainline` parent's number, under Git's own message."""
        parent = ("-m", str(mainline)) if mainline else ()
        return self._try("revert", "--no-edit", *parent, commit)

    def tag(self, name: str, at: str | None = None, *, message: str | None = None) -> None:
        """Make a lightweight tag, or an annotated one with a message."""
        annotated = ("-a", "--cleanup=verbatim", "-m", message) if message is not None else ()
        self._steps += 1
        self.git("tag", *annotated, name, at or "HEAD")

    def head(self, name: str = "HEAD") -> str:
        """Return the full id of the commit that a name means; the current one unless told."""
        return self._current() if name == "HEAD" else self.git("rev-parse", "--verify", f"{name}^{{commit}}")

    def _current(self) -> str:
        """Read the current commit from Git's files, which is faster than asking Git."""
        head = (self.path / ".git" / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        branch = self.path / ".git" / head.removeprefix("ref: ")
        return branch.read_text().strip() if branch.is_file() else self.git("rev-parse", "HEAD")

    def files(self, at: str = "HEAD") -> tuple[str, ...]:
        """Return the paths of all files at a commit."""
        return tuple(name for name in self.git("ls-tree", "-r", "-z", "--name-only", at).split("\0") if name)

    def _try(self, *arguments: str) -> str:
        """Run one step; on a conflict go back to where it began."""
        self._steps += 1
        try:
            self.git(*arguments)
        except ConflictError:
            self.git("reset", "-q", "--hard")
            raise
        return self.head()

    def _record(self, *arguments: str, stdin: str) -> str:
        self._steps += 1
        self.git(*arguments, stdin=stdin)
        return self.head()

    def _dates(self) -> dict[str, str]:
        now = f"{_START + 60 * self._steps} +0000"
        return {"GIT_AUTHOR_DATE": now, "GIT_COMMITTER_DATE": now}


class ConflictError(Exception):
    """Git refused a step."""
