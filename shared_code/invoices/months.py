"""Month names as printed on invoices, full or cut short, in the languages that customers' vendors write."""

import unicodedata
from functools import cache

#: twelve names a row; other grammatical forms stand in rows of their own
_NAMES = (
    "january february march april may june july august september october november december",
    "januar februar marz april mai juni juli august september oktober november dezember",
    "janner feber maerz april mai juni juli august september oktober november dezember",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "januari februari mars april maj juni juli augusti september oktober november december",
    "januar februar marts april maj juni juli august september oktober november desember",
    "styczen luty marzec kwiecien maj czerwiec lipiec sierpien wrzesien pazdziernik listopad grudzien",
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika listopada grudnia",
    "ocak subat mart nisan mayis haziran temmuz agustos eylul ekim kasim aralik",
    "जनवरी फरवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर",
    "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितम्बर अक्तूबर नवम्बर दिसम्बर",
    "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "يناير فبراير مارس ابريل مايو يونيه يوليه اغسطس سبتمبر اكتوبر نوفمبر ديسمبر",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
)
_SHORTEST = 3
#: usual abbreviations that are not the beginning of a name
_ABBREVIATIONS = {"sept": 9, "mrt": 3, "mrz": 3, "mch": 3, "avr": 4, "jui": None, "ju": None}


def month_of(word: str) -> int | None:
    """The month (1 to 12) that a name or an abbreviation of at least three letters stands for, else None."""
    folded = _fold(word.rstrip("."))
    if folded in _ABBREVIATIONS:
        return _ABBREVIATIONS[folded]
    names = _names()
    if folded in names:
        return names[folded]
    if len(folded) < _SHORTEST:
        return None
    months = {month for name, month in names.items() if name.startswith(folded)}
    return months.pop() if len(months) == 1 else None


@cache
def _names() -> dict[str, int]:
    return {_fold(name): month for row in _NAMES for month, name in enumerate(row.split(), start=1)}


def _fold(word: str) -> str:
    """Lower case without the accents of Latin letters; the marks of other scripts are letters of theirs."""
    decomposed = unicodedata.normalize("NFKD", word.casefold().replace("ı", "i").replace("ł", "l"))
    return "".join(char for char in decomposed if not "\u0300" <= char <= "\u036f")
