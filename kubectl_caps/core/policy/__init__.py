"""Makes admission policies that refuse workloads more rights than they have now, and judges objects by them."""
