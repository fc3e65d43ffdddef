"""The upgrade as a script that a DBA runs with the tools of the database.

Whatever those tools do after an error, the script ends as a whole or changes nothing: a version is never written over
steps that failed.
"""

import io

from shared_code.database import schema
from shared_code.database.tables import SCHEMA
from shared_code.errors import ConfigurationError

#: what filtered indexes need (Microsoft Learn, "CREATE INDEX", required SET options); sqlcmd leaves
#: QUOTED_IDENTIFIER off without -I
_SET_LINES = """\
-- Run it with: sqlcmd -b -I -i THIS_FILE (and server, database, login). It changes all or nothing.
SET ANSI_NULLS ON;
SET ANSI_PADDING ON;
SET ANSI_WARNINGS ON;
SET ARITHABORT ON;
SET CONCAT_NULL_YIELDS_NULL ON;
SET QUOTED_IDENTIFIER ON;
SET XACT_ABORT ON;

GO

SET NUMERIC_ROUNDABORT OFF;

GO
"""
#: between two batches; @@ERROR is that of the batch before
_AFTER_EACH_BATCH = """
GO

IF @@ERROR <> 0 OR @@TRANCOUNT = 0 SET NOEXEC ON;

GO
"""
_END = f"""
SET NOEXEC OFF;

GO

IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;

GO

IF NOT EXISTS (SELECT 1 FROM [{SCHEMA}].[{schema.VERSION_TABLE}] WHERE version_num = '{schema.HEAD}')
RAISERROR(N'The upgrade failed, and nothing was changed. The first message above says why.', 16, 1);

GO
"""  # noqa: S608 - constants
#: tables whose names PostgreSQL folded to lower case would stay beside the new ones, unread
_STOP_AT_UNQUOTED = (
    f"DO $$ BEGIN IF to_regclass('{SCHEMA.lower()}.tokenmaster') IS NOT NULL "
    f"OR to_regclass('\"{SCHEMA}\".tokenmaster') IS NOT NULL THEN RAISE EXCEPTION "
    "'There are tables with unquoted names (tokenmaster): ''manage.py diagnose'' shows the statements that rename "
    "them; run those first'; END IF; END $$"
)
_PSQL_LINES = """\
-- Run it with: psql -X -f THIS_FILE (and server, database, login). It changes all or nothing.
\\set ON_ERROR_STOP on

"""


def offline_sql(dialect: str, *, start: str | None = None) -> str:
    """The upgrade as text, for Azure SQL (``mssql``: sqlcmd) or ``postgresql`` (psql); one transaction.

    :param start: the version that the database is at; None for a new one or one with the seed's tables only. The
        script stops at a database that is at another version.
    :raises ConfigurationError: SQLite, whose steps copy tables and need the file itself; an unknown version.
    """
    if dialect not in ("mssql", "postgresql"):
        raise ConfigurationError(f"No script for {dialect!r}: there is one for mssql and for postgresql")
    if start is not None and start not in [step.revision for step in schema.steps()]:
        raise ConfigurationError(f"There is no schema version {start!r}")
    from alembic import command

    buffer = io.StringIO()
    config = schema.alembic_config(dialect)
    config.output_buffer = buffer
    guards = [_stop_unless(dialect, start)] if start else [_STOP_AT_UNQUOTED] if dialect == "postgresql" else []
    config.attributes["preamble"] = [schema.create_schema(dialect), *guards]
    with schema.one_alembic_at_a_time:
        command.upgrade(config, f"{start}:head" if start else "head", sql=True)
    script = buffer.getvalue().strip()
    return _for_sqlcmd(script) if dialect == "mssql" else f"{_PSQL_LINES}{script}\n"


def _stop_unless(dialect: str, version: str) -> str:
    where = f"[{SCHEMA}].[{schema.VERSION_TABLE}]" if dialect == "mssql" else f'"{SCHEMA}".{schema.VERSION_TABLE}'
    condition = f"NOT EXISTS (SELECT 1 FROM {where} WHERE version_num = '{version}')"  # noqa: S608 - constants
    message = f"The schema is not at {version}: make the script for the version that ''manage.py db current'' shows"
    if dialect == "mssql":
        return f"IF {condition} THROW 50000, N'{message}', 1"
    return f"DO $$ BEGIN IF {condition} THEN RAISE EXCEPTION '{message}'; END IF; END $$"


def _for_sqlcmd(script: str) -> str:
    steps, _, end = script.removesuffix("GO").rstrip().rpartition("\nGO\n")
    return _SET_LINES + "\n" + steps.replace("\nGO\n", _AFTER_EACH_BATCH) + _AFTER_EACH_BATCH + f"{end}\n\nGO\n{_END}"
