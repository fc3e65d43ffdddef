"""How commands name the database that they wrote to."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from shared_code.database.engines import name_of


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///x.db", f"SQLite file {Path('x.db').resolve()}"),
        (
            "postgresql+psycopg://ama:geheim@db.example:5433/usage?sslmode=require",
            "PostgreSQL database usage on db.example:5433",
        ),
        ("postgresql+psycopg://db.example/usage?user=ama&password=geheim", "PostgreSQL database usage on db.example"),
        ("postgresql+psycopg:///usage?host=/run/sockets", "PostgreSQL database usage on /run/sockets"),
        ("postgresql+psycopg://ama:geheim@", "PostgreSQL database ama on this machine"),
        (
            "mssql+pyodbc:///?odbc_connect=Driver%3D%7BODBC%7D%3BServer%3Dtcp%3Ax.database.windows.net%2C1433%3BDatabase%3Dusage%3BUID%3Dama%3BPWD%3D%7Bgeheim%3B%7D",
            "Azure SQL database usage on tcp:x.database.windows.net,1433",
        ),
        (
            "mssql+pyodbc:///?odbc_connect=DSN%3Dbooks%3BUID%3Dama%3BPWD%3Dgeheim",
            "Azure SQL database of the login on books",
        ),
    ],
)
def test_a_database_is_named_by_its_place_alone(url, name):
    assert name_of(make_url(url)) == name
