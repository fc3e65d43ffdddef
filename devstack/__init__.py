"""What a laptop needs instead of Azure and the model vendors; never deployed."""
