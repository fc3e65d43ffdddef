"""``manage.py upload``: what it drops, what it follows, what it refuses to overwrite."""

import json
import shutil
from types import SimpleNamespace

import pytest

from shared_code.cli.main import main
from tests.integration.blobs.stack import INVOICES, SAMPLES


def facts(done):
    return {row["blob"]: (row["outcome"], row["message"]) for row in json.loads(done.stdout)}


@pytest.fixture
def upload(stack, monkeypatch, capsys):
    """``manage.py upload`` in this process."""
    monkeypatch.setenv("AzureWebJobsStorage", stack.connection)

    def run(*arguments):
        code = main(["upload", *map(str, arguments)])
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=printed.out, stderr=printed.err)

    return run


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    shutil.copy(SAMPLES / "gst-invoice.pdf", tmp_path / "a" / "चालान #1 100%.pdf")
    shutil.copy(SAMPLES / "ghana-vat-invoice.pdf", tmp_path / "b" / "चालान #1 100%.pdf")
    shutil.copy(INVOICES / "nasty-text-renamed.pdf", tmp_path / "bad.pdf")
    return [tmp_path / "a" / "चालान #1 100%.pdf", tmp_path / "b" / "चालान #1 100%.pdf", tmp_path / "bad.pdf"]


def test_files_are_dropped_followed_and_told_apart(stack, upload, files):
    options = ("--company", "nt047", "--branch", "शाखा", "--username", "Zoë", "--wait", "--timeout", "60", "--json")
    done = upload(*files, *options)
    assert done.returncode == 1, done.stderr
    assert facts(done) == {
        "NT047/शाखा/चालान #1 100%.pdf": ("result", "Invoice processed successfully"),
        "NT047/शाखा/चालान #1 100% (2).pdf": ("result", "Invoice processed successfully"),
        "NT047/शाखा/bad.pdf": ("error", stack.read("NT047/शाखा/bad.pdf.error.json")[0]["message"]),
    }
    again = upload(*files[:1], *options)
    assert (again.returncode, len(facts(again))) == (0, 1), again.stderr
    assert facts(again)["NT047/शाखा/चालान #1 100%.pdf"][0] == "result"


def test_another_file_of_the_same_name_is_not_overwritten_unasked(upload, tmp_path):
    path = tmp_path / "one.pdf"
    path.write_bytes((SAMPLES / "gst-invoice.pdf").read_bytes())
    assert upload(path, "--company", "NT047").returncode == 0
    path.write_bytes((SAMPLES / "export-invoice-usd.pdf").read_bytes())
    refused = upload(path, "--company", "NT047", "--json")
    assert (refused.returncode, facts(refused)["NT047/one.pdf"][0]) == (1, "exists")
    done = upload(path, "--company", "NT047", "--overwrite", "--wait")
    assert (done.returncode, "Invoice processed" in done.stdout) == (0, True), done.stderr


def test_a_company_that_cannot_be_one_is_refused_before_anything_is_dropped(upload, files):
    done = upload(*files, "--company", "a/b")
    assert done.returncode == 1
    assert "companyID" in done.stderr
