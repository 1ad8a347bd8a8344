"""The forms that people fill in: each flow's parameters as JSON Schema, which the server enforces too."""

from typing import Any

from reversion.adapters.tags import LATEST_VERIFIED
from reversion.product import Product

Schema = dict[str, Any]


def revert_form() -> Schema:
    """Ask what to take back, to what and why. What there is to choose from is filled in apart."""
    return _form(
        required=("environment",),
        environment=_choice("Environment", "The one environment to take back. No other one is touched."),
        snapshot=_choice(
            "Snapshot",
            f"What to go back to. '{LATEST_VERIFIED}' is the environment's newest snapshot whose production "
            "tests passed. Nothing is changed before somebody has reviewed and approved the plan.",
        )
        | {"default": LATEST_VERIFIED},
        reason=_text("Reason", "Why, for those who review the plan and read the history."),
    )


def snapshot_form(product: Product) -> Schema:
    """Ask what to take a snapshot of."""
    return _form(
        required=("environment",),
        environment=_choice(
            "Environment",
            "The environment to take a snapshot of: what it runs, and its features.",
            tuple(product.environments),
        ),
        label=_text("Label", "A name for people, such as that of a release. May be empty."),
        skip_unchanged={
            "title": "Skip when unchanged",
            "description": "Take no snapshot where nothing has changed since the newest one.",
            "type": "boolean",
            "default": False,
        },
    )


def hold_form(environment: str) -> Schema:
    """Ask who holds deployments to the environment off, and why. Until when is when the run is to start."""
    return _form(
        required=("environment", "reason", "by"),
        environment=_choice("Environment", "Nothing is to be deployed there until this run starts.", (environment,))
        | {"default": environment},
        reason=_needed("Reason", "Why, for those who want to deploy: a ticket, say."),
        by=_needed("Your name", "Who holds it."),
    )


def _form(*, required: tuple[str, ...], **fields: Schema) -> Schema:
    placed = {name: field | {"position": place} for place, (name, field) in enumerate(fields.items())}
    return {
        "title": "Parameters",
        "type": "object",
        "properties": placed,
        "required": list(required),
        "additionalProperties": False,
    }


def _choice(title: str, description: str, values: tuple[str, ...] = ()) -> Schema:
    return {"title": title, "description": description, "type": "string", "enum": list(values)}


def _needed(title: str, description: str) -> Schema:
    return {"title": title, "description": description, "type": "string", "minLength": 2, "maxLength": 500}


def _text(title: str, description: str) -> Schema:
    return {
        "title": title,
        "description": description,
        "type": "string",
        "default": "",
        "maxLength": 500,
    }
