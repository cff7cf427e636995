"""What looks after a store: whether it's what builds made, what is mended, and which versions are given up."""
