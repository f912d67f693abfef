"""A trained autoencoder: `fit` makes it, `restore` opens it."""
