"""The programs in front of PATH that keep ssh behind the fence, with a program of ours in ssh's place."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from reversion.adapters.fence import Fence

MODULE = b"x" * 1_000_000
"""More than a pipe holds, as the modules are that Ansible sends."""


def guarded(tmp_path: Path, script: str) -> "subprocess.Popen[bytes]":
    """Start the guarded ssh, which runs this script instead of ssh."""
    real = tmp_path / "real" / "ssh"
    real.parent.mkdir()
    real.write_text(f"#!/bin/sh\n{script}\n")
    real.chmod(0o700)
    Fence(tmp_path / "fence.cfg", "").write_programs(tmp_path / "bin", str(real.parent))
    pipe = subprocess.PIPE
    return subprocess.Popen([tmp_path / "bin" / "ssh", "a host", "true"], stdin=pipe, stdout=pipe, stderr=pipe)


def test_what_ssh_said_is_heard_though_it_was_gone_before_it_was_sent_anything(tmp_path: Path) -> None:
    process = guarded(tmp_path, "echo 'Host key verification failed.' >&2; exit 255")
    said = process.stderr.read() if process.stderr else b""

    process.communicate(MODULE)

    assert (process.returncode, said) == (255, b"Host key verification failed.\n")


def test_a_caller_who_sends_nothing_is_not_waited_for(tmp_path: Path) -> None:
    process = guarded(tmp_path, "exit 255")

    assert process.wait(20) == 255


def test_arguments_input_output_and_exit_code_go_through(tmp_path: Path) -> None:
    said, _ = (process := guarded(tmp_path, 'for each; do echo "$each"; done; wc -c; exit 3')).communicate(MODULE)

    assert process.returncode == 3
    assert said.decode().splitlines() == ["-F", str(tmp_path / "fence.cfg"), "a host", "true", "1000000"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_ends_the_program_ends_ssh(tmp_path: Path, number: signal.Signals) -> None:
    process = guarded(tmp_path, "trap 'echo ended; exit' TERM; echo begun; while :; do sleep 0.1; done")
    assert process.stdout
    assert process.stdout.readline() == b"begun\n"

    os.kill(process.pid, number)

    assert process.stdout.readline() == b"ended\n"
    process.communicate()
