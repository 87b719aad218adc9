"""Shards (or clean images) in, one entry out."""
