"""Whether BentoML has a path: its metrics keep one series for every path that it was ever asked for."""

from collections.abc import MutableMapping
from typing import Any

from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles


def knows(app: Any, scope: MutableMapping[str, Any]) -> bool:
    """Whether a route of `app` answers `scope`; of a folder, whether it holds the file."""
    return any(_answers(route, scope) for route in getattr(app, "routes", ()))


def _answers(route: Any, scope: MutableMapping[str, Any]) -> bool:
    match, inner = route.matches(scope)
    if match == Match.NONE:
        return False
    if not isinstance(route, Mount):
        return True
    if isinstance(route.app, StaticFiles):
        found, _ = route.app.lookup_path(route.app.get_path({**scope, **inner}))
        return bool(found)
    return knows(route.app, {**scope, **inner})
