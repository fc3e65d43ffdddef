"""What each kind of database needs of its driver: time limits, liveness, names, types of parameters."""
