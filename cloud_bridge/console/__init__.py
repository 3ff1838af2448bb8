"""The operator's pages, the live feed and the metrics, over the contexts' own API."""
