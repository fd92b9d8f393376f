"""The sections on what production makes of what sales brings."""
