"""A built folder comes in; whatever in it is not as its hashes say goes out."""
