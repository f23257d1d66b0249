"""What ``deploygate rules`` and ``deploygate grafana`` share, and the dashboard itself."""
