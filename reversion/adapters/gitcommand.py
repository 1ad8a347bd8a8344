"""How a Git command is run: what it may use, how long it may take, and how its failure is told."""

import fcntl
import os
import re
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, cast

os.environ["GIT_PYTHON_REFRESH"] = "quiet"  # else the import fails with a page of text where there is no git
import git

from reversion.errors import RepositoryFailed
from reversion.text import plain

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "protocol.ext.allow": "never",
    "log.showSignature": "false",
    "gc.autoDetach": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.prune": "false",
    "push.followTags": "false",
    "push.gpgSign": "false",
    "transfer.fsckObjects": "true",
    "fetch.fsck.zeroPaddedFilemode": "ignore",
    "fetch.fsck.missingSpaceBeforeDate": "ignore",
    "fetch.fsck.badTimezone": "ignore",
}
"""What no configuration file may change. Identity, signing, credentials, safe.directory stay the user's."""
_MISLEADING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)
"""Variables, as a Git hook has them, that would lead a command to another repository."""


_PIPE = 1 << 20
"""So much can Git write ahead, in bytes, which is a small history's whole log."""


class GitCommand:
    """Runs Git commands in one folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._git = git.Git(str(path))

    def run(self, arguments: tuple[str, ...], stdin: str | None, timeout: int) -> bytes:
        """Return the output; raise RepositoryFailed with Git's own words, or after `timeout` seconds."""
        with _as_file(stdin) as given:
            try:
                return self._git.execute(
                    self._line(arguments),
                    env=_environment(),
                    istream=given,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    kill_after_timeout=timeout,
                )
            except (git.CommandError, OSError, ValueError) as error:
                raise self._failure(arguments[0], getattr(error, "stderr", "") or str(error)) from error

    @contextmanager
    def open(self, arguments: tuple[str, ...], stdin: str | None, timeout: int) -> Iterator[IO[bytes]]:
        """Give the output to read while the command runs; it is ended when the block is left early."""
        with _as_file(stdin) as given:
            try:
                held = self._git.execute(
                    self._line(arguments),
                    env=_environment(),
                    istream=given,
                    as_process=True,
                    start_new_session=True,
                )
            except (git.CommandError, OSError, ValueError) as error:
                raise self._failure(arguments[0], getattr(error, "stderr", "") or str(error)) from error
        process = held.proc  # `held` ends the process when it is dropped, so it must live as long
        if process is None or process.stdout is None or process.stderr is None:
            raise self._failure(arguments[0], "")
        _widen(process.stdout)
        said = _Listener(process.stderr)
        watch = threading.Timer(timeout, _end, (process.pid,))
        watch.daemon = True
        watch.start()
        try:
            yield process.stdout
            while process.stdout.read(1 << 20):
                continue
            status = process.wait()
            if status != 0 or said.tells_of_damage():
                late = f"Timeout: it took longer than {timeout} seconds" if not watch.is_alive() else ""
                raise self._failure(arguments[0], late or said.text())
        finally:
            watch.cancel()
            if process.poll() is None:
                _end(process.pid)
                process.wait()
            process.stdout.close()
            said.close()

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        misleading = [name for name in _MISLEADING if name in os.environ]
        clean = ["env", *(part for name in misleading for part in ("-u", name))] if misleading else []
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return [*clean, "git", "-C", str(self._path), *options, *arguments]

    def _failure(self, command: str, stderr: object) -> RepositoryFailed:
        if shutil.which("git") is None:
            return RepositoryFailed("There is no git in PATH.", "Install Git where this runs.")
        said = str(stderr).strip().removeprefix("stderr: ").strip("'\n ")
        said = re.sub(r"//[^/\s]*@", "//", said)
        if said.startswith("Timeout:"):
            return RepositoryFailed(
                f"Git did not finish {command} in {self._path} in the time it was given.",
                "Check the network and the remote, then try again.",
            )
        return RepositoryFailed(
            f"Git could not {command} in {self._path}: {plain(said, 400) or 'it gave no reason'}.",
            "Check the path, the network and the credentials of the user that runs Reversion.",
        )


class _Listener:
    """Reads a command's standard error as it comes, so that the command never waits for it to be read."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._said = b""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def text(self) -> str:
        self._thread.join(5)
        return self._said.decode("utf-8", "replace")

    def tells_of_damage(self) -> bool:
        """Tell whether Git, though it went on, said that something could not be read."""
        return re.search(r"^(error|fatal):", self.text(), re.MULTILINE) is not None

    def close(self) -> None:
        self._thread.join(5)
        self._pipe.close()

    def _listen(self) -> None:
        while block := self._pipe.read(1 << 14):
            self._said = (self._said + block)[: 1 << 16]


def _environment() -> dict[str, str]:
    """Return what is added for a Git command: no prompt, no replaced objects, no pathspec magic, whole buffers."""
    askpass = {} if "SSH_ASKPASS" in os.environ else {"SSH_ASKPASS": "/bin/false"}
    return askpass | {
        "SSH_ASKPASS_REQUIRE": "force",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": os.environ.get("REVERSION_GIT_PROTOCOLS", "https:ssh:file"),
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_EDITOR": "/bin/false",
        "GIT_FLUSH": "0",
        "LC_ALL": "C",
    }


def _widen(pipe: IO[bytes]) -> None:
    """Let Git write ahead, where the system can and the user may."""
    if wider := getattr(fcntl, "F_SETPIPE_SZ", None):
        with suppress(OSError):
            fcntl.fcntl(pipe, wider, _PIPE)


def _end(process_id: int) -> None:
    """End a command and all that it started; its number is that of their group."""
    with suppress(ProcessLookupError):
        os.killpg(process_id, signal.SIGKILL)


@contextmanager
def _as_file(text: str | None) -> Iterator[BinaryIO | None]:
    if text is None:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield cast(BinaryIO, file)
