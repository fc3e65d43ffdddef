"""The procedures of docs/runbook.md, done command by command as they stand there, until the part's own "over when" is true.

A restore is tests/integration/jobs/test_restore.py; that each single command of the page runs,
test_documented_commands.py.
"""

import hashlib
import re

import pytest

from shared_code import bootstrap
from tests.documented_commands import ROOT, of_page
from tests.integration.cli.conftest import RING

PAGE = ROOT / "docs" / "runbook.md"
OLD, NEW = "AIzaSyOld0123456789abcdefghijklmnopqrs", "AIzaSyNew0123456789abcdefghijklmnopqrs"
SAMPLE = ROOT / "samples" / "gst-invoice.pdf"


def commands(part):
    """The words of each command of manage.py that a part shows, in their order."""
    shown = [one for one in of_page(PAGE, part=part) if one.is_typed and one.words[:2] == ("python", "manage.py")]
    assert shown, part
    return [one.words[2:] for one in shown]


def do(run, steps, *, in_place_of=None, **more):
    """Type the commands; each must end with 0, but ``diagnose``, which may find that nothing else runs here."""
    for words in steps:
        arguments = [(in_place_of or {}).get(word, word) for word in words]
        code, out, err = run(*arguments, **more)
        assert code == 0 or words[0] == "diagnose", (arguments, out, err)


@pytest.fixture
def company(manage):
    """NT047 with one key."""
    code, _, err = manage("tokens", "add", "NT047", "--name", "RUBI TRADERS Pvt ltd", "--limit", 100_000, stdin=OLD)
    assert code == 0, err


def key_of(manage, **more):
    (key,) = manage("tokens", "list", "--company", "NT047", "--json", **more)[1]
    return key


def read(manage, folder, name, **more):
    """One document through the pipeline; its exit code and what was said."""
    document = folder / name
    document.write_bytes(SAMPLE.read_bytes() + f"\n% {name}\n".encode())
    code, out, _ = manage("extract", document, "--company", "NT047", "--json", **more)
    return code, out


@pytest.mark.usefixtures("company")
def test_a_key_that_has_leaked_is_out_of_use_until_a_new_one_takes_its_place(manage, gemini, tmp_path):
    assert read(manage, tmp_path, "before.pdf")[0] == 0
    gemini.key(OLD, state="leaked_key")
    assert read(manage, tmp_path, "refused.pdf")[0] == 1
    assert manage("alerts", "list", "--kind", "key_refused", "--json")[1]
    before = key_of(manage)
    assert before["api_key_fingerprint"] == hashlib.sha256(OLD.encode()).hexdigest()

    do(manage, commands("A key has leaked"), stdin=NEW)

    after = key_of(manage)
    assert after["api_key_fingerprint"] == hashlib.sha256(NEW.encode()).hexdigest()
    for name in ("token_id", "total_token_limit", "used_tokens", "created_at"):
        assert after[name] == before[name]
    assert after["status"] == "Active"
    assert manage("rollup", "run")[0] == 0
    assert manage("alerts", "list", "--kind", "key_refused", "--json")[1] == []
    assert read(manage, tmp_path, "after.pdf")[0] == 0


@pytest.mark.usefixtures("company")
def test_a_blocked_key_makes_no_further_call(manage, gemini, tmp_path):
    assert manage("tokens", "block", "1", "--yes")[0] == 0
    code, out = read(manage, tmp_path, "blocked.pdf")
    assert code == 1
    assert "TOKEN_UNAVAILABLE" in str(out)
    assert not [call for call in gemini.calls() if "generateContent" in call["path"]]


def test_an_admin_key_that_has_leaked_is_revoked_and_another_one_made(manage):
    leaked = manage("admin-keys", "create", "--role", "admin", "--json")[1]["key_id"]
    do(manage, commands("An admin key or a function key has leaked"), in_place_of={"KEY_ID": leaked})
    keys = {key["key_id"]: key for key in manage("admin-keys", "list", "--json")[1]}
    assert keys.pop(leaked)["revoked_at"] is not None
    ((_, other),) = keys.items()
    assert (other["role"], other["revoked_at"], other["label"]) == ("operator", None, "after the leak")


@pytest.mark.usefixtures("company")
def test_after_a_rotation_the_old_entry_of_the_ring_is_not_needed(manage, tmp_path):
    _, entry, _ = manage("tokens", "new-encryption-key", "k2")
    new = next(line for line in entry.splitlines() if line.startswith("k2:")).strip()
    do(restarted(manage), commands("Rotate the encryption keys"), TOKEN_ENCRYPTION_KEYS=f"{new},{RING}")
    code, again, _ = manage("tokens", "reencrypt", TOKEN_ENCRYPTION_KEYS=f"{new},{RING}")
    assert (code, re.findall(r"\d+", again)[:1]) == (0, ["0"])
    with_new = {"TOKEN_ENCRYPTION_KEYS": new}
    assert key_of(restarted(manage), **with_new)["opens"] is True
    health = manage("diagnose", "--json", **with_new)[1]["health"]
    assert health["checks"]["stored_keys"]["status"] == "healthy"
    assert read(manage, tmp_path, "after.pdf", **with_new)[0] == 0
    assert key_of(restarted(manage))["opens"] is False


def restarted(manage):
    """Commands of a process that reads its settings anew."""
    bootstrap.reset()
    return manage


@pytest.mark.usefixtures("company")
def test_a_company_that_has_moved_is_served_there_and_not_here(manage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read(manage, tmp_path, "here.pdf")[0] == 0
    there = {"DATABASE_URL": f"sqlite:///{tmp_path / 'there.db'}"}
    assert manage("db", "upgrade", **there)[0] == 0
    steps = commands("Move a company")
    here = next(number for number, words in enumerate(steps) if words[:2] == ("quota", "show"))
    do(restarted(manage), steps[:here], stdin=NEW, **there)
    do(restarted(manage), steps[here:])
    assert list(tmp_path.glob("moved*"))
    assert manage("company", "status", "NT047")[0] == 1
    assert restarted(manage)("company", "status", "NT047", **there)[0] == 0
    quotas = manage("quota", "show", "NT047", "--json", **there)[1]
    assert [(quota["daily_limit"], quota["monthly_limit"]) for quota in quotas] == [(200_000, 4_000_000)]


def test_what_names_a_person_is_gone_from_documents_limits_and_log(place):
    listed = place.run("extractions", "list", "--user", "bzumah", "--json")[1]
    assert [row["id"] for row in listed] == [place.reading]
    example = "ext_" + "0" * 32
    do(place.run, commands("A person's data are to be erased"), in_place_of={example: place.reading})
    assert place.run("extractions", "list", "--user", "bzumah", "--json")[1] == []
    assert place.run("quota", "show", "NT047", "--json")[1] == []
    assert place.run("usage", "report", "--by", "user", "--json")[1][0]["user"] in {None, ""}
    assert [name for name in place.files() if "bzumah" in name] == []
    code, _, said = place.run("extractions", "erase", place.reading, "--yes")
    assert code == 0, said
    shown = "".join(map(str, place.run("extractions", "show", place.reading)))
    assert "bzumah" not in shown
