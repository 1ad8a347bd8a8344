"""Get an approver's decision: from a terminal, question by question, or given beforehand."""

import select
import sys
from collections.abc import Callable

from reversion.commands.printing import note
from reversion.errors import Refused
from reversion.history import Answer, Review
from reversion.text import plain

_YES = {"approve": True, "a": True, "reject": False, "r": False}
IsWaiting = Callable[[], bool]


class AskTerminal:
    """Asks the person at the terminal; stops asking when the run is answered elsewhere meanwhile."""

    may_ask_again = True

    def __init__(self, completed: Callable[[Answer], Answer] = lambda answer: answer, name: str = "") -> None:
        self._completed = completed
        self._name = name

    def __call__(self, review: Review, is_waiting: IsWaiting) -> Answer | None:
        ask = _Questions(is_waiting)
        decision = ask.until("Type approve or reject: ", lambda given: given.lower() in _YES, "approve or reject")
        if decision is None:
            return None
        approve = _YES[decision.lower()]
        name = self._name or ask.until(_who(review), lambda given: _is_name(review, given), _expected(review))
        if name is None:
            return None
        reason = ask.until("Reason or ticket (may be empty): ", lambda _: True, "anything")
        if reason is None:
            return None
        acknowledged = "no"
        if approve and review.asks_acknowledgement:
            question = "The plan has warnings. Type yes if you have read them: "
            given = ask.until(question, lambda text: text.lower() in ("yes", "no"), "yes or no")
            if given is None:
                return None
            acknowledged = given.lower()
        answer = Answer(approve=approve, approver=name, reason=reason, acknowledge=acknowledged == "yes")
        return self._completed(answer)


class GiveAnswer:
    """Gives the answer that the command line holds, without asking."""

    may_ask_again = False

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, review: Review, is_waiting: IsWaiting) -> Answer | None:  # noqa: ARG002
        if self._answer.approve and review.asks_acknowledgement and not self._answer.acknowledge:
            raise Refused(
                "The plan has warnings, so it was not approved.",
                f"Read them, then: reversion approve {review.run[:8]} --as NAME --acknowledge",
            )
        return self._answer


class _Questions:
    def __init__(self, is_waiting: IsWaiting) -> None:
        self._is_waiting = is_waiting

    def until(self, question: str, is_good: Callable[[str], bool], expected: str) -> str | None:
        """Ask until the answer is good. Return None when it is too late, or when the terminal was closed."""
        while True:
            print(question, end="", file=sys.stderr, flush=True)
            while not select.select([sys.stdin], [], [], 1.0)[0]:
                if not self._is_waiting():
                    print(file=sys.stderr)
                    return None
            line = sys.stdin.readline()
            if not line:
                return None
            if is_good(given := plain(line, 500)):
                return given
            note(f"'{given}' is not understood; expected is {expected}.")


def _who(review: Review) -> str:
    among = f" (one of {', '.join(review.approvers)})" if review.approvers else ""
    return f"Your name{among}: "


def _expected(review: Review) -> str:
    return "one of those names" if review.approvers else "a name of at least two letters"


def _is_name(review: Review, given: str) -> bool:
    return given in review.approvers if review.approvers else len(given) >= 2
