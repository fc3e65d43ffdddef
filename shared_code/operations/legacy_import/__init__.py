"""Takes over a database of the earlier system: keys, use, limits and the latest of its logs.

``keys`` judges the keys, ``usage`` reads the use of them, ``plan`` compares both with what is here, ``limits`` and
``history`` do the rest; ``run`` puts it together, ``report`` says what came of it.
"""
