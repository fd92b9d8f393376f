"""The sections of the weekly review of the sales process, a module each."""
