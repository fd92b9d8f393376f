"""What is produced: one module or package a subject, found and loaded by itself.

Belongs here: source systems, landing, the dbt project as assets, scores, publishing, the demo
company. Does not belong here: what runs when and with what (orchestration), and what must hold of
the data (expectations).
"""
