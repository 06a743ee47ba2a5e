"""How long things take: parts of training, and the reading of pictures."""
