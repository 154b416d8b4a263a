"""The client library, set up for an `Address`: no retries, one TLS context, a bounded pool; and its errors in words. Knows no commands.

Its own time limits are left out, but for sentinels: whoever sends a command limits the whole of it.
"""

from typing import Any

from redis.asyncio import Connection, ConnectionPool, Redis, Sentinel, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedConnection
from redis.backoff import NoBackoff
from redis.exceptions import AskError, ClusterError

from app.cache.address import Address

CLUSTER = "this is a node of a Redis Cluster of several shards, which does not do: give one Redis, or sentinels"


class TLSConnection(SSLConnection):
    """A connection with the address's TLS context, instead of one of its own."""

    def __init__(self, tls: Any, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context.context = tls


class SentinelTLSConnection(SentinelManagedConnection, TLSConnection):
    """The same, to where the sentinels say."""


def told(address: Address, error: Exception) -> str:
    """What went wrong, as it may be logged; the same for all that a node of a Redis Cluster says, which names another slot each time."""
    if isinstance(error, AskError | ClusterError) or "cluster node" in str(error):
        return CLUSTER
    return address.without_secrets(f"{type(error).__name__}: {error}")


def connect(address: Address, connections: int, sentinel_timeout: float) -> tuple[Redis, Sentinel | None]:
    """A client of at most so many connections, with the sentinels that it asks for the way; nothing is sent yet."""
    # protocol 2 and no driver info: a connection without user and database needs no handshake at all
    options: dict[str, Any] = {"protocol": 2, "driver_info": None, "retry": Retry(NoBackoff(), 0), "socket_timeout": None, "socket_connect_timeout": None}
    kind: type[Connection] = Connection
    if address.tls is not None:
        kind, options = TLSConnection, {**options, "tls": address.tls}
    ours = {**options, "db": address.db, "username": address.username, "password": address.password, "max_connections": connections}
    if address.path:
        return Redis.from_pool(ConnectionPool(UnixDomainSocketConnection, path=address.path, **ours)), None
    if not address.service:
        ((host, port),) = address.hosts
        return Redis.from_pool(ConnectionPool(kind, host=host, port=port, **ours)), None
    # a limit for each sentinel, so that one that hangs leaves time for the next
    theirs = {**options, "username": address.sentinel_username, "password": address.sentinel_password}
    theirs |= {"socket_timeout": sentinel_timeout, "socket_connect_timeout": sentinel_timeout}
    sentinel = Sentinel([])  # type: ignore[no-untyped-call]
    sentinel.sentinels = [Redis.from_pool(ConnectionPool(kind, host=host, port=port, **theirs)) for host, port in address.hosts]
    managed = SentinelManagedConnection if address.tls is None else SentinelTLSConnection
    pool = SentinelConnectionPool(address.service, sentinel, connection_class=managed, **ours)  # type: ignore[no-untyped-call]
    return Redis.from_pool(pool), sentinel
