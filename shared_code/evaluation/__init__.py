"""How well documents with known values are read: the known values, the runs, the comparison and its report."""
