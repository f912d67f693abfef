"""Tables with labelled outliers, and the scores that are compared on them."""
