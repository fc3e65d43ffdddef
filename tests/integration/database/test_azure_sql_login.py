"""A login to Azure SQL by access token, with the driver that hands it over."""

import struct

import pytest

from shared_code.database.engines import build_engine, resolve_target

pyodbc = pytest.importorskip("pyodbc", reason="no ODBC driver manager is installed", exc_type=ImportError)


def test_access_token_is_handed_over_at_each_login(make_settings):
    settings = make_settings("mssql://h/d?driver=X")
    target = resolve_target(settings)
    tokens = iter(["first", "second"])
    engine = build_engine(target, settings, token_source=lambda: next(tokens))
    for token in ("first", "second"):
        parameters = {}
        for listener in engine.dialect.dispatch.do_connect:
            listener(engine.dialect, None, [], parameters)
        (packed,) = parameters["attrs_before"].values()
        assert set(parameters["attrs_before"]) == {1256}
        assert packed == struct.pack("<I", 2 * len(token)) + token.encode("utf-16-le")
    assert pyodbc.pooling is False
