"""Many trainings at once, in one compiled program where that is faster."""
