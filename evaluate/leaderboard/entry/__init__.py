"""A folder of a stranger comes in; the entry that it holds goes out, or one line why not."""
