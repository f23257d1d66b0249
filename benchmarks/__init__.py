"""What the gate costs, measured against what it cannot cost less than."""
