"""The JSON output (`kubectl-caps/v1alpha1`): one module for each kind of document. They give docs/*.schema.json."""
