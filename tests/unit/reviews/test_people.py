import pytest

from shared_code.reviews.people import Names


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        ("admin-key:1", "Ama"),
        ("admin-key:2", "admin-key:2"),
        ("app-service:ama@example.com", "ama@example.com"),
        ("cli:root", "root"),
        (None, None),
    ],
)
def test_an_actor_is_called_by_label_or_name_and_by_its_id_where_it_has_none(actor, name):
    assert Names({"admin-key:1": "Ama"}).of(actor) == name
