"""Routes that the console asks: how the service stands at a glance, and what one reading has cost."""
