"""A trained autoencoder: made by `fit`, opened by `restore`."""
