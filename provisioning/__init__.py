"""Who belongs to a fleet: its authority, the enrolment of devices, revocation, role keys and the trust bundle."""
