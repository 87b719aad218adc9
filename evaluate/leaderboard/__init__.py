"""Check results and strangers' entries, make submissions of results, and make a site of entries."""
