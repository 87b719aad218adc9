"""Tasks come in; batches of the networks' inputs go out, whoever renders, crops or keeps them."""
