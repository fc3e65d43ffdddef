"""What calls cost: reservations, usage rows, running totals and daily sums."""
