"""The flashable image: what is in it, how its root folder is made, and how the card is put together."""
