"""One run: asking, judging, collecting what happened, concluding."""
