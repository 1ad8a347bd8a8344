"""`reversion history`: what was taken back, when, by whose decision, and how it ended."""

from datetime import UTC, datetime

import click

from reversion.adapters.approvals import Approvals
from reversion.adapters.holds import Holds
from reversion.adapters.locks import Locks
from reversion.commands.connecting import connect
from reversion.commands.printing import note, print_json, print_markdown, print_table
from reversion.history import Moment, RunDetail, RunRecord, lines_of
from reversion.holds import Hold, local
from reversion.locks import Broken
from reversion.operations.workspace import open_workspace
from reversion.text import Value


@click.command("history")
@click.argument("subject", metavar="[ENVIRONMENT|RUN]", default="")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many runs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def history_command(product: str, subject: str, limit: int, as_json: bool) -> None:
    """List the newest reversions, of ENVIRONMENT or of all; or tell one RUN whole.

    A run is named by its id, its name, or the first letters of either.
    """
    workspace = open_workspace(product, refresh=False)
    approvals, name = connect(workspace), workspace.product.product
    runs = approvals.runs
    if subject and subject not in workspace.product.environments:
        detail = runs.detail(runs.find(name, subject).id)
        print_json(_document(detail)) if as_json else _tell(detail)
        return
    listed = runs.history(name, subject or None, limit)
    notices = _notices(approvals, name, subject, limit)
    if as_json:
        print_json([{"result": run.told, "run": run} for run in listed] + [notice.document() for notice in notices])
        return
    if listed:
        print_table(
            ("Started", "Run", "Environment", "Snapshot", "Result", "Decided by"), map(_row, listed), width=120
        )
    else:
        note(f"No reversion of {subject or name} yet.")
    if notices:
        rows = ((local(notice.at), notice.run.id[:8], notice.said) for notice in notices)
        print_table(("At", "Run", "Holds and broken locks"), rows, width=120)


class _Notice(Value):
    """A hold or a broken lock: at what time it came, and its sentence."""

    at: datetime
    result: str
    said: str
    run: Hold | Broken

    def document(self) -> dict[str, object]:
        return {"result": self.result, "said": self.said, "run": self.run}


def _notices(approvals: Approvals, product: str, environment: str, limit: int) -> list[_Notice]:
    """Return the newest holds and broken locks, newest first."""
    now = datetime.now(UTC)
    holds = Holds(approvals.api, product).newest(environment, limit)
    broken = Locks(approvals.api, product).broken(environment, limit)
    notices = [_Notice(at=each.since, result=each.word(now), said=each.told(now), run=each) for each in holds]
    notices += [_Notice(at=each.at, result="Lock broken", said=each.told, run=each) for each in broken]
    return sorted(notices, key=lambda notice: notice.at, reverse=True)[:limit]


def _row(run: RunRecord) -> tuple[str, ...]:
    decided = run.record.approver if run.record else ""
    snapshot = run.snapshot.removeprefix(f"reversion/{run.environment}/")
    return (_time(run), run.id[:8], run.environment, snapshot, run.told, decided)


def _document(detail: RunDetail) -> dict[str, object]:
    return {"result": detail.run.told, "detail": detail}


def _tell(detail: RunDetail) -> None:
    run, record = detail.run, detail.run.record
    facts = [
        ("Run", f"{run.id} ({run.name})"),
        ("Environment", run.environment),
        ("Snapshot", run.snapshot),
        ("Asked for", run.asked),
        ("Started", _time(run)),
        ("Result", f"{run.told}: {run.state.message}" if run.state.message else run.told),
        ("In the browser", run.page),
    ]
    if record:
        facts += [
            ("Decision", f"{record.decision} by {record.approver}" if record.approver else ""),
            ("Reason", record.reason),
            ("Plan", record.digest),
            ("Safety snapshot", record.safety_snapshot),
            (
                "Other environments",
                "unchanged" if record.others_unchanged == "yes" else record.others_unchanged,
            ),
        ]
    print_table(("", ""), (fact for fact in facts if fact[1]))
    print_table(("At", "State", "Message"), (_moment(state, run) for state in detail.states), title="States")
    steps = (
        (task.name, *_moment(task.state, run)[1:], f"{task.seconds:.1f}")
        for task in detail.tasks
        if task.state.name != "Cached"
    )
    print_table(("Step", "State", "Message", "Seconds"), steps, title="Steps")
    for paper in detail.papers:
        print_markdown(lines_of(paper.text))


def _moment(state: Moment, run: RunRecord) -> tuple[str, str, str]:
    """Return a state's row; what the run's own result says is not said again."""
    result = run.state.message
    message = "" if result and result in state.message else state.message
    at = state.at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if state.at else ""
    return (at, state.told if state.is_waiting or state.is_final else state.name, message)


def _time(run: RunRecord) -> str:
    return run.started.astimezone().strftime("%Y-%m-%d %H:%M") if run.started else ""
