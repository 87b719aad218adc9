"""Caffe's weights files come in; the four networks of the paper's Table I go out."""
