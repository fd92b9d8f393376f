"""Reports: one module per report, each saying from the published marts what its readers ask."""
