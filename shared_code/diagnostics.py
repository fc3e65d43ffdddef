"""The seed document's name for the database's diagnosis; see :mod:`shared_code.database.diagnosis.report`."""

from shared_code.database.diagnosis.report import DatabaseDiagnostic

__all__ = ["DatabaseDiagnostic"]
