# Ansible's own ssh, except that a command for a host with an open connection starts no ssh program of its own: it is
# asked for on the control socket, as OpenSSH's PROTOCOL.mux tells. Whatever is not plain goes the old way.
# Loaded by Ansible, from whatever version runs the product's playbooks, and never by Reversion itself.

import fnmatch
import hashlib
import json
import multiprocessing
import os
import re
import selectors
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ssh

DOCUMENTATION = ssh.DOCUMENTATION.replace("name: ssh\n", "name: reversion_ssh\n", 1)

_SOCKETS = os.environ.get("ANSIBLE_SSH_CONTROL_PATH_DIR", "")
_HELLO, _VERSION = 1, 4
_NEW_SESSION = 0x10000002
_REFUSED = (0x80000002, 0x80000003)
_ENDED = 0x80000004
_NO_ESCAPE = 0xFFFFFFFF
_AT_ONCE = 1 << 16
_LARGEST = 1 << 18
_LONGEST_COMMAND = 100_000
_WHERE_HOME_IS = re.compile(r"/bin/sh -c 'echo ~(?:[A-Za-z0-9_][A-Za-z0-9_.-]*)?(?: && sleep 0)?'")
_TERMINAL_ONLY = " && sleep 0'"
"""What Ansible ends its commands with, for the sake of terminals: it costs the host a process each time."""
_SSH_FAILED = 255
_LEVELS = 12
_GRACE = 2
_USUAL = {
    "requesttty": ("auto", "false", "no"),
    "remotecommand": ("none",),
    "sessiontype": ("default",),
    "stdinnull": ("no", "false"),
    "forkafterauthentication": ("no", "false"),
}
_NEVER = ("setenv", "localforward", "remoteforward", "dynamicforward")
"""What ssh is told for a single session, and is of no effect here: with any of these it is asked itself."""


class _Way(NamedTuple):
    """The control socket, and the patterns of the environment's variables that ssh would send."""

    socket: str
    sent: tuple[str, ...]


class Connection(ssh.Connection):  # type: ignore[misc]  # Ansible ships no types
    """Speaks to the ssh that holds the connection open, where there is one, and otherwise starts one."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        _be_uneven()

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        command = cmd.encode(errors="surrogateescape")
        if len(command) < _LONGEST_COMMAND and (way := self._open_way(sudoable=sudoable)):
            is_terminal = not in_data and sudoable and self.get_option("use_tty")
            with suppress(_NotTakenError):
                if cmd.endswith(_TERMINAL_ONLY) and not is_terminal:
                    command = command[: -len(_TERMINAL_ONLY)] + b"'"
                if _WHERE_HOME_IS.fullmatch(cmd) and not in_data:
                    return self._home(way, command)
                return self._ask(way, command, in_data or b"", is_terminal=is_terminal, sudoable=sudoable)
        answer: tuple[int, bytes, bytes] = super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return answer

    def _open_way(self, *, sudoable: bool) -> _Way | None:
        """Return the way to the host; None where no connection of this run is open, or ssh has more to do."""
        self.host = self.get_option("host") or self._play_context.remote_addr
        asks = sudoable and self.become and self.become.expect_prompt()
        is_usual = self.get_option("ssh_executable") == "ssh" and not int(self.get_option("reconnection_retries"))
        is_windows = getattr(self._shell, "_IS_WINDOWS", False)
        if asks or not is_usual or is_windows or self.get_option("password") or self._play_context.password:
            return None
        called = [os.fsdecode(part) for part in self._build_command("ssh", "ssh", self.host)]
        path = (self.control_path or "") % {"directory": self.control_path_dir}
        if not path or Path(path).parent != Path(_SOCKETS) or not Path(path).exists():
            return None
        sent = _sent(Path(_SOCKETS), called)
        return None if sent is None else _Way(path, sent)

    def _home(self, way: _Way, command: bytes) -> tuple[int, bytes, bytes]:
        """Ask once in a run where a home is: Ansible would each time that it makes a folder for a task."""
        kept = Path(_SOCKETS, f"{_named(way.socket, command.decode())}.home")
        with suppress(FileNotFoundError):
            return 0, kept.read_bytes(), b""
        code, out, err = self._ask(way, command, b"", is_terminal=False, sudoable=False)
        if code == 0 and out.strip().rpartition(b"\n")[2].startswith(b"/"):
            _keep(kept, out)
        return code, out, err

    def _ask(
        self, way: _Way, command: bytes, data: bytes, *, is_terminal: bool, sudoable: bool
    ) -> tuple[int, bytes, bytes]:
        """Run a command; what ends it, and what it tells of itself, is as with an ssh of its own."""
        ssh.display.vvv(f"SSH: ASK {way.socket}: {command!r}", host=self.host)
        with suppress(ConnectionError), ExitStack() as opened:
            session = _Session(opened, way.socket, _request(command, way.sent, is_terminal=is_terminal), is_terminal)
            if sudoable and self.become and self.become.success:
                self._escalate(session)
            session.send(data)
            if session.code == _SSH_FAILED:
                raise AnsibleConnectionFailure(
                    f'A command on host "{self.host}" ended with 255, as a failing ssh does.'
                )
            if session.code is not None:
                return session.code, b"".join(session.out), b"".join(session.err)
        raise AnsibleConnectionFailure(
            f'The connection to host "{self.host}" was lost while a command ran, or a signal ended the command.'
        )

    def _escalate(self, session: "_Session") -> None:
        """Wait until another user was become, with Ansible's own words where that fails."""
        until = time.monotonic() + int(self.get_option("timeout")) + _GRACE
        while session.reads(until - time.monotonic()):
            for told in (session.out, session.err):
                lines = b"".join(told).splitlines(keepends=True)
                for at, line in enumerate(lines):
                    if self.become.check_success(line):
                        told[:] = lines[:at] + lines[at + 1 :]
                        return
                    if self.become.check_incorrect_password(line):
                        raise AnsibleError(f"Incorrect {self.become.name} password")
                    if self.become.check_missing_password(line):
                        raise AnsibleError(f"Missing {self.become.name} password")
        if not session.has_ended:
            raise AnsibleError(
                f"Timeout ({int(self.get_option('timeout')) + _GRACE}s) waiting for privilege escalation prompt: "
                f"{b''.join(session.out).decode(errors='replace')}"
            )


class _NotTakenError(Exception):
    """Nothing was run: to be tried the old way."""


def _be_uneven() -> None:
    """Let some of Ansible's processes get ahead of others, or all services wait for their restarts at the same time.

    It is a process's number that decides, so each service is now ahead and now behind.
    """
    if multiprocessing.parent_process() is not None:
        usual = os.getpriority(os.PRIO_PROCESS, os.getppid())
        os.setpriority(os.PRIO_PROCESS, 0, min(usual + os.getpid() % _LEVELS, 19))


def _sent(folder: Path, called: list[str]) -> tuple[str, ...] | None:
    """Return what ssh, called like that, would send of the environment; None where it would do more than that.

    It is asked once for each way of calling it, and its answer kept beside the sockets for whoever comes next.
    """
    kept = folder / f"{_named(*called)}.asked"
    try:
        answer = json.loads(kept.read_bytes())
    except FileNotFoundError:
        answer = _ask_ssh(called)
        _keep(kept, json.dumps(answer).encode())
    return None if answer is None else tuple(answer)


def _named(*what: str) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:20]


def _keep(file: Path, content: bytes) -> None:
    """Write a file at once, whoever else does the same."""
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".draft", delete=False) as draft:
        draft.write(content)
    Path(draft.name).replace(file)


def _ask_ssh(called: list[str]) -> list[str] | None:
    """Let ssh tell its settings (-G)."""
    told = subprocess.run([called[0], "-G", *called[1:]], capture_output=True, text=True, check=False)  # noqa: S603
    sent: list[str] = []
    for line in told.stdout.splitlines():
        name, _, value = line.partition(" ")
        if name in _NEVER or value not in _USUAL.get(name, (value,)):
            return None
        if name == "sendenv":
            sent.append(value)
    return None if told.returncode else sent


class _Session:
    """One command on an open connection. `code` stays None where the connection ended before the command.

    Raises ConnectionError where nobody can tell whether the command was begun.
    """

    def __init__(self, opened: ExitStack, path: str, request: bytes, is_terminal: bool) -> None:
        self.out: list[bytes] = []
        self.err: list[bytes] = []
        self.code: int | None = None
        self._is_terminal = is_terminal
        self._waiting = opened.enter_context(selectors.DefaultSelector())
        self._socket = opened.enter_context(socket.socket(socket.AF_UNIX))
        # A terminal there is set up as the one here is.
        theirs_in, self._in = _files(opened, *reversed(os.openpty()) if is_terminal else os.pipe())
        (out, theirs_out), (err, theirs_err) = (_files(opened, *os.pipe()) for _ in range(2))
        self._greet(path)
        self._send(request)
        for theirs in (theirs_in, theirs_out, theirs_err):
            socket.send_fds(self._socket, [b"\0"], [theirs.fileno()])
            theirs.close()
        answer = self._packet()
        if not answer:
            raise ConnectionError
        if answer[0] in _REFUSED:
            raise _NotTakenError
        for file, kept in ((out, self.out), (err, self.err), (self._socket, None)):
            self._waiting.register(file, selectors.EVENT_READ, kept)

    @property
    def has_ended(self) -> bool:
        return not self._waiting.get_map()

    def reads(self, seconds: float) -> bool:
        """Read what comes within the time; tell whether anything did, be it the end."""
        ready = self._waiting.select(max(seconds, 0)) if not self.has_ended else []
        self._read([key for key, _ in ready])
        return bool(ready)

    def send(self, data: bytes) -> None:
        """Send all of the data, and read until the command has ended."""
        rest = memoryview(data)
        if data:
            os.set_blocking(self._in.fileno(), False)
            self._waiting.register(self._in, selectors.EVENT_WRITE)
        elif not self._is_terminal:
            self._in.close()
        while len(self._waiting.get_map()) > bool(rest):
            ready = self._waiting.select()
            if any(key.fileobj is self._in for key, _ in ready):
                rest = rest[self._write(rest[:_AT_ONCE]) :]
                if not rest:
                    self._waiting.unregister(self._in)
                    self._in.close()
            self._read([key for key, _ in ready if key.fileobj is not self._in])

    def _write(self, data: memoryview) -> int:
        """Write what is taken at once; a command that reads no more has taken all."""
        try:
            return os.write(self._in.fileno(), data)
        except BrokenPipeError:
            return len(data)
        except BlockingIOError:
            return 0

    def _read(self, ready: list[selectors.SelectorKey]) -> None:
        for key in ready:
            if key.fileobj is self._socket:
                packet = self._packet()
                if packet and packet[0] == _ENDED:
                    self.code = packet[2]
                more = bool(packet)
            else:
                told = os.read(key.fd, _AT_ONCE)
                key.data.append(told)
                more = bool(told)
            if not more:
                self._waiting.unregister(key.fileobj)

    def _greet(self, path: str) -> None:
        """Greet each other; until then nothing was asked for, so whatever fails leaves the other way open."""
        try:
            self._socket.connect(path)
            self._send(struct.pack(">II", _HELLO, _VERSION))
            if self._packet()[:2] != (_HELLO, _VERSION):
                raise _NotTakenError
        except OSError as error:
            raise _NotTakenError from error

    def _send(self, content: bytes) -> None:
        self._socket.sendall(_string(content))

    def _packet(self) -> tuple[int, ...]:
        """Return the first numbers of a packet: its kind, what it is about, a code. Nothing at the end."""
        length = self._bytes(4)
        size = struct.unpack(">I", length)[0] if len(length) == 4 else 0
        content = self._bytes(min(size, _LARGEST))
        numbers = min(len(content) // 4, 3)
        return struct.unpack(f">{numbers}I", content[: numbers * 4])

    def _bytes(self, count: int) -> bytes:
        found = b""
        with suppress(ConnectionError):
            while len(found) < count and (more := self._socket.recv(count - len(found))):
                found += more
        return found


def _request(command: bytes, sent: tuple[str, ...], *, is_terminal: bool) -> bytes:
    terminal = os.environ.get("TERM", "").encode() if is_terminal else b""
    flags = struct.pack(">IIII", is_terminal, 0, 0, 0)
    head = struct.pack(">II", _NEW_SESSION, 0) + _string(b"") + flags + struct.pack(">I", _NO_ESCAPE)
    return head + _string(terminal) + _string(command) + b"".join(map(_string, _environment(sent)))


def _environment(sent: tuple[str, ...]) -> Iterator[bytes]:
    for name, value in os.environ.items():
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in sent):
            yield os.fsencode(f"{name}={value}")


def _string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _files(opened: ExitStack, reading: int, writing: int) -> tuple[Any, Any]:
    return (
        opened.enter_context(os.fdopen(reading, "rb", 0)),
        opened.enter_context(os.fdopen(writing, "wb", 0)),
    )
