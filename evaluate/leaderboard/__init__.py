"""Entries of the leaderboard: from a result to a submission, and what makes one trustworthy."""
