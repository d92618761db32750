"""A challenger beside what an endpoint serves: started, weighed, compared, promoted, ended."""

from ops.challenge.compare import Side, sides, table
from ops.challenge.contest import Contest, find
from ops.challenge.moves import end, promote, start, weigh

__all__ = ["Contest", "Side", "end", "find", "promote", "sides", "start", "table", "weigh"]
