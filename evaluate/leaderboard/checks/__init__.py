"""Check an entry of a stranger, and say what is wrong or odd about it."""
