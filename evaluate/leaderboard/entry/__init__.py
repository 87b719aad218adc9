"""Read the entry that a stranger's folder holds, or say in one line why it holds none."""
