"""Companies' provider keys: TokenMaster and what belongs to it."""
