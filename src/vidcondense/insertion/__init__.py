"""When and where a key frame appears."""
