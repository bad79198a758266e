"""`fakemamba serve`: what can be wrong before anything is served is one line on stderr and exit code 2."""

import socket
import subprocess
import sys

import pytest

from fakemamba.cli import run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "99999"], "port: "),
        (["--host", "no.such.host.invalid"], "no such address"),
        (["--trusted-proxy", "nginx"], "no address or network"),
        (["--cors-origin", "example.org"], "no origin"),
        (["--api-keys", "none.txt"], "cannot be read"),
        (["--config", "none.toml"], "no such file"),
        (["--log-level", "loud"], "choose debug"),
        (["--model", "nothing"], "no such model"),
        (["--max-upload", "0"], "max_upload"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(words, message, capsys):
    assert run(["serve", "--port", "0", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_a_port_in_use_is_told(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(["serve", "--port", str(port)]) == 2
    assert f"127.0.0.1:{port} is in use" in capsys.readouterr().err


def test_without_the_extra_the_command_to_install_it_is_told():
    code = "import sys\nsys.modules['fastapi'] = None\nfrom fakemamba.cli import run\nsys.exit(run(['serve']))\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: the server needs an optional package: run pip install 'fakemamba[server]'\n"
