"""Measurements, each beside a floor in the same run; machines differ, ratios less so."""
