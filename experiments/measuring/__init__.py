"""Files of measurements, and the tables made of them."""
