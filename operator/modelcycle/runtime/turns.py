"""Who may move a model's aliases: one resource at a time, from its look at them until its status is written.

A worker never waits for its turn: the pass ends, and the resource is woken when the turn is free.
"""

from collections import defaultdict

from modelcycle.runtime.store import Key


class Turns:
    """Turns at registered models, by name."""

    def __init__(self) -> None:
        self._holders: dict[str, Key] = {}
        self._waiting: defaultdict[str, set[Key]] = defaultdict(set)

    def take(self, model: str, key: Key) -> bool:
        """Whether it is the key's turn now. If not, it is among those that `give_back` answers."""
        if self._holders.setdefault(model, key) == key:
            return True
        self._waiting[model].add(key)
        return False

    def give_back(self, key: Key) -> set[Key]:
        """Ends the key's turns. Answers who has waited for one."""
        models = [model for model, holder in self._holders.items() if holder == key]
        for model in models:
            del self._holders[model]
        return {waiting for model in models for waiting in self._waiting.pop(model, ())}
