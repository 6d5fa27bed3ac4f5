"""How much of a pool one tenant may hold at a time."""

from weakref import WeakValueDictionary

import anyio


class Shares:
    """So many connections for each tenant; whoever wants more waits for its own, not for others."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._known: WeakValueDictionary[str, anyio.Semaphore] = WeakValueDictionary()

    def of(self, tenant: str) -> anyio.Semaphore:
        """To be held for as long as a connection is; kept while anybody holds it or waits."""
        share = self._known.get(tenant)
        if share is None:
            share = self._known[tenant] = anyio.Semaphore(self._each, fast_acquire=True)
        return share
