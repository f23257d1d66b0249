"""Where measurements come from: a Prometheus-compatible server, or a recording of one."""
