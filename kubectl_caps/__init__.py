"""kubectl-caps: see, drop and enforce Linux capabilities of Kubernetes workloads."""
