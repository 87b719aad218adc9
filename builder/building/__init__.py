"""A source of images comes in; shards, their records and a manifest go out."""
