"""Take a built folder, and list whatever in it is not as its hashes say."""
