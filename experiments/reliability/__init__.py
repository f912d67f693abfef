"""What a run survives, tried and counted: `python -m experiments.reliability`."""
