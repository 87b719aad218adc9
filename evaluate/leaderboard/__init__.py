"""Results and strangers' entries come in; checked submissions and a site go out."""
