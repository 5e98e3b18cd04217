"""The command line: parse, call the library, print; nothing else prints."""
