"""Options, the configuration file, and the settings of one run."""
