"""Entries come in; the leaderboard goes out as a folder of static pages.

It needs no server and asks no other host for anything: it opens from disk, and from any place that
serves files. What the tables and charts show is computed here, from the predictions; the pages'
own script only sorts, filters, chooses and draws.
"""

from imagenetq.evaluate.leaderboard.site.board import Board, Standing
from imagenetq.evaluate.leaderboard.site.board_reader import read_board
from imagenetq.evaluate.leaderboard.site.site_writer import write_site

__all__ = ["Board", "Standing", "read_board", "write_site"]
