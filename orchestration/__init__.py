"""What runs, when and with what: the wiring of the line, and its commands."""
