"""``manage.py reviews``."""

import pytest

from shared_code.bootstrap import build_services
from shared_code.settings import load_settings
from tests.integration.reviews.desk_fixture import Reviews


@pytest.fixture
def reviews(manage):
    assert manage("db", "current")[0] == 0  # from here on the settings are those of the command's database
    services = build_services(load_settings())
    yield Reviews(services.ready())
    services.close()


def test_reviews_are_listed_taken_decided_and_shown(manage, reviews):
    first, second = reviews.add(), reviews.add(total="99.00")
    assert [row["id"] for row in manage("reviews", "list", "--order", "amount", "--json")[1]] == [second, first]
    assert manage("reviews", "next", "--order", "amount", "--json")[1]["id"] == second
    code, said, _ = manage(
        "reviews", "decide", second, "correct", "--set", "total=98.00", "--set", "line_items[0]=null"
    )
    assert (code, said) == (0, f"review of {second} is corrected\n")
    shown = manage("reviews", "show", second, "--json")[1]
    assert (shown["state"], shown["version"]) == ("corrected", 2)
    assert [one["field"] for one in shown["history"][0]["corrections"]] == ["total", "line_items[0]"]
    assert "98.00" in manage("reviews", "show", second)[1]
    code, _, error = manage("reviews", "decide", second, "reject", "--reason", "x")
    assert (code, "has decided" in error) == (1, True)
    assert manage("reviews", "decide", second, "reject", "--reason", "x", "--version", "2")[0] == 0
    assert manage("reviews", "decide", first, "postpone", "--until", "2030-01-01")[0] == 0
    assert manage("reviews", "next")[:2] == (1, "no review is left\n")
    assert [row["id"] for row in manage("reviews", "list", "--state", "postponed", "--json")[1]] == [first]


def test_rules_are_set_and_shown(manage):
    assert manage("reviews", "rules", "NT047")[1] == "company NT047: mode needs_review\n"
    arguments = ("--mode", "everything", "--above-amount", "1000", "--first-of-seller", "3")
    line = "company NT047: mode everything, above 1000, first 3 of a seller\n"
    assert manage("reviews", "set-rules", "nt047", *arguments)[:2] == (0, line)
    assert manage("reviews", "rules", "NT047", "--json")[1]["first_of_seller"] == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--state", "open"),
        ("list", "--order", "best"),
        ("show", "ext_" + "0" * 32),
        ("decide", "ext_" + "0" * 32, "confirm"),
        ("decide", "x", "correct", "--set", "total"),
        ("set-rules", "NT047", "--mode", "x"),
        ("set-rules", "NT047", "--above-amount", "much"),
    ],
)
def test_mistakes_are_told(manage, reviews, arguments):
    code, _, error = manage("reviews", *arguments)
    assert (code, error.startswith("error: ")) == (1, True)
