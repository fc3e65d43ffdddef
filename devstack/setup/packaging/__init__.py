"""What is deployed: the zip file, the list of what goes in, the locked packages, the bill of materials."""
