"""The gate at many times of the past: what is asked, judged, and made of it."""
