"""Tells hidden text that is harmless from hidden text that a person should look at.

Libraries sign their work in white, printers put marks off the page, a watermark is pale. That is worth a remark. What
tells a model what to do, or names amounts and accounts that the visible page does not have, is worth a person's time.
"""

import re
from collections.abc import Sequence

from shared_code.invoices.text_layer import TextLayer, code_in
from shared_code.records import Finding

_SHOWN = 200
#: words by which somebody speaks to a model, or of money, in the languages of the likeliest readers
_TELLING = re.compile(
    r"(?i)(?<![^\W_])(?:ignore|disregard|forget|instructions?|prompt|system|assistant|you are|you must|must be|respond|"
    r"output|return|answer|extract|set the|instead|override|approved?|total|amount|pay|payment|transfer|iban|account|"
    r"bank|ignoriere?n?|vergiss|anweisung(?:en)?|antworte|stattdessen|zahl(?:e|en|ung)|konto|betrag|ignorez|oubliez|"
    r"paiement|compte|montant|ignora|ignore|olvida|instrucciones|pago|cuenta|importe|istruzioni|pagamento|conto|"
    r"importo|negeer|betaling|rekening|bedrag|instrucoes|conta|polecenia|zaplac|konto|kwota)(?![^\W_])"
)
_FIGURE = re.compile(r"[0-9][0-9.,' ]*[.,][0-9]{2}(?![0-9])")
_CODE = re.compile(r"(?<![^\W_])(?=[A-Z0-9]*[0-9])(?:[A-Z0-9]{10,34}|[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7})(?![^\W_])")


def hidden_text_finding(hidden: Sequence[str], layer: TextLayer) -> Finding | None:
    """A finding on hidden text, for review when it could mislead; None when there is none."""
    if not hidden:
        return None
    grave = next((text for text in hidden if _misleads(text, layer)), None)
    return Finding(
        code="hidden_text",
        message="The document holds text that a reader of the page does not see; it was not used.",
        found=(grave or hidden[0])[:_SHOWN],
        review=grave is not None,
    )


def _misleads(text: str, layer: TextLayer) -> bool:
    if code_in(text, layer.text):
        return False  # the page shows the same, as a shadow or for a second time
    figures = any(not code_in(figure, layer.text) for figure in _FIGURE.findall(text))
    codes = any(not code_in(code, layer.text) for code in _CODE.findall(text))
    return figures or codes or _TELLING.search(text) is not None
