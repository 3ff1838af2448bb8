"""What the pages of recipients and senders say: one module for each language, the same words in each."""
