"""The Pod Security Standards, as the API server's admission plugin judges them."""
