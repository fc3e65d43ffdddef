"""The pipeline from a document to checked, accounted data; read ``service`` first."""
