"""Is this batch authentic, next in order, new? Then ledger, projections and receipt in one transaction."""
