"""Extracts in: the naming law, the readers, the ledger, the quarantine, and what is valid when."""
