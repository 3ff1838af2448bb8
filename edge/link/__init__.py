"""The device's link to its cloud: the only user of the MQTT client, and the driver of the sync machine."""
