"""The four networks of the paper's Table I, as Caffe published them, and Caffe's weights files."""
