"""What a config is: the rules of its fields."""
