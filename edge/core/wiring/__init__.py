"""How a locker is wired, as an installer's walk finds it out: what each output moves and how that is written down."""
