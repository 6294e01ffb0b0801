"""Trial pods: made, watched, judged and removed."""
