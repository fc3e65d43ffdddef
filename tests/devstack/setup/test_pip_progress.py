import sys

from devstack.setup.pip_progress import run_pip

PIP = """
import sys, time
for line in sys.argv[2:]:
    print(line, flush=True)
    time.sleep(0.4)
print("ERROR: told on stderr", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


def test_what_pip_is_at_is_told_while_it_works(tmp_path, capfd):
    lines = [
        "Collecting fastapi==0.115.0 (from -r requirements.txt (line 3))",
        "  Downloading https://index/fastapi-0.115.0-py3-none-any.whl (94 kB)",
        "Requirement already satisfied: pip in x",
        "Installing collected packages: a, b, c",
    ]
    assert run_pip([sys.executable, "-c", PIP, "0", *lines], cwd=tmp_path, every_seconds=0.1) == 0
    told = capfd.readouterr().out
    assert "looking at fastapi, package 1" in told
    assert "downloading fastapi-0.115.0-py3-none-any.whl (94 kB), package 1" in told
    assert "unpacking 3 packages" in told
    assert "Collecting" not in told


def test_an_exit_code_and_what_pip_says_of_an_error_come_through(tmp_path, capfd):
    assert run_pip([sys.executable, "-c", PIP, "3"], cwd=tmp_path) == 3
    out, err = capfd.readouterr()
    assert out == ""
    assert "told on stderr" in err
