"""The outputs of a backtest: JSON, one HTML page, and a summary for the terminal."""
