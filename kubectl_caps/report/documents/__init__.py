"""The JSON contract (`kubectl-caps/v1alpha1`): one module a kind of document; docs/*.schema.json is made of them."""
