"""Who may ask how much: one client's share, the server's room, keys and settings."""

from contextlib import ExitStack

import pytest

from fakemamba.errors import ConfigError
from fakemamba.server.config import ServerConfig, read_config
from fakemamba.server.keys import Keys, read_keys
from fakemamba.server.limits import Limits, Memory, address_of
from fakemamba.server.problem import Problem

KEY, OTHER = "k" * 16, "another-key-of-some-length"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(error: pytest.ExceptionInfo[Problem]) -> tuple[int, str, int | None]:
    return error.value.status, error.value.code, error.value.retry_after


def test_a_minute_s_requests_come_back_one_by_one():
    clock = Clock()
    limits = Limits(ServerConfig(client_rate=3), 1, clock)

    def ask(who: str = "a") -> None:
        with limits.request(who):
            pass

    for _ in range(3):
        ask()
    with pytest.raises(Problem) as error:
        ask()
    assert refused(error) == (429, "too_many_requests", 20)
    ask("b")
    clock.now = 19.9
    with pytest.raises(Problem):
        ask()
    clock.now = 20.1  # a third of a minute: one of three
    ask()
    with pytest.raises(Problem):
        ask()


def test_room_is_given_back_whatever_happens():
    limits = Limits(ServerConfig(max_requests=2, client_requests=1, client_streams=1), 1)
    with ExitStack() as stack:
        stack.enter_context(limits.request("a"))
        with pytest.raises(Problem) as error:
            stack.enter_context(limits.request("a"))
        assert refused(error) == (429, "too_many_at_once", 1)
        stack.enter_context(limits.request("b"))
        with pytest.raises(Problem) as error:
            stack.enter_context(limits.request("c"))
        assert refused(error) == (503, "busy", 1)
        stack.enter_context(limits.stream("a"))
        with pytest.raises(Problem) as error:
            stack.enter_context(limits.stream("b"))
        assert refused(error) == (503, "busy", 10)
    with pytest.raises(RuntimeError), limits.request("a"):
        raise RuntimeError
    assert (limits.requests, limits.streams) == (0, 0)
    limits.draining = True
    with pytest.raises(Problem) as error, limits.request("a"):
        pass
    assert refused(error) == (503, "busy", 5)


def test_clients_beyond_memory_are_forgotten_but_busy_ones_are_not():
    limits = Limits(ServerConfig(client_requests=1), 1)
    with limits.request("busy"):
        for k in range(10_050):
            with limits.request(f"c{k}"):
                pass
        assert len(limits._clients) <= 10_001
        with pytest.raises(Problem), limits.request("busy"):
            pass


def test_memory_is_counted():
    memory = Memory(100)
    memory.take(60)
    with pytest.raises(Problem) as error:
        memory.take(41)
    assert error.value.status == 503
    memory.give(60)
    memory.take(100)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
        (None, "unknown"),
    ],
)
def test_an_address_is_a_client(host, expected):
    assert address_of(host) == expected


def test_keys_of_file_and_environment(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"# ours\n\nnewsroom:{KEY}\n")
    keys = read_keys(path, {"FAKEMAMBA_API_KEYS": OTHER})
    assert (keys.label(KEY), keys.label(OTHER), keys.label("no")) == ("newsroom", "key-1", None)
    assert KEY not in repr(keys)
    assert not read_keys(None, {})
    assert not Keys()
    assert keys.label("\udcff") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no API key"),
        ("a:short", "shorter than 16"),
        (f"{KEY}\n{KEY}", "given twice"),
        (f"a:{KEY}\na:{OTHER}", "given twice"),
    ],
)
def test_wrong_keys_are_told_without_the_key(tmp_path, text, message):
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        read_keys(path, {})
    assert KEY not in str(error.value)
    assert "short'" not in str(error.value)


def test_a_keys_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_keys(tmp_path / "none", {})


def test_options_win_over_the_file(tmp_path):
    path = tmp_path / "serve.toml"
    path.write_text('port = 9000\nmax_requests = 3\ntrusted_proxies = ["10.0.0.0/8"]\n')
    config = read_config(path, {"port": 9001})
    assert (config.port, config.max_requests, config.trusted_proxies) == (9001, 3, ("10.0.0.0/8",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", "prot: Extra inputs"),
        ("port = 70000", "port: "),
        ('trusted_proxies = ["nginx"]', "no address or network"),
        ('cors_origins = ["*"]', "no origin"),
        ('root_path = "voice/"', "must begin with /"),
        ("max_duration = inf", "max_duration: "),
        ("port = ", "not valid TOML"),
    ],
)
def test_a_wrong_setting_is_told_with_its_place(tmp_path, text, message):
    path = tmp_path / "serve.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        read_config(path, {})
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
