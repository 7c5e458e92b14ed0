"""Where pods run: nodes as columns, filters and scores over all of them, and the cycle around them."""
