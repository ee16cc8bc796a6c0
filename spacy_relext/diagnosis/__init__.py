"""What is to be known of annotated data before something is trained on it: pure functions from Docs to findings and suggestions."""
