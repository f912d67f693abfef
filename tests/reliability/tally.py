"""How often something was tried, and what went wrong."""

from collections.abc import Callable
from typing import Any


class Tally:
    """Counts checks; `facts` are further numbers worth keeping."""

    def __init__(self, tell: Callable[[], Any] = lambda: None) -> None:
        """`tell` is called after every check."""
        self.tried, self.failures, self.tell = 0, list[str](), tell
        self.facts: dict[str, Any] = {}

    def check(self, good: bool, otherwise: str) -> bool:
        """One attempt; `otherwise` describes it if it was not `good`."""
        self.tried += 1
        if not good:
            self.failures.append(otherwise)
        self.tell()
        return good

    def most(self, name: str, value: float) -> None:
        """Keeps the largest of a number."""
        self.facts[name] = round(max(value, self.facts.get(name, value)), 3)

    def result(self) -> dict[str, Any]:
        """For reliability.json."""
        return {
            "tried": self.tried,
            "failed": len(self.failures),
            "failures": self.failures[:5],
            **self.facts,
        }
