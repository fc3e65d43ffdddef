"""Takes the pictures of the console that the documentation shows, from the demo's data on a stack of its own."""
