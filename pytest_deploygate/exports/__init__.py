"""What is made for other systems: pipelines, dashboards, rules."""
