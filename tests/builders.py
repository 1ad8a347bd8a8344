"""Builders of values for tests: sensible defaults, one keyword for what a test is about."""

from datetime import UTC, datetime
from typing import Any

from reversion.environment import Instance, Observation
from reversion.features.values import Change, Comparison, Feature, Relation, State
from reversion.outcome import Approval, Check, Findings, Seen, StepResult
from reversion.plan import Facts, Plan, make_plan
from reversion.product import Product
from reversion.snapshot import Recorded, Snapshot, SnapshotService, TakenBy

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RUN = "1208499b-3d46-4497-af05-84a6af9cbf80"
TAG = "reversion/staging/2026-11-22T02-00-00Z-3f9a1c3f9a1c"


def a_product(**services: dict[str, Any]) -> Product:
    """Services by name with what differs from the default; environments staging (revertible) and live."""
    environment = {"observe": {"file": "/srv/{service}/VERSION"}, "inventory": "ansible/staging"}
    return Product.model_validate(
        {
            "product": "shop",
            "services": {
                name: {"repository": f"../{name}.git", **given} for name, given in (services or {"cart": {}}).items()
            },
            "environments": {
                "staging": environment | {"restore": "ansible/restore.yml", "production_tests": ["smoke"]},
                "live": environment | {"inventory": "ansible/live"},
            },
            "production_tests": {"smoke": {"command": ["true"]}},
        }
    )


def a_snapshot(services: dict[str, str | None], **given: Any) -> Recorded:
    """A verified, complete snapshot of staging with these versions."""
    snapshot = Snapshot(
        **{
            "product": "shop",
            "environment": "staging",
            "taken_at": NOON,
            "taken_by": TakenBy(kind="schedule", name="nightly"),
            "product_commit": "a" * 40,
            "conventions": "c" * 64,
            "verified": True,
            "complete": all(services.values()),
            "services": {
                name: SnapshotService(version=version, commit="b" * 40 if version else None)
                for name, version in services.items()
            },
        }
        | given
    )
    return Recorded(tag=TAG, tag_object="d" * 40, snapshot=snapshot)


def an_observation(**versions: str | None) -> Observation:
    """One instance of each service, on the host `one`."""
    instances = tuple(
        Instance(service=name, host="one", version=version, problem="" if version else "connection refused")
        for name, version in sorted(versions.items())
    )
    return Observation(environment="staging", taken_at=NOON, instances=instances)


def some_facts(observation: Observation, **given: Any) -> Facts:
    """Facts in which every service goes back, unless `relations` says otherwise."""
    names = [instance.service for instance in observation.instances]
    return Facts(
        **{
            "head_commit": "e" * 40,
            "observation": observation,
            "comparison": Comparison(),
            "relations": {name: Relation(service=name, direction="back", leaving=2) for name in names},
            "hosts": dict.fromkeys(names, ("one",)),
        }
        | given
    )


def a_plan(**given: Any) -> Plan:
    """Cart from 1.1.0 back to 1.0.0 on staging, to be proven by `smoke`."""
    product = a_product()
    facts = some_facts(an_observation(cart="1.1.0"), **given)
    return make_plan(product, product.environments["staging"], a_snapshot({"cart": "1.0.0"}), facts)


def a_change(name: str, before: State, after: State, *, when_taken: State | None = None, **given: Any) -> Change:
    feature = Feature(**{"id": name, "title": f"Title of {name}", "state": after} | given)
    return Change(feature=feature, before=before, after=after, when_taken=when_taken)


def an_approval(**given: Any) -> Approval:
    return Approval(**{"decision": "approve", "approver": "Ana", "reason": "OPS-1", "digest": "f" * 64} | given)


def some_findings(**given: Any) -> Findings:
    """All that ends as Proven for `a_plan`."""
    return Findings(
        **{
            "run": RUN,
            "approval": an_approval(),
            "safety_snapshot": TAG,
            "steps": (StepResult(service="cart", state="restored", version="1.0.0"),),
            "checks": (Check(name="smoke", passed=True),),
            "seen": Seen(observation=an_observation(cart="1.0.0"), features=()),
        }
        | given
    )
