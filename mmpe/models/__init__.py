"""Networks, their parts and their training rules."""
