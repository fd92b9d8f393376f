"""The sections of the report on barriers and alignment, a module each."""
