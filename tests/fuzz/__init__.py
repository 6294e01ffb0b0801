"""Fuzzing of what reads other people's text: manifests, edits, /proc and logs. `make fuzz SECONDS=600 SEED=1`."""
