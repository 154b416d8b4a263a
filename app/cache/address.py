"""What a Redis URL says, read strictly: a mistake ends the start and not a request. Knows no Redis client.

    redis://[user:password@]host[:port][/db]                                  rediss:// over TLS
    unix://[user:password@]/path/to/socket[?db=N]
    redis+sentinel://[user:password@]host[:port],host[:port]/service[/db]     rediss+sentinel:// over TLS

User and password are percent-encoded. `?ssl_ca_certs=FILE` names the authority that signed the certificate, `&ssl_certfile=FILE&ssl_keyfile=FILE`
our own; `?sentinel_username=…&sentinel_password=…` are for the sentinels. No part of a URL is ever quoted: any of it may be a password written wrongly.
"""

import ssl
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

REDIS_PORT, SENTINEL_PORT = 6379, 26379
SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
ARGUMENTS = {"unix": {"db"}, "rediss": {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}, "sentinel": {"sentinel_username", "sentinel_password"}}
"""What may follow the `?`, by what is in the scheme."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where Redis is and who we are there. `hosts` are sentinels where there is a `service`; there are none where there is a `path`."""

    hosts: tuple[tuple[str, int], ...]
    path: str = ""
    service: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    """One for all connections: making one reads the machine's certificates, which takes longer than an operation may."""

    def without_secrets(self, text: str) -> str:
        """A text, such as what a server said, that may be logged."""
        for secret in filter(None, (self.password, self.sentinel_password)):
            text = text.replace(secret, "***")
        return text


def parse(url: str) -> Address:
    """Read a URL. Raises `ValueError` with one sentence that says what is wrong and quotes nothing."""
    if url.partition("://")[0] not in SCHEMES:
        raise ValueError("a Redis URL begins with " + ", ".join(f"{scheme}://" for scheme in SCHEMES))
    try:
        parts = urlsplit(url)
        arguments = _arguments(parts)
        user, _, hosts = parts.netloc.rpartition("@")
        names = [unquote(name) or None for name in user.partition(":")[::2]]
        found = tuple(_host(host, SENTINEL_PORT if "sentinel" in parts.scheme else REDIS_PORT) for host in hosts.split(",")) if hosts else ()
        return _address(parts, found, arguments, *names)
    except ValueError as error:
        wrong = error.args[0] if isinstance(error, _Wrong) else "the host cannot be read"
        raise ValueError(f"{wrong}; the form is {_form(url)}, with user and password percent-encoded") from None


class _Wrong(ValueError):
    """A sentence of ours, not one of the standard library's, which quote."""


def _form(url: str) -> str:
    scheme = url.partition("://")[0]
    if scheme == "unix":
        return "unix://[user:password@]/path[?db=N]"
    return f"{scheme}://[user:password@]" + ("host[:port],host[:port]/service[/db]" if "sentinel" in scheme else "host[:port][/db]")


def _arguments(parts: SplitResult) -> dict[str, str]:
    known = set[str]().union(*(names for part, names in ARGUMENTS.items() if part in parts.scheme))
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if parts.fragment or not {name for name, _ in pairs} <= known:
        raise _Wrong(f"after the ? there may be {', '.join(sorted(known))}" if known else "nothing may follow a ? or #")
    return dict(pairs)


def _host(text: str, port: int) -> tuple[str, int]:
    host = urlsplit(f"//{text}")
    try:
        found = port if host.port is None else host.port
    except ValueError:
        found = 0
    if not found:
        raise _Wrong("the port is not a number from 1 to 65535")
    if not host.hostname:
        raise _Wrong("the host is missing")
    return host.hostname, found


def _address(parts: SplitResult, hosts: tuple[tuple[str, int], ...], arguments: dict[str, str], username: str | None, password: str | None) -> Address:
    sentinel, (first, _, rest) = "sentinel" in parts.scheme, parts.path.removeprefix("/").partition("/")
    if parts.scheme == "unix":
        path, service, db = unquote(parts.path), "", arguments.pop("db", "")
    else:
        path, service, db = "", unquote(first) if sentinel else "", rest if sentinel else parts.path.removeprefix("/")
    if parts.scheme == "unix" and (hosts or len(path) < 2):
        raise _Wrong("the path of the socket is missing")
    if parts.scheme != "unix" and (not hosts or (len(hosts) > 1 and not sentinel)):
        raise _Wrong("there must be one host" if hosts else "the host is missing")
    if sentinel and not service:
        raise _Wrong("the name of the service is missing")
    if db and not (db.isascii() and db.isdigit()):
        raise _Wrong("the database is not a number")
    tls = _tls(arguments) if parts.scheme.startswith("rediss") else None
    passwords = {name: value for name, value in arguments.items() if name in ARGUMENTS["sentinel"]}
    return Address(hosts, path, service, int(db or 0), username, password, tls=tls, **passwords)


def _tls(arguments: dict[str, str]) -> ssl.SSLContext:
    """The machine's authorities, or the one that is named; host name and certificate are always checked."""
    try:
        context = ssl.create_default_context(cafile=arguments.get("ssl_ca_certs"))
        if "ssl_certfile" in arguments:
            context.load_cert_chain(arguments["ssl_certfile"], arguments.get("ssl_keyfile"))
    except OSError:  # a file that is not there, and all that OpenSSL finds wrong with one
        raise _Wrong("a file that ssl_ca_certs, ssl_certfile or ssl_keyfile names holds no certificate or key") from None
    return context
