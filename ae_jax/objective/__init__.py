"""What is minimized: losses, penalties, and their sum."""
