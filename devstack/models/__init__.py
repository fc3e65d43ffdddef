"""What the stand-ins of the model vendors share: server, call record, fault script, key states and the reader.

They speak the vendors' wire protocols on loopback so that the unmodified SDKs talk to them. They are no product
feature and no model: what they read is the document's text layer, by rules.
"""
