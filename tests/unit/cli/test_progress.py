import pytest

from shared_code.cli.screen.progress import duration, progress, rate_and_rest


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize(
    ("done", "total", "seconds", "told"),
    [
        (0, 10, 5, []),
        (50, 100, 25, ["2.0/s", "0:25 left"]),
        (10, 100, 600, ["1.0/min", "1:30:00 left"]),
        (1, 3, 3_600, ["1.0/h", "2:00:00 left"]),
        (1, 1_000, 1, ["1.0/s"]),
        (100, 100, 10, ["10.0/s"]),
        (40, None, 10, ["4.0/s"]),
    ],
)
def test_rate_and_remaining_time(done, total, seconds, told):
    assert rate_and_rest(done, total, seconds) == told


def test_durations():
    assert [duration(seconds) for seconds in (0, 59.6, 61, 3_723)] == ["0:00", "1:00", "1:01", "1:02:03"]


def test_without_a_terminal_there_is_a_line_every_few_seconds(clock, capsys):
    with progress("documents", 4, clock=clock) as bar:
        for name in ("a.pdf", "b.pdf\x1b[2J", "c.pdf", "d.pdf"):
            bar.advance(name)
            clock.now += 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        r"documents: 3 of 4, 30.0/min, 0:02 left; c.pdf",
        "documents: 4 of 4, 20.0/min",
    ]


def test_what_is_quick_says_nothing(clock, capsys):
    with progress("documents", 2, clock=clock) as bar:
        bar.advance()
    assert capsys.readouterr() == ("", "")


def test_json_and_a_single_document_have_no_progress(clock, capsys):
    for options in ({"as_json": True}, {"least": 2}):
        with progress("documents", 1, clock=clock, **options) as bar:
            clock.now += 60
            bar.show(1, "a")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_on_standard_error(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress("documents", 4) as bar:
        bar.show(2, "[bold]a.pdf")
    out, err = capsys.readouterr()
    assert out == ""
    assert "documents" in err
    assert "2/4" in err
    assert "[bold]a.pdf" in err
