"""Define the commands, each of which parses, calls the library, and prints."""
