"""Whatever a production test does, it ends in time, takes no memory of ours, and leaves nothing behind."""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reversion.adapters.checks import run_check
from reversion.operations.verifying import verify
from reversion.operations.workspace import open_workspace
from reversion.outcome import Check
from reversion.product import ProductionTest
from tests.small_product import make_small_product

HUNDRED_MB = 100_000_000
MARKED = "for-the-bounded-test"


def a_test(*command: str, **given) -> ProductionTest:
    return ProductionTest(**{"name": "smoke", "command": command, "timeout": 20} | given)


def python(code: str, **given) -> ProductionTest:
    return a_test(sys.executable, "-c", code, **given)


@pytest.fixture
def memory() -> Iterator[None]:
    """Fail where the peak of this process's memory grows by more than 100 MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let all temporary folders be made in a folder of this test's own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(folder))
    return folder


def run(test: ProductionTest, tree: Path) -> Check:
    return run_check(test, tree, {"WHOSE": MARKED})


def alive(tree: Path) -> list[str]:
    """List the processes that work in the tree or have the variable that these tests are given."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            is_mine = MARKED.encode() in (entry / "environ").read_bytes()
            if is_mine or (entry / "cwd").readlink().is_relative_to(tree):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("test", "last"),
    [
        pytest.param(
            a_test("sh", "-c", f"yes 0123456789 | head -c {HUNDRED_MB}; echo; echo last"), "last", id="lines"
        ),
        pytest.param(
            a_test("sh", "-c", f"head -c {HUNDRED_MB} /dev/zero | tr '\\0' x; printf ' last'"),
            "...",
            id="one endless line",
        ),
        pytest.param(a_test("sh", "-c", f"head -c {HUNDRED_MB} /dev/urandom; echo; echo last"), "last", id="noise"),
        pytest.param(a_test("sh", "-c", f"head -c {HUNDRED_MB} /dev/zero; echo; echo last"), "last", id="zeros"),
    ],
)
@pytest.mark.usefixtures("memory")
def test_of_100_mb_of_output_the_end_is_kept_and_it_is_said_how_much_is_not(test, last, tmp_path: Path, temporary):
    check = run(test, tmp_path)

    assert check.passed
    assert check.output.endswith(last)
    assert len(check.output) < 40_000
    assert int(check.output.removeprefix("(").split()[0]) > HUNDRED_MB - 20_000
    assert list(temporary.iterdir()) == []


def test_of_many_short_lines_a_few_hundred_are_kept(tmp_path: Path):
    check = run(python("print('\\n' * 50_000 + 'last')"), tmp_path)

    assert len(check.output.splitlines()) == 301
    assert check.output.startswith("(49")
    assert check.output.endswith("last")


def test_output_that_is_no_utf8_is_shown_as_far_as_it_is(tmp_path: Path):
    check = run(a_test("printf", "caf\\351 \\303\\251 \\377\\n"), tmp_path)

    assert check.output == "caf\ufffd é \ufffd"


def writing(code: str) -> ProductionTest:
    return python(f"import sys; w = open('r.xml', 'w').write; {code}", junit="r.xml")


ENTITIES = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))


@pytest.mark.parametrize(
    ("test", "words"),
    [
        pytest.param(writing("w('<t>'); [w('x' * 10**6) for _ in range(200)]"), "is too large", id="200 MB"),
        pytest.param(
            writing(f"w(\"<!DOCTYPE t [<!ENTITY a0 'ha'>{ENTITIES}]><t>&a9;</t>\")"), "declares entities", id="laughs"
        ),
        pytest.param(writing("w('<a>' * 5_000_000)"), "nested more than 100 deep", id="deep nesting"),
        pytest.param(writing("w('<t><testcase>' + '<a/>' * 4_000_000 + '</testcase></t>')"), "", id="many elements"),
        pytest.param(writing("w('<t>' + '<testcase/>' * 1_400_000 + '</t>')"), "", id="many cases"),
        pytest.param(writing("w('<t><testcase name=\"' + 'x' * 15_000_000 + '\"/></t>')"), "", id="a long name"),
        pytest.param(
            writing("w('<t><testcase><failure>' + 'x' * 15_000_000 + '</failure></testcase></t>')"),
            "1 of 1 cases failed, first unnamed: xxx",
            id="a long message",
        ),
    ],
)
@pytest.mark.usefixtures("memory")
def test_a_report_of_any_size_and_shape_is_read_in_bounds_or_refused(test, words, tmp_path: Path):
    check = run(test, tmp_path)

    assert check.passed is not bool(words)
    assert words in check.message
    assert len(check.message) < 600
    assert len(check.cases) <= 6_000


def test_a_failing_case_far_down_in_a_long_report_fails_the_test(tmp_path: Path):
    failing = "<testcase name='last'><failure message='too late'/></testcase>"

    check = run(writing(f'w("<t>" + "<testcase name=\'x\'/>" * 6_000 + "{failing}</t>")'), tmp_path)

    assert check.message == "1 of 6001 cases failed, first last: too late"
    assert check.cases[-1].name == "last"


DAEMON = """\
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open('daemon', 'w').close()
        {before}
        time.sleep(600)
    os._exit(0)
while not os.path.exists('daemon'): time.sleep(0.01)
print('done')
"""


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(DAEMON.format(before="pass"), id="that hold the output open"),
        pytest.param(DAEMON.format(before="os.chdir('/'), os.dup2(0, 1), os.dup2(0, 2)"), id="that are daemons"),
        pytest.param(
            DAEMON.format(before="os.execve('/bin/sleep', ['sleep', '600'], {})"),
            id="with an environment of their own",
        ),
        pytest.param(
            DAEMON.format(before="import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"),
            id="that ignore SIGTERM",
        ),
        pytest.param(
            DAEMON.format(before="while True: os.write(1, b'done' * 999)").replace("print('done')", ""),
            id="that print",
        ),
        pytest.param(
            "import os\nfor _ in range(200): os.fork() or (os.setsid(), os.execlp('sleep', 'sleep', '600'))\n"
            "print('done')",
            id="200 of them",
        ),
    ],
)
def test_a_test_ends_with_its_main_process_and_the_children_left_behind_are_ended(code, tmp_path: Path):
    began = time.monotonic()

    check = run(python(code), tmp_path)

    assert time.monotonic() - began < 15
    assert check.passed, check.output
    assert "done" in check.output
    assert alive(tmp_path) == []


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import time; time.sleep(600)", id="that sleeps"),
        pytest.param(
            "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep(600)",
            id="that ignores every request to end",
        ),
        pytest.param("while True: print('x' * 9999)", id="that prints for ever"),
        pytest.param("import os; os.close(1); os.close(2)\nwhile True: pass", id="that closes its output"),
        pytest.param(DAEMON.format(before="pass") + "time.sleep(600)", id="with a daemon"),
        pytest.param(
            "import os, time\nfor _ in range(8): os.fork()\n"
            "os.getpid() % 2 and os.getpgrp() != os.getpid() and os.setsid()\ntime.sleep(600)",
            id="of 256 processes",
        ),
        pytest.param("import os\nos.kill(os.getpid(), 19)", id="that stops itself"),
    ],
)
def test_a_test_that_never_ends_is_ended_at_its_timeout_with_all_its_children(code, tmp_path: Path):
    began = time.monotonic()

    check = run(python(code, timeout=1), tmp_path)

    assert check.message == "not done after 1 seconds"
    assert time.monotonic() - began < 12
    assert alive(tmp_path) == []


def test_a_test_that_is_killed_says_by_what(tmp_path: Path):
    check = run(a_test("sh", "-c", "kill -9 $$"), tmp_path)

    assert check.message == "ended by SIGKILL"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            "[open(f'{p}/{n}', 'wb').truncate(10**9) for p in (t, '.') for n in range(5)]", id="large files"
        ),
        pytest.param("[open(f'{p}/{n}', 'w') for p in (t, '.') for n in range(1000)]", id="many files"),
        pytest.param("[os.system('mkdir -p ' + p + '/d' * 1500) for p in (t, '.')]", id="deep folders"),
        pytest.param("[(os.makedirs(p + '/d/e'), os.chmod(p + '/d', 0)) for p in (t, '.')]", id="closed folders"),
    ],
)
def test_all_that_a_test_writes_in_its_folder_or_as_temporary_files_is_removed(code, tmp_path: Path, temporary):
    small = make_small_product(tmp_path / "small")
    workspace = open_workspace(os.fspath(small.product))
    test = python(f"import os; t = os.environ['TMPDIR']; {code}; print(t)")

    check = verify(workspace, workspace.product.environment("staging"), test)

    assert check.passed, check.output
    assert check.output.startswith(os.fspath(temporary))
    assert [path.name for path in temporary.iterdir()] == []
