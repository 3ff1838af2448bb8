"""Coverage-guided fuzzing of every parser that reads what somebody else wrote."""
