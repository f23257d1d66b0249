"""Plain values: criterion, series, result, report, verdict; only the standard library."""
