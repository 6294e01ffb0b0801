"""Prints results and progress: tables, texts, HTML, SARIF, JSON. Makes no decisions."""
