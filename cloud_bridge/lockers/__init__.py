"""Which locker and compartment, who may open it, until when? Parcels, reservations, pickups."""
