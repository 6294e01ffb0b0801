"""kubectl caps inspect: what containers declare and get, their risk, and what Pod Security would say."""
