"""What is done to PromQL expressions as text."""
