"""Every error that Reversion raises on purpose.

ReversionError
├── InvalidInput        exit 2: what was asked or written is wrong
│   ├── ProductInvalid      reversion.yaml or a file that it names
│   ├── SnapshotInvalid     a tag that is no snapshot, or no longer the one that was made
│   └── UnknownName         no environment, snapshot, service or run of that name
├── Refused             exit 1: understood, and deliberately not done
│   ├── Occupied            another reversion holds the environment
│   ├── HeldBack            not begun, since something before it failed
│   └── PlanVoid            the environment is no longer what the plan was made for
├── TestsRed            exit 1: a production test said no
└── WorldFailed         exit 3: the world outside did not do its part
    ├── RepositoryFailed    Git
    ├── PlaybookFailed      Ansible ran, and failed
    ├── RunInterrupted      Ansible was ended before it was done; worth retrying by itself
    ├── HostUnreachable     Ansible could not reach a host; worth retrying by itself
    ├── ServerFailed        Prefect's API, the catalogue's database
    └── TrackerFailed       a tracker that knows features' titles; only ever told as a warning
"""


class ReversionError(Exception):
    """An error that an operator can act on: what is wrong, then what to do next."""

    exit_code = 3

    def __init__(self, message: str, todo: str = "") -> None:
        super().__init__(message, todo)
        self.message = message
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.message} {self.todo}".rstrip()


class InvalidInput(ReversionError):
    """What was asked or written is wrong; the same call can't succeed until it is mended."""

    exit_code = 2


class ProductInvalid(InvalidInput):
    """The product file, or a file that it names, is wrong."""


class SnapshotInvalid(InvalidInput):
    """A tag that is no snapshot, or not the snapshot that was made under this name."""


class UnknownName(InvalidInput):
    """No environment, snapshot, service or run of that name."""

    @classmethod
    def among(cls, kind: str, name: str, known: tuple[str, ...]) -> "UnknownName":
        """Build the error that names what there is (the first ten)."""
        shown = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
        return cls(f"No {kind} named '{name[:80]}'.", f"Known: {shown}." if known else f"There is no {kind} yet.")


class Refused(ReversionError):
    """Understood, and deliberately not done; nothing was changed."""

    exit_code = 1


class Occupied(Refused):
    """Another reversion of the environment is under way."""


class HeldBack(Refused):
    """Not begun, since something before it failed."""


class PlanVoid(Refused):
    """The environment or the snapshot is no longer what the approved plan was made for."""


class WorldFailed(ReversionError):
    """The world outside did not do its part."""


class RepositoryFailed(WorldFailed):
    """Git said no."""


class PlaybookFailed(WorldFailed):
    """Ansible ran and failed; running it again unchanged is not expected to help."""


class RunInterrupted(WorldFailed):
    """Ansible was ended, or held up by another service, before it was done with this one."""


class HostUnreachable(WorldFailed):
    """Ansible could not reach a host."""


class TestsRed(ReversionError):
    """A production test said no; the check that tells how is in the error."""

    exit_code = 1

    def __init__(self, message: str, todo: str = "", check: object = None) -> None:
        super().__init__(message, todo)
        self.args = (message, todo, check)
        self.check = check


class ServerFailed(WorldFailed):
    """Prefect's API or the catalogue's database did not answer as it must."""


class TrackerFailed(WorldFailed):
    """A tracker did not answer as it must; `pause` says for how many seconds it had better not be asked again."""

    def __init__(self, message: str, todo: str = "", pause: float = 300) -> None:
        super().__init__(message, todo)
        self.args = (message, todo, pause)
        self.pause = pause


def is_worth_retrying(error: BaseException) -> bool:
    """Tell whether the same call may succeed a moment later without anybody mending anything."""
    return isinstance(error, HostUnreachable | RunInterrupted)
