"""Enrolment over Secure Transport (RFC 7030): how devices come to their certificates without an operator's hands."""
