"""Which variant of which fleet answers the next request."""

from collections.abc import Iterable, Sequence

from local_aws.sagemaker.deployment.fleet import Fleet, Slot

Route = tuple[Fleet, float]  # a fleet and its share of the endpoint's traffic


class Balancer:
    """Smooth weighted round robin: shares hold over any short run, not only on average."""

    def __init__(self) -> None:
        self._credit: dict[tuple[int, str], float] = {}

    def pick(self, routes: Sequence[Route], target: str | None) -> Slot | None:
        """The next fleet and variant; None when no fleet has the target variant."""
        options = list(_options(routes, target))
        if not options:
            return None
        total = sum(weight for _, _, weight in options)
        credit = {}
        for fleet, slot, weight in options:
            key = (id(fleet), slot.name)
            credit[key] = self._credit.get(key, 0.0) + (weight if total else 1.0)
        fleet, slot, _ = max(options, key=lambda option: credit[id(option[0]), option[1].name])
        credit[id(fleet), slot.name] -= total or len(options)
        self._credit.update(credit)
        return slot

    def forget(self, fleet: Fleet) -> None:
        """Drop what was owed to a fleet that is gone."""
        self._credit = {k: v for k, v in self._credit.items() if k[0] != id(fleet)}


def _options(routes: Sequence[Route], target: str | None) -> Iterable[tuple[Fleet, Slot, float]]:
    for fleet, share in routes:
        if share <= 0:
            continue
        slots = [slot for slot in fleet.slots.values() if target in (None, slot.name)]
        total = sum(slot.weight for slot in slots)
        for slot in slots:
            part = slot.weight / total if total else 1 / len(slots)
            if part:
                yield fleet, slot, share * part
