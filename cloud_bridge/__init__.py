"""The service side: takes the devices' signed events, keeps the ledger, decides and tells people."""
