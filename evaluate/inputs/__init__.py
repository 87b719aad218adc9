"""Make batches of the networks' inputs from tasks, whoever renders, crops or keeps them."""
