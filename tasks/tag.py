"""Tag: take snapshots."""

from prefect.runtime import flow_run

from reversion.environment import Observation
from reversion.operations import tagging
from reversion.operations.tagging import Request, Taken, Verification
from reversion.plan import Plan
from reversion.snapshot import TakenBy
from tasks.settings import kept, say, workspace


@kept(task_run_name="Take a safety snapshot", whatever="seen")
def tag_safety(plan: Plan, seen: Observation, run: str) -> str:
    """Tag the environment as it was just seen, so that the reversion can itself be undone; return the tag's name."""
    opened = workspace(plan.head_commit)
    by = TakenBy(kind="reversion", name="safety snapshot", run=run)
    request = Request(by=by, label=f"before going back to {plan.snapshot}"[:200])
    return tagging.take(opened, opened.product.environment(plan.environment), request, seen).recorded.tag


def safety_before(plan: Plan) -> str:
    """Return the safety snapshot that an earlier attempt at this run took; empty where none came so far."""
    return tagging.taken_by_run(workspace(plan.head_commit), plan.environment, str(flow_run.get_id()))


@kept(task_run_name="Take a snapshot of {environment}")
def tag(environment: str, request: Request) -> Taken:
    opened = workspace()
    return tagging.take(opened, opened.product.environment(environment), request)


@kept(task_run_name="Run the production tests of {environment}")
def verification(environment: str) -> Verification:
    """Run the environment's production tests where it asks for that before snapshots."""
    opened = workspace()
    wanted = opened.product.environment(environment)
    return tagging.verification(opened, wanted, say) if wanted.test_before_snapshot else Verification()
