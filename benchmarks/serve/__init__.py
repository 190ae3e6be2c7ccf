"""`make bench-serve`: this image's server beside its peers, alternating in one run."""
