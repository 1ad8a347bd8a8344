"""What Prefect does by itself: call dead runs dead, and plan a reversion when an alert asks for one."""

from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from reversion.adapters.tags import LATEST_VERIFIED
from reversion.history import UNHEARD, WAITS
from reversion.product import Product

ALERT = "reversion.alert"
_ALIVE = "prefect.flow-run.heartbeat"
_BEGUN = "prefect.flow-run.Running"
_ENDED = ("Completed", "Failed", "Cancelled", "Crashed", "Suspended", "Paused")
_SILENCE = timedelta(seconds=90)
_DEBOUNCE = timedelta(seconds=60)


def apply(client: SyncPrefectClient, product: Product, revert: str | None) -> None:
    """Make the product's automations exactly these, told apart by name; those of gone environments go."""
    wanted = wanted_automations(product, revert)
    prefix = _name(product.product, "")
    known = {found.name: found for found in client.read_automations() if found.name.startswith(prefix)}
    for automation in wanted:
        if automation.name in known:
            client.update_automation(known[automation.name].id, automation)
        else:
            client.create_automation(automation)
    for name in known.keys() - {automation.name for automation in wanted}:
        client.delete_automation(known[name].id)


def wanted_automations(product: Product, revert: str | None) -> tuple[AutomationCore, ...]:
    """Return the automations of a product whose deployment `revert` has this id."""
    if revert is None:
        return ()
    return (
        _dead_runs(product.product, revert),
        *(
            _alert(product.product, name, revert)
            for name, environment in product.environments.items()
            if environment.restore
        ),
    )


def _dead_runs(product: str, revert: str) -> AutomationCore:
    """A run that has begun, or said that it lives, and then neither says so again nor ends, is dead."""
    return AutomationCore(
        name=_name(product, "call dead runs crashed"),
        description="A reversion whose process died without a word is crashed, not running.",
        trigger=EventTrigger(
            after={_ALIVE, _BEGUN},
            expect={_ALIVE, WAITS, *(f"prefect.flow-run.{state}" for state in _ENDED)},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={"prefect.resource.id": f"prefect.deployment.{revert}"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=_SILENCE,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                name="Crashed",
                message=UNHEARD,
            )
        ],
    )


def _alert(product: str, environment: str, revert: str) -> AutomationCore:
    """The environment is the automation's own; of what an alert says, only snapshot and reason are taken."""
    return AutomationCore(
        name=_name(product, f"alert on {environment}"),
        description=f"An event {ALERT} about {environment} plans a reversion, once a minute at most.",
        trigger=EventTrigger(
            expect={ALERT},
            match={"prefect.resource.id": f"reversion.environment.{product}.{environment}"},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=_DEBOUNCE,
        ),
        actions=[
            RunDeployment(
                deployment_id=revert,
                parameters={
                    "environment": environment,
                    "snapshot": _taken("snapshot", LATEST_VERIFIED),
                    "reason": _taken("reason", "An alert without a reason."),
                },
            )
        ],
    )


def _taken(field: str, otherwise: str) -> dict[str, str]:
    template = f"{{{{ (event.payload.get('{field}') or '{otherwise}') | string | truncate(500, True, '') }}}}"
    return {"__prefect_kind": "jinja", "template": template}


def _name(product: str, what: str) -> str:
    return f"Reversion {product}: {what}"
