"""The way of a packet as a picture: lanes of places, what each did, what crossed between them."""
