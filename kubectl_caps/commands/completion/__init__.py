"""Shell completion: kubectl's protocol, scripts for direct use, and their installation."""
