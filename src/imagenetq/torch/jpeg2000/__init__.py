"""Render the JPEG 2000 ladder on a GPU: the pixels that OpenJPEG gives, without a codestream."""
