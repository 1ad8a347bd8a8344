"""The names and texts that the product file and other documents are made of, as checked types. Pure."""

from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

ENVIRONMENT_PATTERN = r"^[a-z0-9][a-z0-9-]{0,30}$"
SERVICE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
FEATURE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._/#-]{0,99}$"

EnvironmentName = Annotated[str, StringConstraints(pattern=ENVIRONMENT_PATTERN)]
ServiceName = Annotated[str, StringConstraints(pattern=SERVICE_PATTERN)]
FeatureId = Annotated[str, StringConstraints(pattern=FEATURE_PATTERN)]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
Argument = Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=r"^[^\x00]+$")]


def _inside(path: str) -> str:
    parts = path.split("/")
    if path.startswith(("/", "-", ":")) or ".." in parts or "" in parts[:-1]:
        raise ValueError("must be a path inside the product, without '..' and not starting with '/', '-' or ':'")
    return path


RelativePath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f\\]+$"),
    BeforeValidator(_inside),
]
