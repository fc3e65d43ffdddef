"""The counts that are shipped are those of the vocabularies, and spare their loading."""

import pytest

from devstack import counted_texts
from shared_code.extraction.answer.prompt import SYSTEM, build_prompt
from shared_code.extraction.answer.wire_schema import WIRE_SCHEMA
from shared_code.metering.estimates import TokenCounter
from shared_code.metering.vocabularies import VocabularyShelf
from shared_code.providers.base import ModelRequest
from shared_code.providers.vendors import all_vendors


def test_the_module_is_up_to_date():
    assert counted_texts.FILE.read_text(encoding="utf-8") == counted_texts.module(), (
        "Run `python -m devstack.counted_texts`."
    )


class Empty(VocabularyShelf):
    """Says which vocabularies were asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def counter(self, name):
        self.asked.append(name)
        return super().counter(name)


@pytest.mark.parametrize("pages", [1, 2, 30])
@pytest.mark.parametrize("model", [model.name for vendor in all_vendors() for model in vendor.models.models])
def test_an_estimate_of_the_usual_question_loads_no_vocabulary(monkeypatch, model, pages):
    shelf = Empty()
    monkeypatch.setattr(TokenCounter, "_shelf", shelf)
    request = ModelRequest(model, build_prompt(page_count=pages), WIRE_SCHEMA, (), 100, SYSTEM)
    assert TokenCounter().estimate_input(request, page_count=pages) > 2000
    assert shelf.asked == []


def test_another_text_is_counted_by_its_vocabulary(monkeypatch):
    shelf = Empty()
    monkeypatch.setattr(TokenCounter, "_shelf", shelf)
    assert TokenCounter().count("Invoice 17", "gpt-4o").exact
    assert shelf.asked == ["o200k_base"]
