"""Take a source of photographs, and make shards, their records and a manifest."""
