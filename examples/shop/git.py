"""Git for the example: commits by named people at fixed times, untouched by the user's own settings."""

import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

FIRST_DAY = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)


@dataclass
class Git:
    """One repository. Each commit is made half a day after the one before, so that ids repeat."""

    path: Path
    now: datetime = field(default=FIRST_DAY)

    @classmethod
    def create(cls, path: Path) -> "Git":
        path.mkdir(parents=True)
        git = cls(path)
        git("init", "--quiet", "--initial-branch=main")
        return git

    def __call__(self, *arguments: str, author: str = "Ana") -> str:
        """Run one command as `author` and return what it printed."""
        return subprocess.run(
            ("git", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=false", *arguments),
            cwd=self.path,
            env=self._settings(author),
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str, author: str = "Ana") -> str:
        """Commit everything and return the commit's id."""
        self.tick()
        self("add", "--all")
        self("commit", "--quiet", "--message", message, author=author)
        return self("rev-parse", "HEAD")

    def newest(self) -> datetime:
        """Return when the newest commit was made."""
        return datetime.fromisoformat(self("log", "-1", "--format=%cI"))

    def tick(self) -> None:
        self.now += timedelta(hours=12)

    def _settings(self, author: str) -> dict[str, str]:
        who = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (
                ("NAME", author),
                ("EMAIL", f"{author.lower()}@example.com"),
                ("DATE", self.now.isoformat()),
            )
        }
        return who | {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_EDITOR": "true",
            "LC_ALL": "C",
        }
