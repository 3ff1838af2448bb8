"""The device's durable things: the event log, keys, documents. The only user of sqlite3 on a device."""
