"""Tables of the texts that programs, kernels and Kubernetes print when an operation is refused."""
