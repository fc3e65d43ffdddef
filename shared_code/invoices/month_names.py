"""Names of the months: those of the usual languages at hand, those of all other languages of the CLDR when asked for.

Those of all languages are a file made from the Unicode Common Locale Data Repository (CLDR, licence beside it) by
``python -m devstack.month_names``: reading its three hundred languages from babel takes a second and 140 MB for good.
"""

import json
import unicodedata
from functools import cache, lru_cache
from importlib import resources

#: folded name -> months, for all languages
CLDR_FILE = "month_names.json"
#: a name or abbreviation has so many letters at least
SHORTEST_NAME = 3
#: The months in the languages that customers' vendors write, twelve names in a row. Other grammatical forms of a
#: language have a row of their own.
_ROWS = (
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
    # Syria, Iraq, Jordan, Lebanon; what is two words there is joined before it is looked up
    "كانونالثاني شباط آذار نيسان أيار حزيران تموز آب أيلول تشرينالأول تشرينالثاني كانونالأول",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
)
#: Usual abbreviations that are not the beginning of a name, and words that mean other months in other languages. The
#: likeliest comes first; none at all: the word could be too many.
_SPECIAL: dict[str, tuple[int, ...]] = {
    "sept": (9,),
    "mrt": (3,),
    "mrz": (3,),
    "mch": (3,),
    "avr": (4,),
    "jui": (),
    "ju": (),
    # Polish and Czech November, Croatian October
    "listopad": (11, 10),
    "listopada": (11, 10),
    # Czech April and May, Croatian April
    "travnja": (4, 5),
}
#: letters that stand before the name of a month and belong to another word: Hebrew "in"
_PREFIXES = "ב"


@lru_cache(maxsize=4_096)
def months_of(word: str, *, all_languages: bool = False) -> tuple[int, ...]:
    """The months (1 to 12) that a name or an abbreviation of at least three letters stands for, likeliest first."""
    folded = fold(word.rstrip("."))
    if folded in _SPECIAL:
        return _SPECIAL[folded]
    found = _looked_up(folded, _usual_names())
    if found or not all_languages:
        return found
    names = _all_names()
    # The text of a page may hold the letters of a script that is written from the right in the order of the screen.
    forms = (folded, folded.lstrip(_PREFIXES), folded[::-1], folded[::-1].lstrip(_PREFIXES))
    return next((months for form in forms if (months := _looked_up(form, names))), ())


def fold(word: str) -> str:
    """Lower case without the accents of Latin and Greek letters. Marks of other scripts are part of their letters."""
    decomposed = unicodedata.normalize("NFKD", word.casefold().replace("ı", "i").replace("ł", "l"))
    return "".join([char for char in decomposed if not "\u0300" <= char <= "\u036f"])


def _looked_up(folded: str, names: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    if folded in names:
        return names[folded]
    if len(folded) < SHORTEST_NAME:
        return ()
    months = {months for name, months in names.items() if name.startswith(folded)}
    return months.pop() if len(months) == 1 else ()


@cache
def _usual_names() -> dict[str, tuple[int, ...]]:
    return {fold(name): (month,) for row in _ROWS for month, name in enumerate(row.split(), start=1)}


@cache
def _all_names() -> dict[str, tuple[int, ...]]:
    names = json.loads(resources.files(__package__).joinpath(CLDR_FILE).read_text(encoding="utf-8"))
    return {name: tuple(months) for name, months in names.items()}
