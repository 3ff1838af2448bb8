"""What the messages say: one module for each language, the same kinds in each."""
