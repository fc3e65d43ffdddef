"""What operators do and see, the same for HTTP, console and command line."""
