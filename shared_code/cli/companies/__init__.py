"""Commands about one company: its settings, its limits, and where it is told of its readings."""
