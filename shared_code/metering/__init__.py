"""Model tokens: what a call can cost, which key pays, reservation, settlement, and bookings that wait."""
