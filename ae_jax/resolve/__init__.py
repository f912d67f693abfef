"""From a config file or a dict to a checked config."""
