"""Redis URLs: what is read, and what is refused without a word of it being quoted."""

import ssl

import pytest

from app.cache.address import Address, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://cache", Address((("cache", 6379),))),
        ("redis://cache:7000/3", Address((("cache", 7000),), db=3)),
        ("redis://[::1]:7000/", Address((("::1", 7000),))),
        ("redis://:secret@cache", Address((("cache", 6379),), password="secret")),
        ("redis://trm:a%40b%2Fc%3A%23@cache/0", Address((("cache", 6379),), username="trm", password="a@b/c:#")),
        ("unix:///run/redis.sock", Address((), path="/run/redis.sock")),
        ("unix://trm:secret@/run/redis%20one.sock?db=2", Address((), path="/run/redis one.sock", db=2, username="trm", password="secret")),
        ("redis+sentinel://one,two:7000/main", Address((("one", 26379), ("two", 7000)), service="main")),
        (
            "redis+sentinel://trm:secret@one/main/4?sentinel_username=watch&sentinel_password=x%26y",
            Address((("one", 26379),), service="main", db=4, username="trm", password="secret", sentinel_username="watch", sentinel_password="x&y"),
        ),
    ],
)
def test_urls_that_say_where_redis_is(url, address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize("url", ["rediss://cache/1", "rediss+sentinel://cache/main"])
def test_over_tls_certificate_and_host_name_are_checked(url) -> None:
    tls = parse(url).tls
    assert tls is not None
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("cache:6379", "begins with redis://, rediss://, unix://, redis\\+sentinel://"),
        ("http://cache", "begins with redis://"),
        ("redis:cache", "begins with redis://"),
        ("redis://", "host is missing"),
        ("redis:///3", "host is missing"),
        ("redis://trm:hunter2@", "host is missing"),
        ("redis://:hunter2@:6379", "host is missing"),
        ("redis://:hunter2@cache:0", "port is not a number"),
        ("redis://:hunter2@cache:65536", "port is not a number"),
        ("redis://:hunter2@cache:port", "port is not a number"),
        ("redis://:hunter2/hunter2@cache", "port is not a number"),
        ("redis://:hunter2#hunter2@cache", "nothing may follow"),
        ("redis://:hunter2?hunter2=@cache", "nothing may follow"),
        ("redis://:hunter2@[::1", "host cannot be read"),
        ("redis://:hunter2@one,two", "one host"),
        ("redis://:hunter2@cache/hunter2", "database is not a number"),
        ("redis://:hunter2@cache/-1", "database is not a number"),
        ("redis://:hunter2@cache?db=3", "nothing may follow"),
        ("redis://:hunter2@cache?ssl_ca_certs=/hunter2", "nothing may follow"),
        ("rediss://:hunter2@cache?ssl_cert_reqs=hunter2", "there may be ssl_ca_certs"),
        ("rediss://:hunter2@cache?ssl_ca_certs=/hunter2", "holds no certificate"),
        ("rediss://:hunter2@cache?ssl_certfile=/hunter2", "holds no certificate"),
        ("unix://:hunter2@", "path of the socket is missing"),
        ("unix://:hunter2@cache/run/redis.sock", "path of the socket is missing"),
        ("redis+sentinel://:hunter2@one", "name of the service is missing"),
        ("redis+sentinel://:hunter2@one/main/hunter2", "database is not a number"),
        ("redis+sentinel://:hunter2@one,two:x/main", "port is not a number"),
        ("redis+sentinel://:hunter2@/main", "host is missing"),
    ],
)
def test_a_url_that_cannot_be_right_is_refused_in_one_sentence_that_quotes_nothing_of_it(url, why) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parse(url)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_password_is_shown_with_an_address_or_what_a_server_says() -> None:
    address = parse("redis+sentinel://:hunter2@one/main?sentinel_password=hunter3")
    assert "hunter" not in repr(address)
    assert address.without_secrets("unknown command AUTH with args 'hunter2', 'hunter3'") == "unknown command AUTH with args '***', '***'"
