"""Which broker, and may it be trusted? The hardened embedded one, mosquitto's files, their supervisor."""
