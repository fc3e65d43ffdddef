"""Invoice extraction with exact token accounting: everything that the function folders and the command line share."""

#: of the service, by https://semver.org; the one place where it is written
__version__ = "0.2.0"
