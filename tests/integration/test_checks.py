"""Production tests are run as given, bounded in time and output, and told honestly."""

import os
import time
from pathlib import Path

import pytest

from reversion.adapters.checks import run_check
from reversion.product import ProductionTest

GREEN = "<testsuite><testcase classname='shop' name='buys' time='0.5'/></testsuite>"
RED = (
    "<testsuite><testcase name='buys'><failure message='total was 3'/></testcase><testcase name='pays'/></testsuite>"
)


def a_test(*command: str, **given) -> ProductionTest:
    return ProductionTest(**{"name": "smoke", "command": command} | given)


def writing(report: str, code: int = 0) -> ProductionTest:
    return a_test("sh", "-c", f"cat > report.xml <<'X'\n{report}\nX\nexit {code}", junit="report.xml")


@pytest.mark.parametrize(
    ("test", "passed", "words"),
    [
        pytest.param(a_test("true"), True, "", id="exit code 0 passes"),
        pytest.param(a_test("false"), False, "exit code 1", id="another exit code fails"),
        pytest.param(a_test("no-such-command"), False, "could not be started", id="a command that is not there"),
        pytest.param(a_test("true", junit="r.xml"), False, "left no JUnit report", id="a report that was promised"),
        pytest.param(writing(GREEN), True, "", id="a green report"),
        pytest.param(
            writing(RED),
            False,
            "1 of 2 cases failed, first buys: total was 3",
            id="red cases under exit code 0",
        ),
        pytest.param(
            a_test("mkdir", "r.xml", junit="r.xml"), False, "left no JUnit report", id="a folder for a report"
        ),
        pytest.param(
            a_test("sh", "-c", "printf '\\377\\376<\\0' > r.xml", junit="r.xml"),
            False,
            "no XML in UTF-8",
            id="UTF-16",
        ),
        pytest.param(writing('<?xml version="1.0" encoding="klingon"?>' + GREEN), True, "", id="a made-up encoding"),
        pytest.param(writing("<testsuite/>"), False, "holds no test case", id="a report without cases"),
        pytest.param(writing("<testsuite>"), False, "is no XML", id="a report that is cut off"),
        pytest.param(
            writing("<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>"), False, "declares entities", id="entities"
        ),
        pytest.param(writing("<t><testcase name='a'><skipped/></testcase></t>"), False, "skipped", id="all skipped"),
    ],
)
def test_the_result(test, passed, words, tmp_path: Path):
    check = run_check(test, tmp_path, {})

    assert check.passed is passed
    assert words in check.message


def test_the_cases_of_the_report_are_read(tmp_path: Path):
    check = run_check(writing(GREEN), tmp_path, {})

    assert [(case.name, case.state, case.seconds) for case in check.cases] == [("shop.buys", "passed", 0.5)]


def test_a_test_that_never_ends_is_killed_with_its_children(tmp_path: Path):
    test = a_test("sh", "-c", "sleep 60 & echo $! > child; wait", timeout=1)

    check = run_check(test, tmp_path, {})

    assert check.message == "not done after 1 seconds"
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        if "\nState:\tZ" in Path(f"/proc/{child}/status").read_text():
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{child}").exists()


def test_only_named_variables_reach_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    monkeypatch.setenv("SHOP_TOKEN", "t0ken")

    check = run_check(a_test("env", pass_environment=("SHOP_TOKEN",)), tmp_path, {"SHOP_URL": "http://x"})

    assert "s3cret" not in check.output
    assert "SHOP_TOKEN=t0ken" in check.output
    assert "SHOP_URL=http://x" in check.output


def test_only_the_end_of_a_long_output_is_kept(tmp_path: Path):
    check = run_check(
        a_test("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x | fold -w 100; echo last"), tmp_path, {}
    )

    assert check.output.endswith("last")
    assert len(check.output) < 20_000


def test_terminal_escapes_in_the_output_are_made_plain(tmp_path: Path):
    check = run_check(a_test("printf", "\\033[31mred\\033[0m\\007"), tmp_path, {})

    assert check.output == "red"


def test_a_report_outside_the_tree_is_not_read(tmp_path: Path):
    outside = tmp_path / "outside.xml"
    outside.write_text(GREEN)
    tree = tmp_path / "tree"
    tree.mkdir()

    check = run_check(a_test("ln", "-s", os.fspath(outside), "report.xml", junit="report.xml"), tree, {})

    assert not check.passed
