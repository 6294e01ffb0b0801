"""Tables of the texts that programs, kernels and Kubernetes write when something is refused."""
