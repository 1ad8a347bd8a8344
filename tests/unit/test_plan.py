"""The plan folds facts into ordered steps and warnings, and refuses what could not be right."""

import pytest

from reversion.errors import Refused, SnapshotInvalid
from reversion.features.values import Comparison, Feature, Relation, State
from reversion.plan import FileChange, Plan, make_plan
from tests.builders import a_change, a_plan, a_product, a_snapshot, an_observation, some_facts


def plan_for(product, target, facts) -> Plan:
    return make_plan(product, product.environments["staging"], target, facts)


def going(**directions: str) -> dict[str, Relation]:
    return {name: Relation(service=name, direction=direction) for name, direction in directions.items()}


@pytest.mark.parametrize(
    ("relations", "expected"),
    [
        pytest.param(
            going(web="back", cart="back"), ("web", "cart"), id="the needed service goes back: its user first"
        ),
        pytest.param(going(web="back", cart="forward"), ("cart", "web"), id="the needed one goes forward: it first"),
        pytest.param(
            going(web="forward", cart="forward"), ("cart", "web"), id="both go forward: the needed one first"
        ),
        pytest.param(going(web="back", cart="diverged"), ("web", "cart"), id="diverged counts as going back"),
        pytest.param(
            going(web="back", cart="unknown"),
            ("cart", "web"),
            id="unknown counts as new: the needed one first",
        ),
    ],
)
def test_steps_follow_the_dependencies(relations, expected):
    product = a_product(cart={}, web={"depends_on": ["cart"]})
    facts = some_facts(an_observation(cart="2", web="2"), relations=relations)

    plan = plan_for(product, a_snapshot({"cart": "1", "web": "1"}), facts)

    assert tuple(step.service for step in plan.steps) == expected
    assert plan.steps[1].after == (expected[0],)


@pytest.mark.parametrize(
    ("declared", "changed", "there"),
    [
        pytest.param(("ansible",), (), {"cart": True, "web": False}, id="its version runs, no configuration differs"),
        pytest.param(("ansible",), ("ansible/web.j2",), {"cart": False, "web": False}, id="configuration differs"),
        pytest.param((), (), {"cart": False, "web": False}, id="nobody said what the configuration is"),
    ],
)
def test_what_is_right_already_needs_no_restore(declared, changed, there):
    product = a_product(cart={}, web={})
    environment = product.environments["staging"].model_copy(update={"configuration": declared})
    files = tuple(FileChange(path=path, change="changed") for path in changed)
    facts = some_facts(an_observation(cart="1", web="2"), configuration=files)

    plan = make_plan(product, environment, a_snapshot({"cart": "1", "web": "1"}), facts)

    assert {step.service: step.is_there for step in plan.steps} == there


def test_mixed_directions_never_close_a_circle():
    product = a_product(a={"depends_on": ["b", "c"]}, b={"depends_on": ["c"]}, c={})
    facts = some_facts(an_observation(a="2", b="2", c="2"), relations=going(a="back", b="forward", c="back"))

    plan = plan_for(product, a_snapshot({"a": "1", "b": "1", "c": "1"}), facts)

    done: set[str] = set()
    for step in plan.steps:
        assert set(step.after) <= done
        done.add(step.service)
    assert done == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("target", "facts", "error", "words"),
    [
        pytest.param(
            a_snapshot({"cart": "1"}, product="other"),
            some_facts(an_observation(cart="2")),
            SnapshotInvalid,
            "of the product 'other'",
            id="a snapshot of another product",
        ),
        pytest.param(
            a_snapshot({"cart": "1", "gone": "1"}),
            some_facts(an_observation(cart="2", gone="1")),
            Refused,
            "no longer has: gone",
            id="a service that no longer exists",
        ),
        pytest.param(
            a_snapshot({"cart": None}),
            some_facts(an_observation(cart="2")),
            Refused,
            "could not be read: cart",
            id="a service whose version was unknown",
        ),
        pytest.param(
            a_snapshot({"cart": "1"}),
            some_facts(an_observation(cart="2"), hosts={"cart": ()}),
            Refused,
            "no host for: cart",
            id="a service without a host then",
        ),
        pytest.param(
            a_snapshot({"cart": "1"}),
            some_facts(an_observation(cart="2"), shared=("10.0.0.1 is also in live",)),
            Refused,
            "10.0.0.1 is also in live",
            id="a host shared with another environment",
        ),
    ],
)
def test_impossible_plans_are_refused(target, facts, error, words):
    with pytest.raises(error, match=words):
        plan_for(a_product(), target, facts)


def test_an_environment_without_restore_playbook_is_refused():
    product = a_product()

    with pytest.raises(Refused, match=r"environments\.live\.restore"):
        make_plan(
            product,
            product.environments["live"],
            a_snapshot({"cart": "1"}),
            some_facts(an_observation(cart="2")),
        )


def test_the_digest_changes_with_what_runs_and_with_nothing_else():
    assert a_plan().digest == a_plan().digest
    drifted = a_plan().model_copy(update={"fingerprint": "0" * 64})
    assert drifted.digest != a_plan().digest


def test_undone_security_fixes_are_warned_about():
    lost = a_change("SHOP-9", State.COMPLETE, State.ABSENT, kind="security")

    plan = a_plan(comparison=Comparison(lost=(lost,)))

    assert "The security fix SHOP-9 (Title of SHOP-9) is undone." in plan.warnings


def test_a_service_that_is_new_since_the_snapshot_is_left_and_told():
    product = a_product(cart={}, search={})
    facts = some_facts(an_observation(cart="2", search="1"))

    plan = plan_for(product, a_snapshot({"cart": "1"}), facts)

    assert [step.service for step in plan.steps] == ["cart"]
    assert "search is new since the snapshot: it is left as it is." in plan.warnings


def test_crossed_migrations_are_warned_about():
    plan = a_plan(migrations={"cart": ("migrations/7.sql",)})

    assert any("crosses 1 migration file;" in warning for warning in plan.warnings)


def test_an_unverified_snapshot_is_warned_about():
    product = a_product()

    plan = plan_for(product, a_snapshot({"cart": "1"}, verified=None), some_facts(an_observation(cart="2")))

    assert any("not verified" in warning for warning in plan.warnings)


def test_a_service_that_could_not_be_read_needs_its_step():
    product = a_product()

    plan = plan_for(product, a_snapshot({"cart": "1"}), some_facts(an_observation(cart=None)))

    assert plan.steps[0].is_needed
    assert any("could not be told" in warning for warning in plan.warnings)


def test_a_history_that_could_not_be_read_is_warned_about():
    plan = a_plan(problems={"cart": "Git could not fetch."})

    assert "The features of cart are unknown: Git could not fetch." in plan.warnings


def test_features_of_a_history_that_could_not_be_read_are_unknown_unless_they_change():
    kept = a_change("SHOP-1", State.COMPLETE, State.COMPLETE)
    lost = a_change("SHOP-2", State.COMPLETE, State.ABSENT)
    names = ("SHOP-1", "SHOP-2", "SHOP-3")

    told = Comparison(lost=(lost,), kept=(kept,)).with_unknown(
        tuple(Feature(id=name, title=name, state=State.UNKNOWN) for name in names)
    )

    assert [change.feature.id for change in told.unknown] == ["SHOP-1", "SHOP-3"]
    assert told.kept == ()
    assert told.lost == (lost,)


@pytest.mark.parametrize(
    ("group", "after", "is_told"),
    [("kept", State.COMPLETE, True), ("completed", State.COMPLETE, True), ("kept", State.ABSENT, False)],
)
def test_a_feature_that_stays_without_one_that_it_needs_is_warned_about(group: str, after: State, is_told: bool):
    lost = a_change("SHOP-9", State.COMPLETE, State.ABSENT)
    left = a_change("SHOP-1", State.COMPLETE, after, needs=("SHOP-9", "SHOP-7"))

    warnings = a_plan(comparison=Comparison.model_validate({"lost": (lost,), group: (left,)})).warnings

    told = "SHOP-1 (Title of SHOP-1) will be there, but SHOP-9, which it needs, not wholly."
    assert (told in warnings, len(warnings)) == (is_told, int(is_told))
