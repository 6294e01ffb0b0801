"""Makes admission policies that allow the workloads of a namespace what they have now, and judges objects by them."""
