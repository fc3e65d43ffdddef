"""Keys are planted wherever a log call can carry one; nothing that is printed may hold them."""

import io
import json
import logging
import sys
import traceback

import pytest

from shared_code.observability import redaction
from shared_code.observability.log_redaction import RedactingFilter, install_redaction, redact_record, redact_value

GOOGLE = "AIza" + "SyPlantedKey0123456789abcdefghijklm"
OPENAI = "sk-" + "proj-PlantedKey0123456789abcdef"
BEARER = "PlantedBearerValue0123456789"
SECRETS = (GOOGLE, OPENAI, BEARER)


@pytest.fixture
def printed():
    """What a handler of somebody else prints: it was there first and knows nothing of masking."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s %(args)s"))
    logging.root.addHandler(handler)
    yield stream
    logging.root.removeHandler(handler)


def holds_no_secret(text):
    return not any(secret in text for secret in SECRETS)


class Loud:
    def __str__(self):
        return f"<client {GOOGLE}>"


class Mute:
    def __str__(self):
        raise RuntimeError(GOOGLE)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        (f"key {GOOGLE}", ()),
        ("key %s and %s", (GOOGLE, OPENAI)),
        ("headers %s", ({"Authorization": f"Bearer {BEARER}"},)),
        ("headers %(headers)s", ({"headers": {"x-goog-api-key": GOOGLE}},)),
        ("client %s", (Loud(),)),
        ("short %.3s", (GOOGLE,)),
        ("list %d of %s", (3, [GOOGLE])),
        (f"wrong %d {GOOGLE}", ("not a number " + OPENAI,)),
        ("too few %s %s", (GOOGLE,)),
        ("mute %s", (Mute(),)),
        (Loud(), ()),
        (RuntimeError(f"Bearer {BEARER}"), ()),
    ],
)
def test_message_and_arguments_are_masked_for_every_handler(printed, capsys, message, arguments):
    install_redaction()
    logging.getLogger("some.library").warning(message, *arguments)
    shown = printed.getvalue() + "".join(capsys.readouterr())
    assert "some.library" in shown
    assert holds_no_secret(shown)


def test_a_plain_record_is_left_as_it_is():
    install_redaction()
    record = logging.getLogger("n").makeRecord("n", 20, "f", 1, "%s of %d", ("a", 2), None)
    assert (record.msg, record.args) == ("%s of %d", ("a", 2))


def _raise_chain():
    try:
        try:
            raise ValueError(f"inner {GOOGLE}")
        except ValueError as inner:
            inner.add_note(f"note Bearer {BEARER}")
            raise KeyError(f"middle {OPENAI}") from inner
    except KeyError:
        raise RuntimeError("outer") from None


def _raise_from():
    try:
        raise ValueError(f"inner {GOOGLE}")
    except ValueError as inner:
        inner.add_note(f"note Bearer {BEARER}")
        raise RuntimeError(f"outer {OPENAI}") from inner


def _raise_during():
    try:
        raise ValueError(f"inner {GOOGLE}")
    except ValueError:
        raise RuntimeError("outer")  # noqa: B904 - the implicit chain is the case


def _raise_group():
    raise ExceptionGroup("several", [ValueError(GOOGLE), ExceptionGroup("deeper", [KeyError(OPENAI)])])


@pytest.mark.parametrize("fail", [_raise_chain, _raise_from, _raise_during, _raise_group])
def test_no_key_comes_out_of_an_exception_whoever_prints_it(printed, fail):
    """Also not for a handler that ignores the formatted text and looks at the exception object."""
    looked = []

    class Looker(logging.Handler):
        def emit(self, record):
            looked.append("".join(traceback.format_exception(*record.exc_info)))
            looked.append(repr(record.exc_info[1].__dict__) + repr(record.exc_info[1].args))

    logging.root.addHandler(Looker())
    install_redaction()
    try:
        fail()
    except Exception:  # whatever it was: the log of it is looked at
        logging.getLogger("some.library").exception("failed")
    text = printed.getvalue() + "".join(looked)
    assert "Traceback" in printed.getvalue()
    assert len(looked) == 2
    assert holds_no_secret(text)


def test_the_masked_exception_keeps_type_names_frames_and_cause(printed):
    install_redaction()
    try:
        _raise_from()
    except RuntimeError:
        logging.getLogger("n").exception("failed")
    text = printed.getvalue()
    assert "RuntimeError: outer ***" in text
    assert "ValueError: inner ***" in text
    assert "direct cause" in text
    assert "_raise_from" in text


def test_the_programs_own_exception_is_not_touched(printed):
    install_redaction()
    error = ValueError(GOOGLE)
    logging.getLogger("n").error("failed", exc_info=error)
    assert error.args == (GOOGLE,)
    assert holds_no_secret(printed.getvalue())


def test_a_clean_exception_reaches_handlers_as_it_is():
    install_redaction()
    error = ValueError("plain")
    record = logging.getLogger("n").makeRecord("n", 40, "f", 1, "m", (), (ValueError, error, None))
    assert record.exc_info[1] is error


def test_an_exception_that_cannot_be_printed_does_no_harm(printed):
    class Hostile(Exception):
        def __str__(self):
            raise RuntimeError(GOOGLE)

    install_redaction()
    try:
        raise Hostile
    except Hostile:
        logging.getLogger("n").exception("failed")
    assert "failed" in printed.getvalue()
    assert holds_no_secret(printed.getvalue())


def test_the_stack_is_masked(printed):
    install_redaction()
    logging.getLogger("n").warning("m", stack_info=True)  # AIzaSyInTheSourceLine0123456789
    assert "Stack (most recent call last)" in printed.getvalue()
    assert "AIzaSyInTheSourceLine" not in printed.getvalue()


def test_a_key_of_unknown_shape_is_masked_once_it_is_known(printed, monkeypatch):
    monkeypatch.setattr(redaction, "_known", redaction.KnownSecrets())
    redaction.remember_secret("odd-secret-without-shape")
    install_redaction()
    logging.getLogger("n").warning("key=%s", "odd-secret-without-shape")
    assert "odd-secret" not in printed.getvalue()


def test_extra_fields_are_masked_by_the_filter(printed):
    class Json(logging.Formatter):
        def format(self, record):
            return json.dumps({key: str(value) for key, value in vars(record).items()})

    next(h for h in logging.root.handlers if getattr(h, "stream", None) is printed).setFormatter(Json())
    install_redaction()
    logging.getLogger("n").warning(
        "m", extra={"token": GOOGLE, "custom_dimensions": {"auth": [f"Bearer {BEARER}"], "count": 1}}
    )
    assert '"token": "***"' in printed.getvalue()
    assert holds_no_secret(printed.getvalue())


def test_records_that_did_not_come_through_the_factory_are_masked_by_the_filter():
    record = logging.LogRecord("n", 20, "f", 1, "key %s", (GOOGLE,), None)
    RedactingFilter().filter(record)
    assert record.getMessage() == "key ***"


def test_a_message_that_a_filter_changed_afterwards_is_masked_again():
    record = logging.LogRecord("n", 20, "f", 1, "plain", (), None)
    redact_record(record)
    record.msg = f"now {GOOGLE}"
    redact_record(record)
    assert record.getMessage() == "now ***"


def test_installing_twice_masks_once():
    install_redaction()
    factory = logging.getLogRecordFactory()
    handler = logging.root.handlers[0]
    count = len(handler.filters)
    install_redaction()
    assert logging.getLogRecordFactory() is factory
    assert len(handler.filters) == count


def test_values_without_secrets_are_the_same_objects():
    value = {"a": [1, ("b", None)]}
    assert redact_value(value) is value


def test_an_uncaught_log_error_prints_nothing(printed, capsys):
    """``logging.raiseExceptions`` prints raw arguments to stderr when formatting fails; the record is mended before."""
    assert logging.raiseExceptions
    install_redaction()
    logging.getLogger("n").warning("%d", GOOGLE)
    assert capsys.readouterr().err == ""
    assert "unfitting arguments" in printed.getvalue()
    assert sys.exc_info() == (None, None, None)
