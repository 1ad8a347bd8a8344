"""Services that are ready together share one run of Ansible, and each has its own result as soon as it is known."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from reversion.errors import HeldBack, PlaybookFailed, ReversionError
from reversion.operations import reviewing, tagging
from reversion.operations.restoring import Restorer
from reversion.operations.workspace import open_workspace
from reversion.outcome import StepResult
from reversion.plan import Plan
from reversion.snapshot import TakenBy
from tests.small_product import RESTORE, SmallProduct, make_small_product

OLD = {"cart": "1.0.0", "pay": "1.0.0", "web": "1.0.0"}
NEW = {"cart": "1.1.0", "pay": "1.1.0", "web": "1.1.0"}
TELLING = (
    RESTORE
    + """\
    - name: Tell which run this is
      ansible.builtin.command:
        argv: [sh, -c, 'printf %s "$0" > "$1"', "{{ run }}", "{{ root }}/run-{{ reversion_service }}"]
      vars: {run: "{{ lookup('env', 'AWX_ISOLATED_DATA_DIR') }}"}
"""
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallProduct, Plan]:
    """Staging runs 1.1.0, and this is the plan back to 1.0.0; what is restored tells in which run of Ansible."""
    made = make_small_product(tmp_path_factory.mktemp("restored"), environments=("staging",))
    made.git().commit("Tell the run", {"ansible/restore.yml": TELLING})
    made.run("staging", **OLD)
    by = TakenBy(kind="person", name="Ana")
    with made.at_home():
        workspace = open_workspace(str(made.product))
        taken = tagging.take(workspace, workspace.product.environment("staging"), tagging.Request(by=by))
        made.run("staging", **NEW)
        plan = reviewing.review(workspace, "staging", taken.recorded.tag)
    made.keep()
    return made, plan


@pytest.fixture
def small(original: tuple[SmallProduct, Plan]) -> Iterator[SmallProduct]:
    """The same for each test anew."""
    made, _ = original
    made.take_back()
    with made.at_home():
        yield made


@pytest.fixture
def plan(original: tuple[SmallProduct, Plan]) -> Plan:
    return original[1]


def begun(small: SmallProduct, plan: Plan, **settings: str) -> Restorer:
    """Begin to carry the plan out; settings are staging's in the product file."""
    if settings:
        text = (small.product / "reversion.yaml").read_text()
        lines = "".join(f"    {name}: {value}\n" for name, value in settings.items())
        changed = text.replace("  staging:\n", f"  staging:\n{lines}")
        small.git().commit("Change the settings", {"reversion.yaml": changed})
    return Restorer(open_workspace(str(small.product)), plan)


def restore(restorer: Restorer, *services: str) -> dict[str, StepResult | ReversionError]:
    """Restore services side by side, as the tasks of a run do."""

    def one(service: str) -> StepResult | ReversionError:
        try:
            return restorer.restore(service, lambda _: None)
        except ReversionError as error:
            return error

    with ThreadPoolExecutor(len(services)) as pool:
        return dict(zip(services, pool.map(one, services), strict=True))


def run_of(small: SmallProduct, service: str) -> str:
    return (small.root / f"run-{service}").read_text()


def test_those_that_are_ready_share_a_run_and_what_waits_for_them_gets_the_next(small: SmallProduct, plan: Plan):
    restorer = begun(small, plan)
    after = {step.service: step.after for step in plan.steps}

    with restorer:
        first = restore(restorer, "pay", "web")
        second = restore(restorer, "cart")

    assert after == {"pay": (), "web": (), "cart": ("web",)}
    assert {name: result.state for name, result in (first | second).items()} == dict.fromkeys(OLD, "restored")
    assert small.running("staging") == OLD
    assert run_of(small, "pay") == run_of(small, "web") != run_of(small, "cart")


def test_each_service_is_told_its_own_lines_only(small: SmallProduct, plan: Plan):
    restorer = begun(small, plan)
    said: dict[str, list[str]] = {"pay": [], "web": []}

    with restorer, ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: restorer.restore(name, said[name].append), said))

    assert "pay@staging-1: changed: Write the version" in said["pay"]
    assert all(line.startswith(f"{name}@") for name, lines in said.items() for line in lines)


@pytest.mark.parametrize(
    ("on_failure", "kind", "pay"),
    [
        pytest.param("stop", HeldBack, "1.1.0", id="nothing new is begun"),
        pytest.param("continue", StepResult, "1.0.0", id="what does not depend on it goes on"),
    ],
)
def test_a_failure_stops_what_is_not_begun_as_the_environment_says(
    small: SmallProduct, plan: Plan, on_failure, kind, pay
):
    restorer = begun(small, plan, on_failure=on_failure)
    (small.root / "broken-web").touch()

    with restorer:
        failed = restore(restorer, "web")["web"]
        then = restore(restorer, "pay")["pay"]

    assert isinstance(failed, PlaybookFailed)
    assert "web on staging-1: task 'Claim the disk space' failed: no space left on device" in failed.message
    assert isinstance(then, kind)
    assert small.running("staging")["pay"] == pay


def test_one_that_fails_does_not_keep_the_others_of_its_run_from_being_restored(small: SmallProduct, plan: Plan):
    restorer = begun(small, plan)
    (small.root / "broken-web").touch()

    with restorer:
        results = restore(restorer, "pay", "web")

    assert isinstance(results["web"], PlaybookFailed)
    assert results["pay"].versions == {"staging-1": "1.0.0"}


def test_a_broken_snapshot_tree_fails_those_that_wait_and_hangs_nobody(small: SmallProduct, plan: Plan):
    restorer = begun(small, plan)

    with restorer:
        (restorer.stage.tree / "ansible/restore.yml").unlink()
        results = restore(restorer, "pay", "web")

    assert {type(result).__name__ for result in results.values()} == {"ProductInvalid"}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("restore")]
