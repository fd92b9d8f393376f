"""Sections of the report on qualification that stand by themselves, a module each."""
