"""When a call that failed is sent again, and after how long. Every call may be: solving twice does no harm. Does no IO."""

import random
from dataclasses import dataclass

from app.client.errors import ClientError


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """At most `most` further tries, the pauses between them growing from `first` to `longest` seconds; `Retries(most=0)` never tries again.

    A pause is at least as long as the service asked for by `Retry-After`; if that is more than `longest`, it is not waited for at all.
    """

    most: int = 3
    first: float = 0.25
    longest: float = 30.0

    def pause(self, tried: int, error: ClientError) -> float | None:
        """Seconds to wait after `tried` further tries; None if there is to be none. Random in part, so that clients do not come back all at once."""
        asked = error.retry_after or 0.0
        if not error.temporary or tried >= self.most or asked > self.longest:
            return None
        grown = min(self.longest, self.first * 2.0**tried)
        return asked + grown * random.uniform(0.5, 1.0)
