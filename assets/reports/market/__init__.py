"""The sections of the report on the market, a module each."""
