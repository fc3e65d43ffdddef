"""Where on the pages each value of an invoice stands, and in words why it is trusted or doubted."""
