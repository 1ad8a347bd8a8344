# Ansible's own ssh, except that a command for a host with an open connection starts no ssh program of its own: it is
# asked for on the control socket, as OpenSSH's PROTOCOL.mux tells. Whatever is not plain goes the old way.
# Loaded by Ansible, from whatever version runs the product's playbooks, and never by Reversion itself.

import os
import selectors
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ssh

DOCUMENTATION = ssh.DOCUMENTATION.replace("name: ssh\n", "name: reversion_ssh\n", 1)

_SOCKETS = os.environ.get("ANSIBLE_SSH_CONTROL_PATH_DIR", "")
_HELLO, _VERSION = 1, 4
_NEW_SESSION = 0x10000002
_REFUSED = (0x80000002, 0x80000003)
_ENDED, _OPENED = 0x80000004, 0x80000006
_NO_ESCAPE = 0xFFFFFFFF
_AT_ONCE = 1 << 16
_LARGEST = 1 << 18


class Connection(ssh.Connection):  # type: ignore[misc]  # Ansible ships no types
    """Speaks to the ssh that holds the connection open, where there is one, and otherwise starts one."""

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        if path := self._open_socket(sudoable=sudoable):
            is_terminal = not in_data and sudoable and self.get_option("use_tty")
            with suppress(_NotTakenError):
                return self._ask(path, cmd, in_data or b"", is_terminal=is_terminal, sudoable=sudoable)
        answer: tuple[int, bytes, bytes] = super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return answer

    def _open_socket(self, *, sudoable: bool) -> str:
        """Return the host's control socket; nothing where there is none of this run's, or where a prompt may come."""
        self.host = self.get_option("host") or self._play_context.remote_addr
        asks = sudoable and self.become and self.become.expect_prompt()
        is_special = self._is_tty_requested() or getattr(self._shell, "_IS_WINDOWS", False)
        if asks or is_special or self.get_option("password") or self._play_context.password:
            return ""
        if self.control_path is None:
            self._build_command(self.get_option("ssh_executable"), "ssh", self.host)
        path = (self.control_path or "") % {"directory": self.control_path_dir}
        return path if path and Path(path).parent == Path(_SOCKETS) and Path(path).exists() else ""

    def _ask(
        self, path: str, command: str, data: bytes, *, is_terminal: bool, sudoable: bool
    ) -> tuple[int, bytes, bytes]:
        """Run a command. Where the connection is lost, it counts as failed, unless tries are left to Ansible."""
        ssh.display.vvv(f"SSH: ASK {path}: {command}", host=self.host)
        become = self.become if sudoable and self.become and self.become.success else None
        with suppress(ConnectionError), ExitStack() as opened:
            session = _Session(opened, path, command.encode(errors="surrogateescape"), is_terminal=is_terminal)
            if become and not session.read_until(become.check_success, float(self.get_option("timeout"))):
                raise _NotTakenError
            session.send(data)
            out, err = (b"".join(part) for part in (session.out, session.err))
            if become:
                out, err = (_without(become.check_success, told) for told in (out, err))
            if session.code is not None:
                return session.code, out, err
        if int(self.get_option("reconnection_retries")):
            raise _NotTakenError
        raise AnsibleConnectionFailure(f'The connection to host "{self.host}" was lost while a command ran.')


class _NotTakenError(Exception):
    """Nothing was run, or it may be run again: to be tried the old way."""


class _Session:
    """One command on an open connection. `code` stays None where the connection ended before the command.

    Raises ConnectionError where nobody can tell whether the command was begun.
    """

    def __init__(self, opened: ExitStack, path: str, command: bytes, *, is_terminal: bool) -> None:
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
        self._send(_request(command, is_terminal=is_terminal))
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

    def read_until(self, is_mark: Callable[[bytes], bool], seconds: float) -> bool:
        """Read until a line of the output is the mark; tell whether it came before the end and in time."""
        while self._waiting.get_map():
            if any(is_mark(line) for told in (self.out, self.err) for line in b"".join(told).splitlines()):
                return True
            ready = self._waiting.select(seconds)
            if not ready:
                return False
            self._read([key for key, _ in ready])
        return False

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


def _request(command: bytes, *, is_terminal: bool) -> bytes:
    terminal = os.environ.get("TERM", "").encode() if is_terminal else b""
    flags = struct.pack(">IIII", is_terminal, 0, 0, 0)
    head = struct.pack(">II", _NEW_SESSION, 0) + _string(b"") + flags + struct.pack(">I", _NO_ESCAPE)
    return head + _string(terminal) + _string(command) + b"".join(map(_string, _locale()))


def _locale() -> Iterator[bytes]:
    """Return what ssh sends of the environment as it is set up nearly everywhere: LANG and LC_*."""
    return (f"{name}={value}".encode() for name, value in os.environ.items() if name.startswith(("LANG", "LC_")))


def _string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _files(opened: ExitStack, reading: int, writing: int) -> tuple[Any, Any]:
    return (
        opened.enter_context(os.fdopen(reading, "rb", 0)),
        opened.enter_context(os.fdopen(writing, "wb", 0)),
    )


def _without(is_mark: Callable[[bytes], bool], told: bytes) -> bytes:
    return b"".join(line for line in told.splitlines(keepends=True) if not is_mark(line))
