"""Routes for those who look at readings: pages of documents, corrected values by the rules, how often values err."""
