"""The kiosk page and its server, on the device itself: it works with the cloud and the network gone."""
