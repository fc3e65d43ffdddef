"""Every command of manage.py that a page shows, run as it stands there, on a company that has what the pages speak of.

A command must end with 0. What ends otherwise stands in ``ENDS_OTHERWISE``, with the exit code and the words that it must
show; what is not run here in ``RUN_ELSEWHERE``, with the test that does it. Names that a reader puts in place of the
page's (the id of a reading, an address) are put in by ``in_place_of``. The parsing of all commands, those of others
included, is tests/structure/test_documented_commands.py; pages whose answers are compared have tests in tests/e2e.
"""

import re

import pytest

from tests.documented_commands import PAGES, ROOT, of_page

#: first words of a command -> exit code, and what its output must show
ENDS_OTHERWISE = {
    # The earlier database of the example holds rows that wait for a person, as real ones do: 1 says so.
    "import-legacy": (1, r"no key\b.* no "),
}
#: first words -> the test that runs them
RUN_ELSEWHERE = {
    "evaluate": "tests/integration/cli/test_evaluate.py",
    "evaluate --from-corrections": "tests/integration/cli/test_evaluate_reviewed.py",
    "upload": "tests/integration/blobs/test_upload_command.py",
    "demo": "tests/integration/cli/test_demo.py",
}
#: checks of this machine, which may be busy or full while the test runs
OF_THE_MACHINE = {"cpu", "memory", "disk"}


def in_place_of(place, before, word):
    """What a reader types for a word of a page; None for what is optional."""
    if word.startswith("["):
        return None
    if re.fullmatch(r"ext_\w{32}|ID", word):
        return place.reading
    if before == "redeliver" and word.isdigit():
        return str(place.delivery)
    return {"KEY_ID": place.admin_key, "https://hooks.example.com/invoices": place.receiver}.get(word, word)


def shown_on(page):
    return [
        shown
        for shown in of_page(page)
        if shown.is_typed and shown.words[:2] == ("python", "manage.py") and not elsewhere(shown)
    ]


def elsewhere(shown):
    return shown.words[2] in RUN_ELSEWHERE


def complaint(place, number, shown):
    """What is wrong with the end of a command; None when nothing is."""
    pairs = zip(shown.words[1:], shown.words[2:], strict=False)
    arguments = [typed for before, word in pairs if (typed := in_place_of(place, before, word)) is not None]
    asks = "erase" in arguments and "--yes" not in arguments
    code, out, err = place.run(*arguments, stdin="y\n" if asks else f"AIzaSyPage{number:04d}0123456789abcdefghij\n")
    expected, words = next(
        (end for first, end in ENDS_OTHERWISE.items() if " ".join(arguments).startswith(first)), (0, "")
    )
    if arguments[0] == "diagnose" and code == 1 and only_the_machine(out):
        code = 0
    if code != expected or not re.search(words, str(out)) or "Traceback" in err:
        return f"{shown}\n    {code} {str(out)[-300:]} {err[-300:]}"
    return None


def only_the_machine(out):
    """Whether ``diagnose`` finds nothing but a machine that is busy or full."""
    if isinstance(out, dict):
        found = {name for name, check in out["health"]["checks"].items() if check["status"] != "healthy"}
    else:
        found = set(re.findall(r"^(\w+) +(?:unhealthy|error)\b", out, re.MULTILINE))
    return bool(found) and found <= OF_THE_MACHINE


WITH_COMMANDS = [page for page in PAGES if shown_on(page)]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_every_command_of_the_page_runs(page, place):
    wrong = [complaint(place, number, shown) for number, shown in enumerate(shown_on(page))]
    assert not any(wrong), "\n".join(filter(None, wrong))


def test_pages_that_tell_how_to_operate_are_among_them():
    assert {"README", "quick-start", "operations", "runbook", "migration", "troubleshooting"} <= {
        page.stem for page in WITH_COMMANDS
    }


def test_nothing_is_excused_that_no_page_shows_and_what_runs_elsewhere_runs_there():
    typed = [
        " ".join(shown.words[2:])
        for page in PAGES
        for shown in of_page(page)
        if shown.is_typed and shown.words[:2] == ("python", "manage.py")
    ]
    for first in (*ENDS_OTHERWISE, *RUN_ELSEWHERE):
        assert any(command.startswith(first) for command in typed), first
    for first, test in RUN_ELSEWHERE.items():
        assert f'"{first.split()[0]}"' in (ROOT / test).read_text(encoding="utf-8"), test
