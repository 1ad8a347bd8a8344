"""Which trackers know the titles of features, and where the token for each is to be found."""

import ipaddress
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from reversion.names import Text
from reversion.text import Value

REPOSITORY_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$"
PREFIX_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._/#-]{0,89}$"
USER_PATTERN = r"^[^\x00-\x20\x7f:]+$"
KEY_PATTERN = r"^[A-Za-z0-9]{1,100}$"
BLOCK_PATTERN = r"^[a-z0-9][a-z0-9-]{0,99}$"


def _safe(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, user = parts.hostname or "", parts.username or parts.password
        parts.port  # noqa: B018  raises where it is no number
    except ValueError as error:
        raise ValueError("is no URL") from error
    if user is not None:
        raise ValueError("holds a user or password; name the token's variable in 'token'")
    if not host or parts.query or parts.fragment:
        raise ValueError("must be a tracker's address, such as https://tracker.example")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ValueError("must begin with https:// (http:// is for this machine only)")
    return url.rstrip("/")


def _name_of_variable(name: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,62}", name):
        raise ValueError(
            "must be an environment variable's name, in capitals, and never the password or token itself"
        )
    return name


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


TrackerUrl = Annotated[Text, AfterValidator(_safe)]
TokenName = Annotated[str, AfterValidator(_name_of_variable)]
ProjectKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,30}$")]
RepositoryPath = Annotated[str, StringConstraints(max_length=300, pattern=REPOSITORY_PATTERN)]
Prefix = Annotated[str, StringConstraints(pattern=PREFIX_PATTERN)]
UserName = Annotated[str, StringConstraints(max_length=200, pattern=USER_PATTERN)]
ApiKey = Annotated[str, StringConstraints(pattern=KEY_PATTERN)]
BlockName = Annotated[str, StringConstraints(pattern=BLOCK_PATTERN)]


class _Tracker(Value):
    """`token` is an environment variable's name, `token_block` that of a Prefect Secret block; one of them it is."""

    token: TokenName | None = None
    token_block: BlockName | None = None

    @model_validator(mode="after")
    def _has_one_token(self) -> Self:
        if (self.token is None) == (self.token_block is None):
            raise ValueError("needs either token (an environment variable) or token_block (a Prefect Secret block)")
        return self


class _Hosted(_Tracker):
    """Without `repository`, `<service>#12` is number 12 of the service's own repository, where the site has it.

    With one, `<prefix>12` is number 12 of that repository, and a mere `12` where there is no prefix.
    """

    repository: RepositoryPath | None = None
    prefix: Prefix | None = None

    @model_validator(mode="after")
    def _has_a_repository_for_its_prefix(self) -> Self:
        if self.prefix and not self.repository:
            raise ValueError("needs a repository beside its prefix")
        return self


class Jira(_Tracker):
    """Issues of these projects, `SHOP-42`. With a `user` it is Jira Cloud, without one Jira Data Center."""

    kind: Literal["jira"]
    url: TrackerUrl
    projects: tuple[ProjectKey, ...] = Field(min_length=1)
    user: UserName | None = None


class GitHub(_Hosted):
    """Issues and pull requests, which share their numbers."""

    kind: Literal["github"]
    url: TrackerUrl = "https://github.com"


class GitLab(_Hosted):
    """Merge requests or issues, each with numbers of their own."""

    kind: Literal["gitlab"]
    url: TrackerUrl = "https://gitlab.com"
    numbers: Literal["merge_requests", "issues"] = "merge_requests"


class Trello(_Tracker):
    """Cards, by the short link in their address. The key, unlike the token, is no secret."""

    kind: Literal["trello"]
    url: TrackerUrl = "https://api.trello.com"
    key: ApiKey


Tracker = Annotated[Jira | GitHub | GitLab | Trello, Field(discriminator="kind")]


def source_of(tracker: Tracker) -> str:
    """Return what the titles of a tracker are kept under: the same as long as the same ids mean the same things."""
    match tracker:
        case Jira() | Trello():
            return f"{tracker.kind} {tracker.url}"
        case GitHub():
            return f"{tracker.kind} {tracker.url} {tracker.repository or ''} {tracker.prefix or ''}".rstrip()
        case GitLab():
            place = f"{tracker.kind} {tracker.url} {tracker.numbers}"
            return f"{place} {tracker.repository or ''} {tracker.prefix or ''}".rstrip()
