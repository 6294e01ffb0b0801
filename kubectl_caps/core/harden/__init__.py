"""Hardening as data: the changes of one object, the loss that they mean, the result, the way back."""
