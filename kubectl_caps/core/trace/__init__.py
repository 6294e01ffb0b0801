"""The kernel's own record of capability checks: the tracer pod, its programs, its counts, and what the counts mean."""
