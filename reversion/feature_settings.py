"""What the product file and the catalogue of features say: where commits name features, and what is known of them."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from reversion.names import FEATURE_PATTERN, FeatureId, RelativePath, ServiceName, Text
from reversion.patterns import check
from reversion.text import Value, digest
from reversion.tracker_settings import Tracker

PROJECT_PATTERN = r"^[A-Za-z][A-Za-z0-9_]{0,30}$"
WORD_PATTERN = r"^[A-Za-z][A-Za-z0-9_-]{0,30}$"
COMMIT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}@[0-9a-f]{7,40}$"
PULL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}#[1-9][0-9]{0,8}$"

FeatureKind = Literal["feature", "fix", "security"]
COUNTED = ("feat", "fix", "perf", "security", "unmarked")
"""The types of commits that are parts of features where Conventional Commits are kept and nothing else is said."""


def _holds_id(form: str) -> str:
    filled = form.replace("{service}", "s").replace("{id}", "1")
    if form.count("{id}") != 1 or not re.fullmatch(FEATURE_PATTERN, filled):
        raise ValueError(
            'must hold {id} once and make an id of letters, digits and any of . _ / # -, e.g. "SHOP-{id}"'
        )
    return form


Projects = Annotated[tuple[Annotated[str, StringConstraints(pattern=PROJECT_PATTERN)], ...], Field(min_length=1)]
Names = Annotated[tuple[Text, ...], Field(min_length=1)]
Word = Annotated[str, StringConstraints(pattern=WORD_PATTERN)]
Regex = Annotated[Text, AfterValidator(check)]
Form = Annotated[Text, AfterValidator(_holds_id)]


class Line(Value):
    """`Feature: SHOP-42` on a line of its own anywhere in the message; commas or spaces part ids."""

    kind: Literal["line"]
    names: Names


class Trailer(Value):
    """The same in the message's last paragraph only, as `git interpret-trailers` sees it."""

    kind: Literal["trailer"]
    names: Names


class Key(Value):
    """Issue keys of the listed projects: `SHOP-42`."""

    kind: Literal["key"]
    projects: Projects
    where: tuple[Literal["subject", "body"], ...] = Field(default=("subject", "body"), min_length=1)


class Pattern(Value):
    """A regular expression with a group named `id`, and the form of the ids that it makes."""

    kind: Literal["pattern"]
    regex: Regex
    form: Form = "{id}"


class PullRequest(Value):
    """`(#123)` at a subject's end, `Merge pull request #123`; the feature's id is `<service>#123`."""

    kind: Literal["pull_request"]


class MergeBranch(Value):
    """The key in the name of the branch that was merged: `Merge branch 'feature/SHOP-42-gift-cards'`."""

    kind: Literal["merge_branch"]
    projects: Projects


class Conventional(Value):
    """Conventional Commits: which types are parts of features, and whether the scope is a feature's id.

    `pattern` matches the whole of one scope; several are parted by commas. `unmarked` in `counts` stands for subjects
    without a type that is known.
    """

    kind: Literal["conventional"]
    scope_is: Literal["ignore", "key"] = "ignore"
    pattern: Regex | None = None
    form: Form | None = None
    counts: tuple[Word, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _has_a_scope_to_shape(self) -> Self:
        if self.scope_is == "ignore" and (self.pattern or self.form):
            raise ValueError("has 'pattern' or 'form', which need 'scope_is: key'")
        return self


class Fragments(Value):
    """News fragments: a file that the commit adds to the folder names the feature.

    towncrier: `123.feature.md`, `types` being those that name features, and their kinds. reno: `slug-<16 hex>.yaml`,
    the slug being the id.
    """

    kind: Literal["fragments"]
    folder: RelativePath
    style: Literal["towncrier", "reno"] = "towncrier"
    types: dict[Word, FeatureKind] = {
        "feature": "feature",
        "removal": "feature",
        "bugfix": "fix",
        "security": "security",
    }
    pattern: Regex | None = None
    form: Form | None = None


Convention = Annotated[
    Line | Trailer | Key | Pattern | PullRequest | MergeBranch | Conventional | Fragments,
    Field(discriminator="kind"),
]


class OwnConventions(Value):
    """A service's own conventions: beside the product's, or in place of them."""

    add: tuple[Convention, ...] | None = None
    replace: tuple[Convention, ...] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.add is None) == (self.replace is None):
            raise ValueError("needs exactly one of add or replace")
        return self


class FeatureSettings(Value):
    """Where commits name a feature, in all services or in one, and where more is known about it."""

    conventions: tuple[Convention, ...] = ()
    services: dict[ServiceName, OwnConventions] = {}
    url: Text | None = None
    catalogue: RelativePath | None = None
    trackers: tuple[Tracker, ...] = ()

    def conventions_of(self, service: str) -> tuple[Convention, ...]:
        own = self.services.get(service)
        if own is None:
            return self.conventions
        return self.conventions + (own.add or ()) if own.replace is None else own.replace

    def needs_paths(self, service: str) -> bool:
        """Tell whether the service's features can't be named without the paths that each commit adds."""
        return any(isinstance(convention, Fragments) for convention in self.conventions_of(service))

    def conventions_digest(self) -> str:
        return digest(self.model_dump(mode="json", include={"conventions", "services"}, exclude_defaults=True))


class CatalogueEntry(Value):
    """What people wrote down about one feature; wins over what commit messages say.

    `exclude` are commits (`payment@9f3c2ab`) that name it wrongly, `pull_requests` (`cart#12`) those that name it not
    at all. `needs` are features that it can't do without.
    """

    id: FeatureId
    title: Text | None = None
    kind: FeatureKind | None = None
    status: Literal["planned", "in-progress", "done", "retired"] | None = None
    owner: Text | None = None
    url: Text | None = None
    keys: tuple[FeatureId, ...] = ()
    pull_requests: tuple[Annotated[str, StringConstraints(pattern=PULL_PATTERN)], ...] = ()
    exclude: tuple[Annotated[str, StringConstraints(pattern=COMMIT_PATTERN)], ...] = ()
    requires: tuple[ServiceName, ...] = ()
    needs: tuple[FeatureId, ...] = ()
    flag: Text | None = None
