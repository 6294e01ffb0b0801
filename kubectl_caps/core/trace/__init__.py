"""Traces the kernel's capability checks: the Job of the tracer, its programs, and the meaning of its counts."""
